"""Whether a table is known to be equal to a snapshot, and what the audit log is to remember of it for the next run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from target_bigquery_softdelete.records.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_bigquery_softdelete.audit.stream_report import MergeResult, StreamReport
    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.load.prepare_table import PreparedTable
    from target_bigquery_softdelete.load.staging_table import StagedRows
    from target_bigquery_softdelete.load.stream_table import StreamTable


class SnapshotMemory:
    """The memory of one table in one run."""

    def __init__(self, run: Run, table: StreamTable) -> None:
        """Begin before anything is done to the table."""
        self._run = run
        self._table = table
        self._seen_ms = 0
        """When the table was last changed before this run looked at its rows, in milliseconds since 1970, by BigQuery's
        clock."""
        self._has_prepared = False
        """Whether it was this run that changed it."""
        self._is_uncertain = False
        """Whether this run has changed labels after it looked at the rows: who else wrote then, no time tells."""
        self._expected_rows = 0
        """How many rows the table has after the last merge, if nobody else writes into it."""

    def fingerprint(self, staged: StagedRows, sources: Collection[str]) -> str | None:
        """Return what stands for a complete snapshot, or None if there is none.

        There is none for rows that are many, or that lack properties which keep their values, and none in a dry run.

        Args:
            staged: All its rows.
            sources: The streams of the input that they come from.
        """
        if staged.inline is None or staged.inline.has_absent or self._table.clone:
            return None
        circumstances = (*self._run.circumstances, self._table.name, *sorted(sources))
        return fingerprint(circumstances, staged.columns, staged.inline.last_of_keys)

    def has(self, snapshot: str) -> bool:
        """Return whether the table is known to be equal to a snapshot, and to have its live view.

        What was known of it at the start says nothing once this run has changed it.
        """
        if self._has_touched:
            return False
        known, view = self._run.known.of(self._table.table_id), self._table.live_view
        is_known = known is not None and snapshot == known.fingerprint
        return is_known and (view is None or not self._run.warehouse.is_missing(view.view_id))

    def note_prepared(self, prepared: PreparedTable) -> None:
        """Note how the table was made ready, before this run looks at its rows."""
        self._seen_ms = math.ceil((prepared.changed or prepared.modified).timestamp() * 1000)
        self._has_prepared = self._has_prepared or prepared.changed is not None

    def note_labelled(self) -> None:
        """Note that this run has changed the labels of the table, after it looked at its rows."""
        self._is_uncertain = True

    @property
    def _has_touched(self) -> bool:
        return bool(self._has_prepared or self._is_uncertain or self._table.statements.changed_ms)

    def note_merge(self, prepared: PreparedTable, result: MergeResult) -> None:
        """Note what a merge has done to the table."""
        self._expected_rows = prepared.rows + result.inserted + result.deleted - result.marked

    def remember(self, snapshot: str, report: StreamReport) -> None:
        """Let the log remember that the table is equal to a snapshot, now that all is written.

        Where this run has written nothing, the table still is in the state in which it was when it was compared.
        Otherwise the log takes the state that it finds, unless somebody else can have had a part in it: what they write
        before this run's last statement is seen by that statement, and what they write after its end by the time.

        Args:
            snapshot: Its fingerprint.
            report: The report that goes into the log.
        """
        adoption = self._table.adoption
        if self._table.guard.refusal or adoption.is_running or adoption.taken_at:
            return  # rows that are missing were not marked
        known = self._run.known.of(self._table.table_id)
        if known and not self._has_touched:
            report.fingerprint, report.table_state = snapshot, known.state
        elif not self._is_uncertain:
            report.fingerprint, report.expected_rows = snapshot, self._expected_rows
            report.touched_ms = max(self._seen_ms, self._table.statements.written_ms)
            report.all_touched_ms = max(self._seen_ms, self._table.statements.changed_ms)
