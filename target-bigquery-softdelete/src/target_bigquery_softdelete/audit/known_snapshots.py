"""Which complete snapshots the tables are equal to, as the audit log remembers them.

A run that leaves a table equal to a complete snapshot writes the fingerprint of that snapshot into the log, with the
state of the table: the time of its last change, its rows and their size. If the next run reads the same snapshot and
finds the table in the same state, there is nothing to compare and nothing to write. One query tells that for all
streams. Whoever changes the table by hand changes its state.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.cloud.bigquery import ScalarQueryParameter

from target_bigquery_softdelete.audit.etl_log import LOG_FIELDS, LOG_TABLE
from target_bigquery_softdelete.errors import WarehouseError
from target_bigquery_softdelete.sql.table_states import known_fingerprints

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from target_bigquery_softdelete.bigquery.server_clock import ServerClock
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.sql.identifiers import TableId

REMEMBERED = dt.timedelta(days=45)
"""How old an entry of the log may be. Each run writes its own, so older ones matter only to what has not run since."""

_NO_SUCH_LOG = ("Not found: ", "Unrecognized name: ")
"""Texts of errors that are none: there is no log yet, or it is that of an earlier version."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class KnownTable:
    """A table as it was when the run began."""

    state: str
    """Its state, as the log writes it."""
    fingerprint: str | None = None
    """That of the snapshot that the last run left it equal to, if it was in this state then."""


class KnownSnapshots:
    """What the log remembers of the tables of one run."""

    def __init__(self, warehouse: Warehouse, clock: ServerClock) -> None:
        """Describe what is read. Nothing is read yet.

        Args:
            warehouse: Where the log and the tables are.
            clock: BigQuery's clock.
        """
        self._warehouse = warehouse
        self._clock = clock
        self._answer: Future[dict[str, KnownTable] | None] | None = None

    def read(self, executor: Executor) -> None:
        """Begin to read what the log remembers."""
        self._answer = executor.submit(self._read)

    @property
    def log_fits(self) -> bool:
        """Whether the log exists, and has all columns of this version."""
        return self._found() is not None

    def of(self, table_id: TableId) -> KnownTable | None:
        """Return what is known of a table, or None if nothing is."""
        return (self._found() or {}).get(str(table_id))

    def _found(self) -> dict[str, KnownTable] | None:
        return self._answer.result() if self._answer else None

    def _read(self) -> dict[str, KnownTable] | None:
        log_id = self._warehouse.log_id(LOG_TABLE)
        sql = known_fingerprints(self._warehouse.lease_id(), log_id, [field.name for field in LOG_FIELDS])
        parameters = [ScalarQueryParameter("since", "TIMESTAMP", self._clock.now() - REMEMBERED)]
        try:
            rows = self._warehouse.statements.ask(sql, "known-snapshots", parameters=parameters).rows
        except WarehouseError as error:
            if not any(text in str(error) for text in _NO_SUCH_LOG):
                logger.warning("%s. So every table is compared.", str(error).rstrip("."))
            return None
        return {row["table_name"]: KnownTable(row["table_state"], row["fingerprint"]) for row in rows}
