"""Runs the statements on one table, and adds up what they cost.

A statement that writes rows is safe whenever it arrives: BigQuery itself checks, when it begins to run it, that the
lease of this run has not ended, and in each row that it would overwrite, that no other run wrote it since this one
began to read.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

from target_bigquery_softdelete.errors import LeaseLostError, OvertakenError, WarehouseError
from target_bigquery_softdelete.sql.guards import LEASE_ENDED, WRITTEN_BY_ANOTHER_RUN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.cloud.bigquery.query import _AbstractQueryParameter

    from target_bigquery_softdelete.bigquery.fused_queries import Question
    from target_bigquery_softdelete.bigquery.lease import Lease
    from target_bigquery_softdelete.bigquery.server_clock import ServerClock
    from target_bigquery_softdelete.bigquery.statements import StatementResult
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.sql.identifiers import TableId

FIRST_TIME = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
"""Before any `_etl_synced`: the first time that BigQuery knows."""

MOST_TRIES = 3
"""How often a statement is sent that BigQuery found too late, although the lease was renewed meanwhile."""


class StatementRunner:
    """The statements of one run on one table. None is sent after the run has lost its lease."""

    def __init__(
        self,
        warehouse: Warehouse,
        stream: str,
        table_id: TableId,
        *,
        lease: Lease,
        clock: ServerClock,
    ) -> None:
        """Begin without a statement.

        Args:
            warehouse: Where the table is.
            stream: Name of the stream, for errors.
            table_id: The table.
            lease: The lease of the run.
            clock: BigQuery's clock.
        """
        self._warehouse = warehouse
        self._stream = stream
        self._table_id = table_id
        self._lease = lease
        self._clock = clock
        self._count = 0
        self._own_times: list[dt.datetime] = []
        """The times that this run has written into the table."""
        self.bytes_billed = 0
        """What BigQuery bills for all statements so far."""
        self.slot_ms = 0
        """Their slot time, in milliseconds."""
        self.written_ms = 0
        """When the last statement ended that wrote rows into the table, in milliseconds since 1970. 0 if none has."""
        self.changed_ms = 0
        """The same of any statement that may have changed something, the history and the view included."""

    @property
    def began(self) -> dt.datetime:
        """When this run began to read, by BigQuery's clock."""
        return self._clock.began

    def count(self, question: Question) -> Mapping[str, int]:
        """Return the counts of a query, which may be asked together with those of other streams.

        Raises:
            LeaseLostError: If the run no longer holds its lease.
            WarehouseError: If the query fails.
        """
        self._lease.check()
        result = self._warehouse.fused.ask(question)
        self._add_cost(result)
        counts: Mapping[str, int] = result.rows[0]
        return counts

    def run(
        self,
        statement: str,
        name: str,
        *,
        parameters: Sequence[_AbstractQueryParameter] = (),
        appends: bool = False,
    ) -> StatementResult:
        """Run a statement that sets no `_etl_synced`, and return what it did.

        Args:
            statement: A GoogleSQL statement.
            name: What it does, in a word. It becomes part of the job's id.
            parameters: Its parameters.
            appends: Whether it is a query whose rows are appended to the table.

        Raises:
            LeaseLostError: If the run no longer holds its lease.
            WarehouseError: If the statement fails.
        """
        self._lease.check()
        self._count += 1
        job_name = f"{name}-{self._table_id.table}-{self._count}"
        append_to = self._table_id if appends else None
        result = self._warehouse.statements.run(statement, job_name, parameters=parameters, append_to=append_to)
        self._add_cost(result)
        self.changed_ms = max(self.changed_ms, result.changed_ms)
        return result

    def _add_cost(self, result: StatementResult) -> None:
        self.bytes_billed += result.bytes_billed
        self.slot_ms += result.slot_ms

    def write(
        self,
        statement: str,
        name: str,
        *,
        synced: dt.datetime | None = None,
        parameters: Sequence[_AbstractQueryParameter] = (),
        appends: bool = False,
    ) -> StatementResult:
        """Run a statement that writes rows, and return what it did. It is done as a whole or not at all.

        Args:
            statement: A statement with the parameters of :mod:`~target_bigquery_softdelete.sql.guards` and `synced`.
            name: What it does, in a word. It becomes part of the job's id.
            synced: The `_etl_synced` that it sets. By default the time now.
            parameters: Its other parameters.
            appends: Whether it is a query whose rows are appended to the table.

        Raises:
            LeaseLostError: If the run no longer holds its lease.
            OvertakenError: If the statement would change a row that another run wrote since this one began to read, or
                any row of a table that another run brought up to date since.
            WarehouseError: If the statement fails.
        """
        for _ in range(MOST_TRIES - 1):
            try:
                return self._write(statement, name, synced, parameters, appends=appends)
            except LeaseLostError:
                self._lease.check()  # it was renewed while the statement waited
        return self._write(statement, name, synced, parameters, appends=appends)

    def _write(
        self,
        statement: str,
        name: str,
        synced: dt.datetime | None,
        parameters: Sequence[_AbstractQueryParameter],
        *,
        appends: bool,
    ) -> StatementResult:
        synced = synced or self._clock.next_time()
        # A run that has brought the table up to date since may have found a row as it is: then any row counts as newer.
        began = FIRST_TIME if self._lease.is_overtaken(str(self._table_id)) else self._clock.began
        guards: list[_AbstractQueryParameter] = [
            ScalarQueryParameter("synced", "TIMESTAMP", synced),
            ScalarQueryParameter("lease_until", "TIMESTAMP", self._lease.until),
            ScalarQueryParameter("began", "TIMESTAMP", began),
            ArrayQueryParameter("own_times", "TIMESTAMP", list(self._own_times)),
        ]
        self._own_times.append(synced)  # before it is known whether it was done
        try:
            result = self.run(statement, name, parameters=[*guards, *parameters], appends=appends)
        except WarehouseError as error:
            if LEASE_ENDED in str(error):
                raise LeaseLostError(self._lease.name) from error
            if WRITTEN_BY_ANOTHER_RUN in str(error):
                raise OvertakenError(self._stream, str(self._table_id)) from error
            raise
        self.written_ms = max(self.written_ms, result.changed_ms)
        return result
