"""The datasets and tables of one company in BigQuery.

Each request has a deadline, and is retried with jitter on errors that pass by themselves.
"""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions
from google.cloud import bigquery

from target_bigquery_softdelete.bigquery.calls import CALL_ERRORS, call, warehouse_error
from target_bigquery_softdelete.bigquery.jobs import Jobs
from target_bigquery_softdelete.bigquery.retry import RetryPolicy
from target_bigquery_softdelete.bigquery.stale_staging import STAGING_LABELS, TENANT_LABEL, stale_tables
from target_bigquery_softdelete.bigquery.statements import Statements
from target_bigquery_softdelete.errors import WarehouseError
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.sql.identifiers import TableId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.cloud.bigquery.job import CopyJob

    from target_bigquery_softdelete.bigquery.cancellation import Cancelled
    from target_bigquery_softdelete.bigquery.table_layout import Layout
    from target_bigquery_softdelete.config.settings import Settings

LISTED_TABLES = 1000
"""How many tables of the staging dataset are looked at: one page of the API."""

FILLED_LABEL = {"filled": "true"}
"""Label of a table that has or had rows. An empty table without it is empty because no row has come yet."""

STAGING_LIFETIME = dt.timedelta(days=7)


class Warehouse:
    """The datasets of one company, in one project."""

    def __init__(
        self, client: bigquery.Client, settings: Settings, run_id: str, retry_policy: RetryPolicy | None = None
    ) -> None:
        self._client = client
        self.settings = settings
        policy = retry_policy or RetryPolicy()
        self._jobs = Jobs(client, policy)
        self._options: dict[str, Any] = {"retry": self._jobs.retry, "timeout": policy.call_seconds}
        self._datasets_exist = False
        self._listed: set[str] | None = None
        """Tables that were in the dataset at the start, and those that were read since."""
        self._unfilled: set[str] = set()
        """Those that were in the dataset at the start without the label of a table that has or had rows."""
        self._lock = threading.Lock()
        self._labels = settings.own_labels | ({TENANT_LABEL: settings.tenant_id} if settings.tenant_id else {})
        self.statements = Statements(client, self._jobs, policy, run_id=run_id, labels=self._labels)
        """Runs the statements and load jobs of the run."""

    def cancel_jobs(self, seconds: float) -> Cancelled:
        """Cancel the running jobs, because the run is stopped. No job is sent after this."""
        return self._jobs.running.cancel(seconds)

    def lease_id(self) -> TableId:
        """Return the full name of the table that is the lease of the dataset."""
        return self.log_id(f"lease__{self.settings.dataset}")

    def table_id(self, table: str) -> TableId:
        """Return the full name of a target table."""
        return TableId(self.settings.project_id, self.settings.dataset, table)

    def staging_id(self, table: str) -> TableId:
        """Return the full name of a staging table."""
        return TableId(self.settings.project_id, self.settings.staging_dataset, table)

    def log_id(self, table: str) -> TableId:
        """Return the full name of a table of the log dataset."""
        return TableId(self.settings.project_id, self.settings.log_dataset, table)

    def check_tenant(self) -> None:
        """Check whose tables the dataset holds, before anything is written.

        Raises:
            WarehouseError: If one of them belongs to another tenant than that of the settings.
        """
        dataset = f"{self.settings.project_id}.{self.settings.dataset}"
        try:
            tables = list(self._client.list_tables(dataset, **self._options))
        except exceptions.NotFound:
            tables = []
        except CALL_ERRORS as error:
            raise warehouse_error(f"cannot read the dataset `{dataset}`", error) from error
        self._listed = {table.table_id for table in tables}
        self._unfilled = {table.table_id for table in tables if not self.is_labelled_filled(table)}
        for table in tables:
            owner = table.labels.get(TENANT_LABEL)
            if owner and owner != self.settings.tenant_id:
                raise WarehouseError(
                    f"The table `{dataset}.{table.table_id}` belongs to tenant {owner}, but this run is for tenant "
                    f"{self.settings.tenant_id or '(none set)'}. Nothing was written. "
                    "Check `project_id` and `tenant_id`."
                )

    def ensure_datasets(self) -> None:
        """Create the datasets that do not exist, once in a run, when the first table needs one."""
        with self._lock:
            if not self._datasets_exist:
                for name in (self.settings.dataset, self.settings.staging_dataset, self.settings.log_dataset):
                    self._ensure_dataset(f"{self.settings.project_id}.{name}")
                self._datasets_exist = True

    def _ensure_dataset(self, name: str) -> None:
        dataset = bigquery.Dataset(name)
        dataset.labels = dict(self.settings.own_labels)
        if self.settings.location:
            dataset.location = self.settings.location

        def ensure() -> None:
            # Read first: an account may be allowed to use a dataset and not to create one.
            try:
                self._client.get_dataset(name, **self._options)
            except exceptions.NotFound:
                self._client.create_dataset(dataset, exists_ok=True, **self._options)

        call(f"cannot use the dataset `{name}`", ensure)

    def read_table(self, table_id: TableId) -> bigquery.Table | None:
        """Return a table, or nothing when there is none."""

        def get() -> bigquery.Table | None:
            try:
                return self._client.get_table(str(table_id), **self._options)
            except exceptions.NotFound:
                return None

        found: bigquery.Table | None = call(f"cannot read the table `{table_id}`", get)
        return found

    def is_missing(self, table_id: TableId) -> bool:
        """Return whether a table did not exist at the start of the run, and was neither read nor created since."""
        with self._lock:
            return self._listed is not None and table_id.table not in self._listed

    def was_never_filled(self, table_id: TableId) -> bool:
        """Return whether a table existed at the start of the run and, as far as is known, never had a row."""
        return table_id.table in self._unfilled

    @staticmethod
    def is_labelled_filled(table: bigquery.Table | bigquery.table.TableListItem) -> bool:
        """Return whether the label of a table says that it has or had rows."""
        labels: Mapping[str, str] = table.labels
        return labels.items() >= FILLED_LABEL.items()

    def label_filled(self, table_id: TableId, labels: Mapping[str, str]) -> None:
        """Label a table as one that has rows.

        Args:
            table_id: The table.
            labels: The labels that it has.
        """
        table = bigquery.Table(str(table_id))  # without an ETag: the rows that were just written have changed it
        table.labels = {**labels, **FILLED_LABEL}
        call(
            f"cannot label the table `{table_id}`",
            lambda: self._client.update_table(table, ["labels"], **self._options),
        )

    def remove_label(self, table_id: TableId, name: str) -> None:
        """Take a label from a table."""

        def remove() -> None:
            found = self._client.get_table(str(table_id), **self._options)
            table = bigquery.Table(str(table_id))  # without an ETag, as above
            table.labels = {**found.labels, name: None}
            self._client.update_table(table, ["labels"], **self._options)

        call(f"cannot label the table `{table_id}`", remove)

    def read_known_table(self, table_id: TableId) -> bigquery.Table | None:
        """Return a table, or nothing when there is none.

        The first time, a table that did not exist at the start of the run is not read, which saves a request:
        `create_table` tells if it exists by now.
        """
        return None if self._check_missing_once(table_id) else self.read_table(table_id)

    def _check_missing_once(self, table_id: TableId) -> bool:
        """Return whether a table was missing when the run began. The next call for the same table returns False."""
        with self._lock:
            if self._listed is None or table_id.dataset != self.settings.dataset or table_id.table in self._listed:
                return False
            self._listed.add(table_id.table)
            return True

    def create_table(
        self,
        table_id: TableId,
        fields: Sequence[bigquery.SchemaField],
        *,
        layout: Layout | None = None,
        lifetime: dt.timedelta | None = None,
    ) -> tuple[bigquery.Table, bool]:
        """Create a table with the tenant's label, unless it exists. Return it, and whether it is certain to be new."""
        self.ensure_datasets()
        table = bigquery.Table(str(table_id), schema=list(fields))
        table.labels = self._labels | STAGING_LABELS if lifetime else self._labels
        if layout:
            layout.apply(table)
        if lifetime:
            table.expires = utc_now() + lifetime
        created: tuple[bigquery.Table, bool] = call(
            f"cannot create the table `{table_id}`",
            lambda: self._create_or_get(table),
        )
        return created

    def lacks_labels(self, table: bigquery.Table) -> bool:
        """Return whether a table lacks the tenant's label."""
        return TENANT_LABEL in self._labels and TENANT_LABEL not in table.labels

    def extend_table(self, table: bigquery.Table, fields: Sequence[bigquery.SchemaField]) -> bigquery.Table:
        """Set the schema of a table, which may only gain columns, and add the tenant's label."""
        table.schema = list(fields)
        table.labels = table.labels | self._labels
        extended: bigquery.Table = call(
            f"cannot add columns to the table `{table.reference}`", lambda: self._update(table)
        )
        return extended

    def _create_or_get(self, table: bigquery.Table) -> tuple[bigquery.Table, bool]:
        try:
            return self._client.create_table(table, **self._options), True
        except exceptions.Conflict:  # it exists, perhaps because the answer to the first try was lost
            return self._client.get_table(table.reference, **self._options), False

    def _update(self, table: bigquery.Table) -> bigquery.Table:
        try:
            return self._client.update_table(table, ["schema", "labels"], **self._options)
        except exceptions.PreconditionFailed as error:
            found = self._client.get_table(table.reference, **self._options)
            if _paths(table.schema) <= _paths(found.schema):
                return found  # the answer to the first try was lost, or another program added the same columns
            raise WarehouseError(
                f"BigQuery: the table `{table.reference}` was changed by another program while this run added columns. "
                "Run again."
            ) from error

    def clone(self, original: TableId, table_id: TableId) -> None:
        """Create a staging table as a clone of another table. Nothing is copied until one of them changes."""
        self.ensure_datasets()
        config = bigquery.CopyJobConfig(
            operation_type=bigquery.OperationType.CLONE,
            create_disposition=bigquery.CreateDisposition.CREATE_IF_NEEDED,
            write_disposition=bigquery.WriteDisposition.WRITE_EMPTY,
            labels=self._labels,
        )
        config.destination_expiration_time = (utc_now() + STAGING_LIFETIME).isoformat()

        def submit(job_id: str) -> CopyJob:
            return self._client.copy_table(
                str(original), str(table_id), job_id=job_id, job_config=config, **self._options
            )

        self.statements.run_job(f"cannot clone `{original}`", f"clone-{original.table}", submit)

    def delete_table(self, table_id: TableId) -> None:
        """Delete a staging table, if it exists."""
        call(
            f"cannot remove the staging table `{table_id}`",
            lambda: self._client.delete_table(str(table_id), not_found_ok=True, **self._options),
        )

    def drop_stale_staging(self) -> int:
        """Delete staging tables that dead runs of this tenant left behind, and return how many."""
        dataset = f"{self.settings.project_id}.{self.settings.staging_dataset}"

        def list_tables() -> list[Any]:
            try:
                page: dict[str, Any] = {"max_results": LISTED_TABLES, "page_size": LISTED_TABLES}
                return list(self._client.list_tables(dataset, **self._options, **page))
            except exceptions.NotFound:
                return []

        tables = call(f"cannot read the dataset `{dataset}`", list_tables)
        stale = stale_tables(tables, self.settings.tenant_id, utc_now())
        for name in stale:
            self.delete_table(self.staging_id(name))
        return len(stale)


def _paths(fields: Sequence[bigquery.SchemaField], before: str = "") -> set[str]:
    """Return the paths of all columns, nested ones included, in lower case."""
    inner = (_paths(field.fields, f"{before}{field.name.lower()}.") for field in fields)
    return {f"{before}{field.name.lower()}" for field in fields}.union(*inner)
