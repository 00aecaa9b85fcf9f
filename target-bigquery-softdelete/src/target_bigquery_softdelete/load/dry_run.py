"""A dry run: everything happens as in a real one, but to a clone of each table in the staging dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.sql.identifiers import TableId


class StandIn:
    """What stands for the table of a stream: a clone of it, made when it is first asked for.

    A clone costs nothing but what is changed in it: https://cloud.google.com/bigquery/docs/table-clones-intro
    """

    def __init__(self, warehouse: Warehouse, original: TableId, table_id: TableId) -> None:
        """Describe the stand-in. Nothing is made yet.

        Args:
            warehouse: Where both are.
            original: The table, which need not exist.
            table_id: The clone. It is a staging table.
        """
        self._warehouse = warehouse
        self._original = original
        self._made = False
        self.table_id = table_id

    def make(self) -> None:
        """Make the clone, if that has not been done and there is a table.

        Raises:
            WarehouseError: If BigQuery does not make it.
        """
        if not self._made and self._warehouse.table(self._original):
            self._warehouse.clone(self._original, self.table_id)
        self._made = True

    def drop(self) -> None:
        """Remove it."""
        self._warehouse.delete_table(self.table_id)
