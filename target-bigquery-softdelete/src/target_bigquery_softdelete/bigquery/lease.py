"""The lease of a dataset: while one run writes into it, no other does.

The lease is a table whose name follows from the dataset. BigQuery creates a table only once and refuses the run that
comes second. The table expires by itself, and a thread extends it while the run lives, so the lease of a killed run
ends soon. The table never holds a row.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from typing import TYPE_CHECKING

from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from target_bigquery_softdelete.bigquery.retry import is_transient
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_bigquery_softdelete.config.options import OnConcurrentRun
    from target_bigquery_softdelete.sql.identifiers import TableId

LIFETIME = dt.timedelta(minutes=2)
RENEWAL_SECONDS = 30.0
POLL_SECONDS = 5.0

_CALL_SECONDS = 10.0
_RETRY = Retry(predicate=is_transient, initial=0.5, maximum=5.0, timeout=60.0)
_ONCE = Retry(predicate=lambda _: False)
_FIELDS = (bigquery.SchemaField("nothing", "STRING"),)
_RUN = "run"

logger = logging.getLogger(__name__)


class Lease:
    """The right of one run to write into a dataset."""

    def __init__(
        self,
        client: bigquery.Client,
        table_id: TableId,
        run_id: str,
        mode: OnConcurrentRun,
        *,
        prepare: Callable[[], None],
    ) -> None:
        """Describe the lease. It is not taken yet.

        Args:
            client: The BigQuery client.
            table_id: The table that is the lease.
            run_id: This run.
            mode: What to do when another run holds the lease. `allow` takes no lease at all.
            prepare: Creates the dataset of the table.
        """
        self._client = client
        self._table_id = table_id
        self._run = run_id.lower()
        self._mode = mode
        self._prepare = prepare
        self._table: bigquery.Table | None = None
        self._asked = False
        self._holder = ""
        self._lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew_often, name="lease", daemon=True)

    @property
    def is_held(self) -> bool:
        """Whether this run has the lease, or may have it because the answer was lost."""
        return self._asked and not self._lost

    def acquire(self) -> None:
        """Take the lease, or wait for it.

        Raises:
            PluginError: If another run holds it and this run is not to wait, or if BigQuery does not answer.
        """
        if self._mode == "allow" or self._table:
            return
        self._asked = True
        try:
            while not self._try_to_take():
                self._wait_or_refuse()
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            raise PluginError(f"BigQuery: cannot take the lease `{self._table_id}`: {error}") from error
        self._thread.start()

    def check(self) -> None:
        """Check that this run still has the lease.

        Raises:
            PluginError: If it expired: BigQuery could not be reached for too long, or the process was suspended.
        """
        if self._lost or (self._table and self._table.expires <= utc_now()):
            raise PluginError(
                f"The lease `{self._table_id}` ended before it was renewed, and another run may be writing now. "
                "This run stops. The next one continues from the last state."
            )

    def release(self) -> None:
        """Give the lease back."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if not self.is_held:
            return
        try:
            self._give_back()
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            logger.warning("the lease `%s` could not be released; it will expire: %s", self._table_id, error)
        self._asked, self._table = False, None

    def _give_back(self) -> None:
        # A run that is stopped before the answer came does not know whether it has the lease.
        table = self._table or self._find()
        if table is not None and self._is_own(table):
            self._client.delete_table(str(self._table_id), not_found_ok=True, retry=_ONCE, timeout=_CALL_SECONDS)

    def _try_to_take(self) -> bool:
        table = bigquery.Table(str(self._table_id), schema=_FIELDS)
        table.labels = {_RUN: self._run}
        table.expires = utc_now() + LIFETIME
        try:
            self._table = self._create(table)
        except exceptions.Conflict:
            self._table = self._take_over()
        return self._table is not None

    def _create(self, table: bigquery.Table) -> bigquery.Table:
        try:
            return self._client.create_table(table, retry=_RETRY, timeout=_CALL_SECONDS)
        except exceptions.NotFound:
            self._prepare()
            return self._client.create_table(table, retry=_RETRY, timeout=_CALL_SECONDS)

    def _take_over(self) -> bigquery.Table | None:
        """Take the table if it is this run's already, or if its run is dead. Return it, or nothing otherwise."""
        self._holder = ""
        table = self._find()
        if table is None:
            return None
        if not self._is_own(table) and table.expires and table.expires > utc_now():
            self._holder = f"run {table.labels.get(_RUN)}, until {table.expires:%H:%M:%S} UTC unless it renews it"
            return None
        table.labels = {_RUN: self._run}
        return self._extend(table)

    def _find(self) -> bigquery.Table | None:
        try:
            return self._client.get_table(str(self._table_id), retry=_RETRY, timeout=_CALL_SECONDS)
        except exceptions.NotFound:
            return None

    def _is_own(self, table: bigquery.Table) -> bool:
        return bool(table.labels.get(_RUN) == self._run)

    def _extend(self, table: bigquery.Table) -> bigquery.Table | None:
        """Extend the lease and return the table, or nothing if another run has changed it meanwhile."""
        table.expires = utc_now() + LIFETIME
        try:
            # With the table's etag, so that of two runs only one succeeds.
            return self._client.update_table(table, ["labels", "expires"], retry=_RETRY, timeout=_CALL_SECONDS)
        except (exceptions.PreconditionFailed, exceptions.NotFound):
            return None

    def _wait_or_refuse(self) -> None:
        if not self._holder:
            return  # it has just ended
        if self._mode == "refuse":
            raise PluginError(
                f"Another run is writing into this dataset, so this one wrote nothing: the lease `{self._table_id}` is "
                f"held by {self._holder}. Start this run again later, or set `on_concurrent_run` to `wait`."
            )
        logger.info("waiting for the lease `%s`, held by %s", self._table_id, self._holder)
        time.sleep(POLL_SECONDS)

    def _renew_often(self) -> None:
        while self._table and not self._lost and not self._stop.wait(RENEWAL_SECONDS):
            self._renew(self._table)

    def _renew(self, table: bigquery.Table) -> None:
        try:
            extended = self._extend(table)
            if extended is None:  # the answer to an earlier try may have been lost
                found = self._find()
                extended = self._extend(found) if found is not None and self._is_own(found) else None
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            logger.warning("the lease `%s` could not be renewed: %s", self._table_id, error)
            return
        self._lost = extended is None
        self._table = extended or table
