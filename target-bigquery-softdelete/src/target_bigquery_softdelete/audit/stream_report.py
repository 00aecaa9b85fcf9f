"""Counts what a run did with each stream."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.errors import DeletesRefusedError
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.plugin_runtime.plurals import pluralize
from target_bigquery_softdelete.plugin_runtime.redaction import redact
from target_bigquery_softdelete.singer.read_ends import ReadStatus

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from target_bigquery_softdelete.singer.read_ends import ReadEnd

SUCCESS, REFUSED = "success", "deletes_refused"
SKIPPED, INCOMPLETE, FAILED = ReadStatus.SKIPPED.value, ReadStatus.INCOMPLETE.value, ReadStatus.FAILED.value
DRY_RUN = "dry_run"

CHANGES_JOINED = "; "
"""What stands between changes of a schema in the log."""

MOST_SHOWN_STREAMS = 20


@dataclass(frozen=True)
class MergeResult:
    """How many rows one merge changed."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    restored: int = 0
    unchanged: int = 0
    marked: int = 0
    """Those of the deleted that were live before: the others are new, and deleted at once."""

    @property
    def has_written(self) -> bool:
        """Whether any row was written."""
        return bool(self.inserted or self.updated or self.deleted or self.restored)


@dataclass(frozen=True)
class EarlierMarks:
    """Rows of a table that earlier runs have marked deleted."""

    marked: int = 0
    unknown: str = ""
    """Why that is not known, as the rest of a sentence."""
    deleted: int = 0
    """Rows that they say they have written as deleted: those that they marked, and those that were new."""
    since: dt.datetime | None = None
    """From when on these count."""

    def with_unlogged(self, found: int) -> EarlierMarks:
        """Count the marks of runs that were killed before they could write into the log, too.

        Args:
            found: The rows of the table that were written as deleted since then.
        """
        return replace(self, marked=self.marked + max(0, found - self.deleted))


@dataclass
class StreamReport:
    """What happened to one stream in this run. The counts are exact."""

    stream: str
    table_name: str
    started: dt.datetime = field(default_factory=utc_now)
    ended: dt.datetime | None = None
    status: str = SUCCESS
    rows_read: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0
    rows_marked: int = 0
    """Those of the deleted that were live before."""
    rows_restored: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    bytes_staged: int = 0
    bytes_billed: int = 0
    slot_ms: int = 0
    deletes_allowed: bool = False
    """Whether the limits of the guard were lifted, and the stream has done what it wanted to."""
    error: str | None = None
    fingerprint: str | None = None
    """What stands for the complete snapshot that the table is equal to now."""
    table_state: str | None = None
    """The state of the table, if this run has not changed it."""
    expected_rows: int | None = None
    """How many rows the table must have if nobody else has changed it meanwhile, where this run has."""
    touched_ms: int | None = None
    """When this run was done with it then, in milliseconds since 1970, by BigQuery's clock."""
    all_touched_ms: int | None = None
    """The same of its history, too."""
    schema_changes: list[str] = field(default_factory=list)
    """How the source has changed its schema, in words."""
    dry_run: bool = False
    """Whether the counts say what a real run would have done."""

    @property
    def row(self) -> dict[str, Any]:
        """The stream's part of its row in the log."""
        status = self.status if not self.dry_run else DRY_RUN if self.status == SUCCESS else f"{DRY_RUN}_{self.status}"
        return {
            **vars(self),
            "status": status,
            "error": redact(self.error) if self.error else None,
            "schema_changes": redact(CHANGES_JOINED.join(self.schema_changes)) or None,
        }

    def add(self, result: MergeResult) -> None:
        """Add the counts of one merge."""
        self.rows_inserted += result.inserted
        self.rows_updated += result.updated
        self.rows_deleted += result.deleted
        self.rows_marked += result.marked
        self.rows_restored += result.restored
        self.rows_unchanged += result.unchanged

    def fail(self, error: Exception) -> None:
        """Note why the stream failed."""
        self.status = REFUSED if isinstance(error, DeletesRefusedError) else FAILED
        self.error = str(error)

    def note_schema_changes(self, changes: Iterable[str]) -> None:
        """Note how the source has changed its schema, once each."""
        self.schema_changes += [change for change in changes if change not in self.schema_changes]

    def note_end(self, end: ReadEnd) -> None:
        """Note how reading the stream ended. What went wrong while its rows were written counts more."""
        self.note_schema_changes(f"no column for the new field {name}" for name in end.unknown_fields)
        if self.status == SUCCESS and end.status is not ReadStatus.COMPLETE:
            self.status, self.error = end.status.value, end.reason

    def summary(self) -> str:
        """Return the counts as one line, and what the tap says against them."""
        counts = ", ".join(
            f"{name} {getattr(self, f'rows_{name}')}"
            for name in ("read", "inserted", "updated", "deleted", "restored", "unchanged")
        )
        rejected = f", rejected {self.rows_rejected}" if self.rows_rejected else ""
        against = f"; {self.status}: {self.error}" if self.status in (SKIPPED, INCOMPLETE) else ""
        return f"{'dry run: ' * self.dry_run}{self.stream}: {counts}{rejected}{against}"


def progress(streams: Sequence[tuple[StreamReport, int]]) -> str:
    """Return a line about how far a run got: streams with the most unmerged rows come first.

    Args:
        streams: Reports, each with the number of merged rows.
    """
    behind = sorted(streams, key=lambda counted: counted[1] - counted[0].rows_read)
    shown = [
        f"{report.stream}: {pluralize(report.rows_read, 'row')} read, {merged} merged" for report, merged in behind
    ]
    rest = len(shown) - MOST_SHOWN_STREAMS
    more = f"; and {pluralize(rest, 'more stream')}" if rest > 0 else ""
    return "; ".join(shown[:MOST_SHOWN_STREAMS]) + more if shown else "No stream was read"
