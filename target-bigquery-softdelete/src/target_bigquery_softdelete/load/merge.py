"""Brings a target table up to date with staged rows: make the table fit, measure, guard, merge."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.cloud.bigquery import ScalarQueryParameter

from target_bigquery_softdelete.audit.stream_report import MergeResult
from target_bigquery_softdelete.bigquery import table_schema
from target_bigquery_softdelete.bigquery.table_layout import layout_of
from target_bigquery_softdelete.bigquery.warehouse import STAGING_LIFETIME
from target_bigquery_softdelete.load.delete_guard import refusal
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.runtime.about import SOFTWARE
from target_bigquery_softdelete.sql import merge as sql

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from google.cloud import bigquery
    from google.cloud.bigquery import SchemaField

    from target_bigquery_softdelete.bigquery.lease import Lease
    from target_bigquery_softdelete.bigquery.statements import StatementResult
    from target_bigquery_softdelete.bigquery.table_layout import Layout
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.config.options import DeleteLimits
    from target_bigquery_softdelete.load.dry_run import StandIn
    from target_bigquery_softdelete.load.history import History
    from target_bigquery_softdelete.load.live_view import LiveView
    from target_bigquery_softdelete.schema.columns import Column, TableColumns
    from target_bigquery_softdelete.sql.identifiers import TableId

LEAST_BILLED_BYTES = 10 << 20
"""What BigQuery bills for a table that a query names, at least: https://cloud.google.com/bigquery/pricing. A table that
is no larger costs the same whether its key is read or all of it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Staged:
    """Rows that are ready to be merged."""

    table_id: TableId
    columns: TableColumns
    ranges: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """First and last value of the columns of the key that a table may be partitioned by."""
    has_deletions: bool = True
    """Whether some of them may say that they are deleted."""


class TableMerge:
    """Merges into one target table."""

    def __init__(  # noqa: PLR0913 - what it merges into, and what has a say in it
        self,
        warehouse: Warehouse,
        table_id: TableId,
        limits: DeleteLimits,
        *,
        stream: str,
        lease: Lease,
        history: History | None = None,
        live_view: LiveView | None = None,
        stand_in: StandIn | None = None,
    ) -> None:
        self._stand_in = stand_in
        self._live_view = live_view
        self._history = history
        self._warehouse = warehouse
        self._lease = lease
        self._table_id = table_id
        self._limits = limits
        self._stream = stream
        self._jobs = 0
        self.bytes_billed = 0
        self.slot_ms = 0
        self._partition = ""
        """The column that every statement must filter by, where the table wants that."""
        self._partitioned_by = ""
        self._is_new = False
        """Whether the table was created by this run, and nothing is in it yet."""
        self._is_small = False
        """Whether it costs nothing more to read all of the table than to read its key."""
        self._fields: Sequence[SchemaField] = ()
        """The schema of the table."""

    def merge(self, staged: Staged, *, complete: bool, also_present: tuple[TableId, ...] = ()) -> MergeResult:
        """Merge staged rows that have a key.

        Args:
            staged: The rows.
            complete: Whether they, with `also_present`, are a complete snapshot: then rows that are missing from it
                are marked deleted, unless the guard refuses.
            also_present: Staging tables of rows that were merged earlier in this run.
        """
        source = self._source(staged, also_present)
        if self._is_new and not staged.has_deletions:
            return self._fill(source)
        self._follow(staged.columns.key)
        within, limits = ("", []) if complete else self._within(staged, source)
        filters = {"partition": self._partition, "within": within}
        # A list that is read whole is mostly as it was, and a query that finds that out is cheaper than a MERGE. What
        # else may be as it was, the last page of a feed for one, is worth the question where it costs nothing.
        compare = complete or self._is_small
        question = sql.measure(self._table_id, source, compare=compare, **filters)
        (found,) = self._run(question, "measure", parameters=limits).rows
        refused = None
        if complete:
            refused = refusal(
                self._limits,
                stream=self._stream,
                live=found["live"],
                missing=found["missing"],
                staged=found["staged"] or len(also_present),
            )
        sweep = complete and not refused
        if compare and not found["differ"] and not (sweep and found["missing"]):
            return MergeResult(unchanged=found["staged"], refusal=refused)
        statement = sql.merge(self._table_id, source, sweep=sweep, **filters)
        done = self._run(statement, "merge", synced=utc_now(), parameters=limits)
        if done.inserted or done.updated:
            self._follow(staged.columns.key)

        swept = found["missing"] if sweep else 0
        written = done.updated - swept
        return MergeResult(
            inserted=done.inserted - found["born_deleted"],
            updated=written - found["restored"] - found["marked"],
            deleted=swept + found["marked"] + found["born_deleted"],
            restored=found["restored"],
            unchanged=found["staged"] - done.inserted - written,
            refusal=refused,
        )

    def _fill(self, source: sql.Source) -> MergeResult:
        """Merge into a new table: nothing in it needs to be counted, and nothing can be missing from a snapshot."""
        done = self._run(
            sql.merge(self._table_id, source, sweep=False, partition=self._partition), "merge", synced=utc_now()
        )
        self._follow(source.columns.key)
        return MergeResult(inserted=done.inserted, updated=done.updated)

    def empty_snapshot(self, columns: TableColumns) -> MergeResult:
        """Handle a complete snapshot without any row: nothing is there any more, or something went wrong."""
        table = self._table()
        if table is None:
            return MergeResult()
        self._partition = table_schema.required_filter(table)
        live = self._run(sql.count_live(self._table_id, partition=self._partition), "count").rows[0]["live"]
        refused = refusal(self._limits, stream=self._stream, live=live, missing=live, staged=0)
        if refused or not live:
            return MergeResult(refusal=refused)
        self._fields = table.schema
        self._follow(columns.key)
        self._run(sql.sweep_all(self._table_id, partition=self._partition), "sweep", synced=utc_now())
        self._follow(columns.key)
        return MergeResult(deleted=live)

    def append(self, staged: Staged) -> MergeResult:
        """Add staged rows that have no key."""
        done = self._run(sql.append(self._table_id, self._source(staged)), "append", synced=utc_now())
        return MergeResult(inserted=done.inserted)

    def replace(self, staged: Sequence[Staged], rows: int) -> MergeResult:
        """Replace all rows of a table without a key."""
        sources = [self._source(one) for one in staged]
        self._run(sql.replace(self._table_id, sources, partition=self._partition), "replace", synced=utc_now())
        return MergeResult(inserted=rows)

    def _follow(self, key: Sequence[str]) -> None:
        """Let the history follow the table: before the rows change, in case a crash kept it from it, and after."""
        if self._history is not None:
            self._history.follow(self._fields, key, run=self._run, partition=self._partition)

    def _source(self, staged: Staged, also_present: tuple[TableId, ...] = ()) -> sql.Source:
        return sql.Source(staged.table_id, staged.columns, self._fitting_columns(staged.columns), also_present)

    def _within(self, staged: Staged, source: sql.Source) -> tuple[str, list[ScalarQueryParameter]]:
        """Return the column of the key by which the table is partitioned, and its first and last staged value."""
        ranged = {one.name.lower(): one for one in staged.columns.key_columns() if one.name in staged.ranges}
        column = ranged.get(self._partitioned_by.lower())
        if column is None or source.table_columns[column.name].kind is not column.kind:
            return "", []
        first, last = staged.ranges[column.name]
        kind = str(column.kind)
        return column.name, [ScalarQueryParameter("first", kind, first), ScalarQueryParameter("last", kind, last)]

    def _run(
        self,
        statement: str,
        name: str,
        *,
        synced: dt.datetime | None = None,
        parameters: Sequence[ScalarQueryParameter] = (),
    ) -> StatementResult:
        self._lease.check()
        self._jobs += 1
        job_name = f"{name}-{self._table_id.table}-{self._jobs}"
        outcome = self._warehouse.statements.run(statement, job_name, synced=synced, parameters=parameters)
        self.bytes_billed += outcome.bytes_billed
        self.slot_ms += outcome.slot_ms
        return outcome

    def _fitting_columns(self, columns: TableColumns) -> Mapping[str, Column]:
        """Make the table fit, and return the stream's columns as the table has them."""
        table, self._is_new = self._table(), False
        if table is None:
            table, self._is_new = self._warehouse.create_table(
                self._table_id,
                table_schema.table_fields(columns.columns),
                layout=self._layout(columns),
                lifetime=STAGING_LIFETIME if self._stand_in else None,
            )
        if self._is_new:
            self._partition = table_schema.required_filter(table)
            logger.info("%s: created the table %s", self._stream, self._table_id)
        else:
            table = self._fit(table, columns)
        self._is_small = (table.num_bytes or 0) <= LEAST_BILLED_BYTES
        self._partitioned_by = table_schema.partition_column(table)
        self._fields = table.schema
        if self._live_view is not None:
            self._live_view.follow(self._fields, run=self._run)
        by_name = {field.name.lower(): table_schema.column_of(field) for field in table.schema}
        return {one.name: by_name[one.name.lower()] for one in columns.columns}

    def _table(self) -> bigquery.Table | None:
        if self._stand_in is not None:
            self._stand_in.make()
        return self._warehouse.known_table(self._table_id)

    def _layout(self, columns: TableColumns) -> Layout:
        settings = self._warehouse.settings
        partition_by = settings.partition_by.get(self._stream)
        if partition_by:
            partition_by.check(columns.columns, self._stream)
        tenant = f" of tenant {settings.tenant_id}" if settings.tenant_id else ""
        return layout_of(
            columns,
            description=f"Stream {self._stream}{tenant}, written by {SOFTWARE}",
            partition_by=partition_by,
            require_partition_filter=settings.require_partition_filter,
        )

    def _fit(self, table: bigquery.Table, columns: TableColumns) -> bigquery.Table:
        if what := table_schema.no_table(table):
            raise PluginError(
                f"{self._stream}: `{self._table_id}` is {what}. Rename it, or give the stream another name with "
                "`__alias__` in `stream_maps`."
            )
        self._partition = table_schema.required_filter(table)
        change = table_schema.change(table.schema, columns.columns, table=str(self._table_id))
        if list(change.fields) != list(table.schema) or self._warehouse.lacks_labels(table):
            table = self._warehouse.extend_table(table, change.fields)
            self._tell(change)
        if change.adopted:
            adopted = self._run(sql.adopt(self._table_id, partition=self._partition), "adopt", synced=utc_now())
            logger.info("%s: adopted %s with %d rows", self._stream, self._table_id, adopted.updated)
        if change.widened:
            self._run(sql.widen(self._table_id, change.widened), "widen")
            logger.info("%s: wider types in %s: %s", self._stream, self._table_id, _listed(change.widened))
            table = self._warehouse.table(self._table_id) or table
        return table

    def _tell(self, change: table_schema.SchemaChange) -> None:
        for what, columns in (("new columns", change.added), ("no longer REQUIRED", change.relaxed)):
            if columns:
                logger.info("%s: %s in %s: %s", self._stream, what, self._table_id, ", ".join(columns))


def _listed(columns: Sequence[Column]) -> str:
    return ", ".join(f"{one.name} {one.sql_type}" for one in columns)
