"""The view `<table>_live`: the rows that are not deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.bigquery import table_schema
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.system_columns import OPERATION
from target_bigquery_softdelete.sql import tables as sql

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.cloud.bigquery import SchemaField

    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.sql.identifiers import TableId


class LiveView:
    """The view of the live rows of one table."""

    def __init__(self, warehouse: Warehouse, table_id: TableId, view_id: TableId) -> None:
        self._warehouse = warehouse
        self._table_id = table_id
        self.view_id = view_id
        """The view."""

    def refresh(self, fields: Sequence[SchemaField], *, run: Callable[[str, str], object]) -> bool:
        """Create the view, or replace it when the columns of the table have changed.

        Returns:
            Whether that was done.

        Args:
            fields: The schema of the table.
            run: Runs a statement that has a name.

        Raises:
            PluginError: If something else has the view's name.
            WarehouseError: If BigQuery refuses.
        """
        shown = [field for field in fields if field.name.lower() != OPERATION]
        found = self._warehouse.read_table(self.view_id)
        if found is not None:
            if found.table_type != "VIEW" or found.description != sql.LIVE_VIEW_DESCRIPTION:
                raise PluginError(
                    f"`{self.view_id}` is not a view that this target wrote. Rename it, or set `live_views` to false."
                )
            if _shape(found.schema) == _shape(shown):
                return False
        query = sql.live_rows(self._table_id, [field.name for field in shown])
        run(sql.live_view(self.view_id, query), "live-view")
        self._warehouse.keep_view(self.view_id)
        return True


def _shape(fields: Sequence[SchemaField]) -> list[tuple[str, str]]:
    return [(field.name, table_schema.column_of(field).sql_type) for field in fields]
