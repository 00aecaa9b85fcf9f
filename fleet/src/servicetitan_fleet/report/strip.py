"""The strip of a company's last runs: a cell for each, coloured by how it ended. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from servicetitan_fleet.formatting import format_duration
from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicetitan_fleet.report.runs import Run

RUN_CLASSES = {
    RunStatus.DONE: "",
    RunStatus.INCOMPLETE: "n",
    RunStatus.FAILED: "f",
    RunStatus.TIMED_OUT: "t",
    RunStatus.KILLED: "k",
    RunStatus.STOPPED: "s",
}
"""CSS class of a cell, by how the run ended; it brings the sign. They are short: a large fleet has 28,000 cells."""

_LONGEST_REASON = 300


class StripCell(NamedTuple):
    """A run in a strip."""

    kind: str
    """CSS class."""

    title: str


def build_strip(runs: Iterable[Run], *, has_reasons: bool) -> list[StripCell]:
    """Build the cells of runs.

    Args:
        runs: The runs, oldest first.
        has_reasons: Whether the titles give the reasons. Those of a thousand companies have no room for them.
    """
    return [StripCell(RUN_CLASSES[run.status], _title(run, has_reasons=has_reasons)) for run in runs]


def _title(run: Run, *, has_reasons: bool) -> str:
    took = f", {format_duration(run.seconds)}" if run.seconds is not None else ""
    title = f"{run.started:%m-%d %H:%M} {run.status}{took}"
    if not (has_reasons and run.reason):
        return title
    reason = run.reason if len(run.reason) <= _LONGEST_REASON else f"{run.reason[:_LONGEST_REASON]}…"
    return f"{title}: {reason}"
