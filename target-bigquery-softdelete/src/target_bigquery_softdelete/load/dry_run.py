"""A dry run writes into clones in the staging dataset. Everything else happens as in a real run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.sql.identifiers import TableId


class DryRunClone:
    """A clone of the table of a stream, in the staging dataset.

    A clone costs nothing but what is changed in it: https://cloud.google.com/bigquery/docs/table-clones-intro
    """

    def __init__(self, warehouse: Warehouse, original: TableId, table_id: TableId) -> None:
        """Describe the clone. Nothing is created yet.

        Args:
            warehouse: Where both are.
            original: The table, which need not exist.
            table_id: The clone. It is a staging table.
        """
        self._warehouse = warehouse
        self._original = original
        self._created = False
        self.table_id = table_id

    def create(self) -> None:
        """Create the clone, unless that was done before or there is no table to clone.

        Raises:
            WarehouseError: If BigQuery refuses.
        """
        if not self._created and self._warehouse.read_table(self._original):
            self._warehouse.clone(self._original, self.table_id)
        self._created = True

    def drop(self) -> None:
        """Delete the clone."""
        self._warehouse.delete_table(self.table_id)
