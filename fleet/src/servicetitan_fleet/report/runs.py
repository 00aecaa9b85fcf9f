"""The last runs of a company: its record says how each ended, its audit log what the streams did in it. Pure."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from servicetitan_fleet.fleet.time_spent import TargetTime, divide_time
from servicetitan_fleet.health.evidence import INCOMPLETE, SKIPPED
from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from servicetitan_fleet.health.evidence import RunSum
    from servicetitan_fleet.health.freshness import CompanyStatus
    from servicetitan_fleet.state.company_record import RunRecord

LAST_RUNS = 28
"""Number of runs that are shown: a week at one run every six hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of a company. One that ended before its target wrote anything has no rows and is shown all the same."""

    started: dt.datetime
    status: RunStatus
    seconds: float | None = None
    """How long it took; None if only the audit log knows of it."""

    reason: str = ""
    execution: str = ""
    rows_read: int = 0
    rows_written: int = 0
    rows_deleted: int = 0
    bytes_billed: int = 0
    spent: Mapping[str, float] = field(default_factory=dict)
    """Where the time went: seconds by part; empty if that is not known."""

    bad: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The streams that did not end well, by their status."""

    changes: Mapping[str, str] = field(default_factory=dict)
    """How the source has changed its schema, by stream."""

    @property
    def is_bad(self) -> bool:
        """Whether it needs attention."""
        return self.status is not RunStatus.DONE or bool(self.bad)


def list_runs(company: CompanyStatus) -> list[Run]:
    """Return the last runs of a company, oldest first, at most `LAST_RUNS`."""
    sums = deque(sorted(company.history, key=lambda total: total.started))
    runs = []
    for record in sorted(company.runs, key=lambda run: run.started):
        while sums and sums[0].started < record.started:
            runs.append(_unrecorded(sums.popleft()))
        is_of_record = bool(sums) and sums[0].started <= record.ended
        runs.append(_join(record, sums.popleft() if is_of_record else None))
    return [*runs, *map(_unrecorded, sums)][-LAST_RUNS:]


def _join(record: RunRecord, total: RunSum | None) -> Run:
    run = _from_sum(total) if total else {}
    return Run(
        **{
            **run,
            "started": record.started,
            "status": record.status,
            "seconds": record.seconds,
            "reason": record.reason,
            "execution": record.execution,
            "spent": _divide(record, total) if total else {},
        }
    )


def _unrecorded(total: RunSum) -> Run:
    """Return a run that only the audit log knows of: of another storage, or of Meltano without the fleet."""
    status = RunStatus.DONE
    if total.bad:
        status = RunStatus.INCOMPLETE if total.bad.keys() <= {SKIPPED, INCOMPLETE} else RunStatus.FAILED
    return Run(**_from_sum(total), status=status)


def _from_sum(total: RunSum) -> dict[str, Any]:
    names = ("started", "rows_read", "rows_written", "rows_deleted", "bytes_billed", "spent", "bad", "changes")
    return {name: getattr(total, name) for name in names}


def _divide(record: RunRecord, total: RunSum) -> Mapping[str, float]:
    if not total.spent:
        return {}
    source, staging, bigquery = total.spent.values()
    target = TargetTime(source=source, staging=staging, bigquery=bigquery, ended=total.ended or record.ended)
    return divide_time(record.started, record.ended, target).parts


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRuns:
    """Runs in a row that ended in the same way, for the same reason."""

    count: int
    newest: Run


def group_bad_runs(runs: Sequence[Run]) -> list[BadRuns]:
    """Return the bad runs, newest first. Those in a row with the same reason are one entry."""
    groups = itertools.groupby(reversed(runs), key=lambda run: (run.is_bad, run.status, run.reason))
    listed = [(bad, list(group)) for (bad, _, _), group in groups]
    return [BadRuns(count=len(group), newest=group[0]) for bad, group in listed if bad]


def next_run(newest: Sequence[RunRecord], every: dt.timedelta) -> dt.datetime | None:
    """Return when the fleet's next run is expected: `every` after the last execution began. None before the first.

    The last execution is the one that most companies were part of: one that somebody started for a single company
    moves nothing.

    Args:
        newest: The newest run of each company.
        every: Time from one execution to the next.
    """
    began: dict[str, list[dt.datetime]] = {}
    for run in newest:
        began.setdefault(run.execution, []).append(run.started)
    if not began:
        return None
    starts = max(began.values(), key=lambda starts: (len(starts), max(starts)))
    return min(starts) + every
