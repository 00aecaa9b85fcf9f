"""What the report of a large fleet keeps of each company, so that it has room for a thousand of them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.health.freshness import Freshness
from servicetitan_fleet.report.company_charts import LAST_RUNS
from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus, Issue
    from servicetitan_fleet.registry.company import Company

RUN_SIGNS: Mapping[RunStatus, str] = {
    RunStatus.DONE: "✓",
    RunStatus.INCOMPLETE: "◐",
    RunStatus.FAILED: "✗",
    RunStatus.TIMED_OUT: "⌛",
    RunStatus.KILLED: "☠",
    RunStatus.STOPPED: "■",
}
"""The sign of a run in the strip of a company, by how it ended."""

ROWS = ("read", "written", "deleted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A company in the overview of a large fleet."""

    company: Company
    freshness: Freshness
    reason: str
    is_running: bool
    is_refused: bool
    last_good: dt.datetime | None
    issues: Sequence[Issue]
    strip: str
    """A sign for each of its last runs, the newest on the right."""

    streams: Mapping[Freshness, int]
    """How many of its streams are in each state."""

    rows: Mapping[str, int]
    """The rows of the last runs of its streams, by what was done with them."""

    @property
    def stream_text(self) -> str:
        """Its streams in words: `17 fresh, 2 stale`."""
        return ", ".join(f"{count} {state}" for state, count in self.streams.items())


def summarize(status: CompanyStatus) -> Summary:
    """Return what the overview shows of a company."""
    counts = Counter(stream.freshness for stream in status.streams)
    return Summary(
        company=status.company,
        freshness=status.freshness,
        reason=status.reason,
        is_running=status.is_running,
        is_refused=status.is_refused,
        last_good=status.last_good,
        issues=status.issues,
        strip="".join(RUN_SIGNS[run.status] for run in status.runs[-LAST_RUNS:]),
        streams={state: counts[state] for state in Freshness if counts[state]},
        rows={name: sum(getattr(stream.last, f"rows_{name}") for stream in status.streams) for name in ROWS},
    )
