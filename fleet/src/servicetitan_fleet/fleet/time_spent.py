"""Where the time of a company's run went. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.formatting import format_clock
from servicetitan_fleet.plugin_runtime.compat import override

if TYPE_CHECKING:
    import datetime as dt


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTime:
    """The seconds of a run that its target has counted, until its last stream ended."""

    source: float
    staging: float
    bigquery: float
    ended: dt.datetime
    """When the last stream ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSpent:
    """The seconds of a company's run, each counted once."""

    source: float
    """Waiting for the tap's next line."""

    staging: float
    """Converting and loading rows."""

    bigquery: float
    """Lease, checks and merges, and everything after the last stream: state, audit log."""

    start: float
    """Everything before: secrets, the start of Meltano and the plugins."""

    @property
    def parts(self) -> dict[str, float]:
        """The parts by the names that people read."""
        return {"source": self.source, "staging": self.staging, "BigQuery": self.bigquery, "start": self.start}

    @override
    def __str__(self) -> str:
        return ", ".join(f"{name} {format_clock(seconds)}" for name, seconds in self.parts.items())


def divide_time(started: dt.datetime, ended: dt.datetime, target: TargetTime) -> TimeSpent:
    """Divide the time of a run.

    Args:
        started: When the company's turn began.
        ended: When its process had ended, and its audit log was read.
        target: What its target has counted.
    """
    after = max(0.0, (ended - target.ended).total_seconds())
    bigquery = target.bigquery + after
    rest = (ended - started).total_seconds() - target.source - target.staging - bigquery
    return TimeSpent(source=target.source, staging=target.staging, bigquery=bigquery, start=max(0.0, rest))
