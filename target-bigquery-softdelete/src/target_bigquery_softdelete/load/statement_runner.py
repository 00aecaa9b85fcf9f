"""Runs the statements on one table, and adds up what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from google.cloud.bigquery.query import _AbstractQueryParameter

    from target_bigquery_softdelete.bigquery.lease import Lease
    from target_bigquery_softdelete.bigquery.statements import StatementResult
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.sql.identifiers import TableId


class StatementRunner:
    """The statements of one run on one table. None is sent after the run has lost its lease."""

    def __init__(self, warehouse: Warehouse, table_id: TableId, lease: Lease) -> None:
        self._warehouse = warehouse
        self._table_id = table_id
        self._lease = lease
        self._count = 0
        self.bytes_billed = 0
        """What BigQuery bills for all statements so far."""
        self.slot_ms = 0
        """Their slot time, in milliseconds."""

    def run(
        self,
        statement: str,
        name: str,
        *,
        synced: dt.datetime | None = None,
        parameters: Sequence[_AbstractQueryParameter] = (),
    ) -> StatementResult:
        """Run a statement and return what it did.

        Args:
            statement: A GoogleSQL statement.
            name: What it does, in a word. It becomes part of the job's id.
            synced: Value of the parameter `synced`.
            parameters: Other parameters.

        Raises:
            PluginError: If the run no longer holds its lease.
            WarehouseError: If the statement fails.
        """
        self._lease.check()
        self._count += 1
        job_name = f"{name}-{self._table_id.table}-{self._count}"
        result = self._warehouse.statements.run(statement, job_name, synced=synced, parameters=parameters)
        self.bytes_billed += result.bytes_billed
        self.slot_ms += result.slot_ms
        return result
