"""Every version of every row, in `<table>_history`.

The versions follow from the table itself: `_etl_synced` changes exactly when a row is written, so a row has a new
version if its time is not that of its current version in the history. One statement closes the old version and appends
the new one. It is sent after each MERGE that has written. If a crash comes between MERGE and statement, the next run
catches up before the rows change again, and no version is lost or stored twice: the query that it sends before its
MERGE anyway also counts the versions that the history lacks. So a stream without changes costs no statement, and a
changed one costs one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.cloud.bigquery import SchemaField

from target_bigquery_softdelete.bigquery import table_schema
from target_bigquery_softdelete.bigquery.table_layout import Layout, clusterable, clustering
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.runtime.about import SOFTWARE
from target_bigquery_softdelete.schema.columns import walk
from target_bigquery_softdelete.schema.system_columns import OPERATION, SYNCED, VALID_FROM, VALID_TO
from target_bigquery_softdelete.sql import tables as sql
from target_bigquery_softdelete.sql.history import with_unversioned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.cloud import bigquery

    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.load.as_of import AsOfFunction
    from target_bigquery_softdelete.schema.columns import Column
    from target_bigquery_softdelete.sql.identifiers import TableId

VALIDITY_FIELDS = (
    SchemaField(VALID_FROM, "TIMESTAMP", description="When the row got these values (UTC)"),
    SchemaField(VALID_TO, "TIMESTAMP", description="When it got other values; NULL for the current version"),
)

_OURS = {OPERATION, SYNCED, VALID_FROM, VALID_TO}


class History:
    """The history of one table."""

    def __init__(self, warehouse: Warehouse, table_id: TableId, history_id: TableId, as_of: AsOfFunction) -> None:
        self._warehouse = warehouse
        self._table_id = table_id
        self.history_id = history_id
        """The history."""
        self._as_of = as_of
        self._fitted_to: tuple[Column, ...] = ()
        """Columns that the history is known to have: the table is read again only when they change."""

    def append_versions(
        self,
        fields: Sequence[SchemaField],
        key: Sequence[str],
        *,
        run: Callable[[str, str], object],
        partition: str = "",
    ) -> None:
        """Add the versions that the table has and its history lacks.

        Args:
            fields: The schema of the table.
            key: Names of its key columns.
            run: Runs a statement that has a name.
            partition: The column that every statement must filter by, if the table requires one.

        Raises:
            PluginError: If the history cannot take them.
            WarehouseError: If BigQuery refuses.
        """
        names = [column.name for column in self._prepare(fields, key, run)]
        statement = sql.append_versions(self.history_id, self._table_id, key=key, columns=names, partition=partition)
        run(statement, "history")

    def count_lacking(
        self,
        query: str,
        fields: Sequence[SchemaField],
        key: Sequence[str],
        *,
        run: Callable[[str, str], object],
        partition: str = "",
    ) -> str:
        """Return a query of one row that also counts, as `unversioned`, the versions that the history lacks.

        Args:
            query: The query without that.
            fields: See :meth:`append_versions`, for these and the errors.
            key: See there.
            run: See there.
            partition: See there.
        """
        self._prepare(fields, key, run)
        return with_unversioned(query, self.history_id, self._table_id, key=key, partition=partition)

    def _prepare(
        self, fields: Sequence[SchemaField], key: Sequence[str], run: Callable[[str, str], object]
    ) -> tuple[Column, ...]:
        """Let the history have the columns of the table, and return those that it keeps."""
        columns = self._kept_columns(fields)
        if columns != self._fitted_to:
            self._as_of.refresh(self._create_or_fit(columns, key, run), columns, run)
            self._fitted_to = columns
        return columns

    def _kept_columns(self, fields: Sequence[SchemaField]) -> tuple[Column, ...]:
        """Return the columns that the history keeps: all but those of types that this target never writes."""
        columns = [table_schema.column_of(field) for field in fields]
        for column in columns:
            if column.name.lower() in {VALID_FROM, VALID_TO}:
                raise PluginError(
                    f"{self._table_id}: the column `{column.name}` has a name that the history needs for itself. "
                    "Rename the property with a stream map, or leave the stream out of `history`."
                )
        known = [column for column in columns if not any(inner.foreign for inner in walk([column]))]
        return tuple(column for column in known if column.name.lower() not in _OURS)

    def _create_or_fit(
        self, columns: Sequence[Column], key: Sequence[str], run: Callable[[str, str], object]
    ) -> bigquery.Table:
        table = self._warehouse.read_known_table(self.history_id)
        if table is None:
            by_key = [column for column in columns if column.name in key]
            layout = Layout(
                clustering=tuple(clustering(by_key)),
                description=f"Every version of the rows of {self._table_id.table}, written by {SOFTWARE}",
            )
            fields = [*table_schema.table_fields(columns), *VALIDITY_FIELDS]
            table, is_new = self._warehouse.create_table(self.history_id, fields, layout=layout)
            if is_new:
                return table
        if table.table_type != "TABLE" or not {field.name for field in table.schema} >= _OURS:
            raise PluginError(
                f"`{self.history_id}` is not a history that this target wrote. Rename it, or leave the stream out of "
                "`history`."
            )
        change = table_schema.change(table.schema, columns, table=str(self.history_id))
        if list(change.fields) != list(table.schema):
            table = self._warehouse.extend_table(table, change.fields)
        if change.widened:
            self._uncluster(table.clustering_fields or (), change.widened)
            run(sql.widen(self.history_id, change.widened), "widen-history")
        return table

    def _uncluster(self, present: Sequence[str], widened: Sequence[Column]) -> None:
        """Cluster no longer by a column that becomes FLOAT64, which BigQuery does not cluster by."""
        lost = {column.name.lower() for column in widened if not clusterable(column)}
        kept = [name for name in present if name.lower() not in lost]
        if len(kept) < len(present):
            self._warehouse.cluster_table(self.history_id, kept)
