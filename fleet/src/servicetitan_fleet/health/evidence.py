"""What the runs of a company leave behind: rows of its audit log, and its record in the storage. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servicetitan_fleet.state.company_record import CompanyRecord

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from servicetitan_fleet.registry.company import Company


SUCCESS = "success"
"""Status of a stream that ended well, in the audit log."""


DRY_RUN = "dry_run"
"""What the status begins with of a stream that was not really run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRun:
    """One row of the audit log: a stream in one run."""

    run_id: str
    stream: str
    started: dt.datetime
    ended: dt.datetime
    status: str
    rows_read: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0
    rows_restored: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    error: str = ""
    last_success: dt.datetime | None = None
    """When the stream last ended well, in this run or another; None when it has not for as long as was looked back."""

    @property
    def rows_written(self) -> int:
        """Rows that were inserted, updated or restored."""
        return self.rows_inserted + self.rows_updated + self.rows_restored


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What could be read of one company."""

    company: Company
    record: CompanyRecord = field(default_factory=CompanyRecord)
    """How its last runs ended."""

    runs: Sequence[StreamRun] = ()
    """Rows of its audit log."""

    problem: str = ""
    """Why not all could be read."""
