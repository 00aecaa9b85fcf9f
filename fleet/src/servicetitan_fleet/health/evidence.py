"""The evidence that a company's runs leave behind: rows of its audit log, and its record in the storage. Pure."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - msgspec reads the types at run time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from servicetitan_fleet.state.company_record import CompanyRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicetitan_fleet.registry.company import Company

SUCCESS = "success"
"""Status in the audit log of a stream that was read to its end and written."""

SKIPPED = "skipped"
"""Status of a stream of which nothing was read: the tenant lacks the module, or the app its scope."""

INCOMPLETE = "incomplete"
"""Status of a stream that may lack records. What could be read was written."""

DRY_RUN = "dry_run"
"""Status of a successful stream in a dry run, and the prefix of the others: `dry_run_failed`."""


def seconds_spent(source_ms: int | None, staging_ms: int | None, bigquery_ms: int | None) -> dict[str, float]:
    """Return the seconds that the target of a run spent, by what for; empty if that is not known."""
    if source_ms is None or staging_ms is None or bigquery_ms is None:
        return {}
    return {"source": source_ms / 1000, "staging": staging_ms / 1000, "BigQuery": bigquery_ms / 1000}


class StreamRun(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of the audit log: one stream in one run.

    A fleet has hundreds of thousands of them, none of which is part of a circle: the garbage collector need not visit
    them.
    """

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
    source_ms: int | None = None
    staging_ms: int | None = None
    bigquery_ms: int | None = None
    """Where the time of the whole run went, the same in all its rows: waiting for the source, staging rows, the rest
    until the last stream ended. None in rows of older versions."""

    error: str = ""
    was_read: bool = False
    """Whether any run has read it to its end, or any record of it."""

    new_changes: str = ""
    """How the source has changed its schema, if no earlier run has said the same."""

    last_success: dt.datetime | None = None
    """When a run of this stream was last successful, however long ago; None if none ever was."""

    @property
    def is_not_available(self) -> bool:
        """Whether it was skipped and never read: the tenant does not have the module, or the app not its scope."""
        return self.ending == SKIPPED and not self.was_read

    @property
    def ending(self) -> str:
        """The status as a real run has it: that of a dry run without its prefix."""
        return SUCCESS if self.status == DRY_RUN else self.status.removeprefix(f"{DRY_RUN}_")

    @property
    def spent(self) -> dict[str, float]:
        """The seconds that the target of the whole run spent, by what for; empty if that is not known."""
        return seconds_spent(self.source_ms, self.staging_ms, self.bigquery_ms)

    @property
    def rows_written(self) -> int:
        """Rows that were inserted, updated or restored."""
        return self.rows_inserted + self.rows_updated + self.rows_restored


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSum:
    """What all streams of a company did in one run."""

    started: dt.datetime
    rows_read: int = 0
    rows_written: int = 0
    """Rows that were inserted, updated or restored."""

    rows_deleted: int = 0
    spent: Mapping[str, float] = field(default_factory=dict)
    """The seconds that the target spent, by what for; empty if that is not known."""

    bad: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The streams that did not end well, by their status. One that was never available is no trouble."""

    ended: dt.datetime | None = None
    """When its last stream ended, if that is known."""

    changes: Mapping[str, str] = field(default_factory=dict)
    """How the source has changed its schema since the run before, by stream."""

    bytes_billed: int = 0
    """Bytes that BigQuery bills for its statements. The least that it bills for a table, 10 MB, is part of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that could be read about one company."""

    company: Company
    record: CompanyRecord = field(default_factory=CompanyRecord)
    """How its last runs ended."""

    runs: Sequence[StreamRun] = ()
    """Rows of its audit log: the last of each stream."""

    history: Sequence[RunSum] = ()
    """Its last runs, oldest first, if they were asked for."""

    problem: str = ""
    """What could not be read, and why; empty if everything was read."""
