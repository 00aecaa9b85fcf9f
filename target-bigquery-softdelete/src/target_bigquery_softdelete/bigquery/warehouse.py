"""The datasets and tables of one company in BigQuery.

Each request has a deadline, and is retried with jitter on errors that pass by themselves.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions
from google.cloud import bigquery

from target_bigquery_softdelete.bigquery.calls import call
from target_bigquery_softdelete.bigquery.collation import plain_table
from target_bigquery_softdelete.bigquery.expirations import Expirations
from target_bigquery_softdelete.bigquery.fused_queries import FusedQueries
from target_bigquery_softdelete.bigquery.job_options import JobOptions, encryption
from target_bigquery_softdelete.bigquery.jobs import Jobs
from target_bigquery_softdelete.bigquery.lease import LEASE_TABLE
from target_bigquery_softdelete.bigquery.lifetimes import STAGING_LIFETIME, STAGING_TIME_TRAVEL_HOURS
from target_bigquery_softdelete.bigquery.locations import common_location
from target_bigquery_softdelete.bigquery.retry import RetryPolicy
from target_bigquery_softdelete.bigquery.server_clock import ServerClock
from target_bigquery_softdelete.bigquery.stale_staging import STAGING_LABELS, stale_tables
from target_bigquery_softdelete.bigquery.statements import Statements
from target_bigquery_softdelete.bigquery.tenancy import TENANT_LABEL
from target_bigquery_softdelete.errors import WarehouseError
from target_bigquery_softdelete.sql.identifiers import TableId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from google.api_core.retry import Retry
    from google.cloud.bigquery.job import CopyJob
    from google.cloud.bigquery.table import TableListItem

    from target_bigquery_softdelete.bigquery.cancellation import Cancelled
    from target_bigquery_softdelete.bigquery.table_layout import Layout
    from target_bigquery_softdelete.bigquery.tenancy import Tenancy
    from target_bigquery_softdelete.config.settings import Settings

LISTED_TABLES = 1000
"""Tables of one page of a list, of which BigQuery gives about 50 unless asked for more. Of the staging dataset no more
are looked at."""

FILLED_LABEL = {"filled": "true"}
"""Label of a table that has or had rows. An empty table without it is empty because no row has come yet."""

logger = logging.getLogger(__name__)


class Warehouse:
    """The datasets of one company, in one project."""

    def __init__(  # noqa: PLR0913 - what all its requests need
        self,
        client: bigquery.Client,
        settings: Settings,
        run_id: str,
        tenancy: Tenancy,
        retry_policy: RetryPolicy | None = None,
        *,
        clock: ServerClock | None = None,
    ) -> None:
        self._client = client
        self._clock = clock or ServerClock()
        """BigQuery's clock: by it tables expire."""
        self.settings = settings
        policy = retry_policy or RetryPolicy()
        self._policy = policy
        self._jobs = Jobs(client, policy, most=settings.parallel_jobs)
        self._slots = threading.BoundedSemaphore(settings.parallel_jobs)
        """Bounds the calls that are under way at the same time, apart from those about jobs."""
        self._job_options = JobOptions(settings, policy, lambda: self._labels)
        self._options: dict[str, Any] = {"retry": self._jobs.retry, "timeout": policy.call_seconds}
        self._expirations = Expirations(client, settings, self._options)
        self._dataset: bigquery.Dataset | None = None
        """The dataset of the tables, once it is read or created."""
        self._listed: set[str] | None = None
        """Tables that were in the dataset at the start, and those that were read since."""
        self._unfilled: set[str] = set()
        """Those that were in the dataset at the start without the label of a table that has or had rows."""
        self._labels_at_start: dict[str, Mapping[str, str]] = {}
        """The labels of the tables that were in the dataset at the start."""
        self._listed_tables: dict[str, TableListItem] = {}
        """The tables that were in the dataset at the start."""
        self.has_staged = False
        """Whether this run has created a staging table, or tried to."""
        self._lock = threading.Lock()
        self.tenancy = tenancy
        """Whose data it is. What is read is checked, and what is created is labelled."""
        self.statements = Statements(client, self._jobs, policy, run_id=run_id, options=self._job_options)
        """Runs the statements and load jobs of the run."""
        self.fused = FusedQueries(lambda sql, name, given: self.statements.ask(sql, name, parameters=given))
        """Asks the questions of several streams at once."""

    @property
    def _labels(self) -> dict[str, str]:
        return self.settings.own_labels | self.tenancy.labels

    def _call(self, action: str, request: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the request returns
        with self._slots:
            return call(action, request)

    def cancel_jobs(self, seconds: float) -> Cancelled:
        """Cancel the running jobs, because the run is stopped. No job is sent after this."""
        return self._jobs.running.cancel(seconds)

    @property
    def jobs_left(self) -> list[str]:
        """Ids of jobs that this run no longer waits for, and that may still be running."""
        return sorted(self._jobs.running.left)

    def lease_id(self) -> TableId:
        """Return the full name of the table that is the lease of the dataset."""
        return self.table_id(LEASE_TABLE)

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
        """Check whose tables the dataset holds, before anything is written. The dataset gets the tenant's label.

        Raises:
            WrongTenantError: If one of them belongs to another tenant than that of this run.
            WarehouseError: If BigQuery cannot be asked.
        """
        dataset = self._dataset or self.ensure_datasets()
        name = self._dataset_name(self.settings.dataset)

        def list_tables() -> list[Any]:
            try:
                return list(self._client.list_tables(name, page_size=LISTED_TABLES, **self._options))
            except exceptions.NotFound:
                return []

        tables = self._call(f"cannot read the dataset `{name}`", list_tables)
        for table in tables:
            self.tenancy.check(f"The table `{name}.{table.table_id}`", table.labels)
        self._listed = {table.table_id for table in tables}
        # A table that lacks all labels was made anew by somebody, who may have left its rows out.
        self._unfilled = {table.table_id for table in tables if table.labels and not self.is_labelled_filled(table)}
        self._labels_at_start = {table.table_id: dict(table.labels) for table in tables}
        self._listed_tables = {table.table_id: table for table in tables}
        self._label_dataset(dataset)

    def list_log_tables(self) -> dict[str, TableListItem]:
        """Return the tables and views of the log dataset, by name, each checked.

        Raises:
            WrongTenantError: If one of them belongs to another tenant.
            WarehouseError: If BigQuery cannot be asked.
        """
        name = self._dataset_name(self.settings.log_dataset)
        tables: list[TableListItem] = self._call(
            f"cannot read the dataset `{name}`",
            lambda: list(self._client.list_tables(name, page_size=LISTED_TABLES, **self._options)),
        )
        for table in tables:
            self.tenancy.check(f"The table `{name}.{table.table_id}`", table.labels)
        return {table.table_id: table for table in tables}

    def ensure_datasets(self) -> bigquery.Dataset:
        """Read the datasets, and create those that do not exist: none before it is known whose the others are.

        Returns:
            The dataset of the tables.

        Raises:
            ExpiringError: If one of them would let the tables vanish.
            WrongTenantError: If one of them belongs to another tenant.
            PluginError: If they are not in one location, or not in that of the settings.
            WarehouseError: If BigQuery refuses.
        """
        settings = self.settings
        names = [
            self._dataset_name(name) for name in (settings.dataset, settings.staging_dataset, settings.log_dataset)
        ]
        first = self._policy.first_contact()
        with ThreadPoolExecutor(len(names), "dataset") as executor:
            found = list(executor.map(lambda name: self._read_dataset(name, first), names))
            places = {name: str(dataset.location) for name, dataset in zip(names, found, strict=True) if dataset}
            location = common_location(places, settings.location)
            known = dict(zip(names, found, strict=True))  # two of them may be one
            made = executor.map(lambda name: known[name] or self._create_dataset(name, location), known)
            by_name = dict(zip(known, made, strict=True))
        datasets = [by_name[name] for name in names]
        self._expirations.check_datasets([datasets[0], datasets[2]])
        self._dataset = datasets[0]
        self._jobs.location = self._dataset.location
        return self._dataset

    def _dataset_name(self, dataset: str) -> str:
        return f"{self.settings.project_id}.{dataset}"

    def _read_dataset(self, name: str, retry: Retry) -> bigquery.Dataset | None:
        # An account may be allowed to use a dataset and not to create one.
        def get() -> bigquery.Dataset | None:
            try:
                return self._client.get_dataset(name, **{**self._options, "retry": retry})
            except exceptions.NotFound:
                return None

        found: bigquery.Dataset | None = self._call(f"cannot use the dataset `{name}`", get)
        if found is not None:
            self.tenancy.check(f"The dataset `{name}`", found.labels)
        return found

    def _create_dataset(self, name: str, location: str | None) -> bigquery.Dataset:
        wanted = bigquery.Dataset(name)
        wanted.labels = self._labels
        settings = self.settings
        if name == self._dataset_name(settings.staging_dataset) and settings.staging_dataset not in {
            settings.dataset,
            settings.log_dataset,
        }:
            wanted.default_table_expiration_ms = STAGING_LIFETIME // dt.timedelta(milliseconds=1)
            wanted.max_time_travel_hours = STAGING_TIME_TRAVEL_HOURS
        if location:
            wanted.location = location
        if key := encryption(settings):
            wanted.default_encryption_configuration = key
        dataset: bigquery.Dataset = self._call(
            f"cannot use the dataset `{name}`",
            lambda: self._client.create_dataset(wanted, exists_ok=True, **self._options),
        )
        self.tenancy.check(f"The dataset `{name}`", dataset.labels)  # another run may have been quicker
        return dataset

    def _label_dataset(self, dataset: bigquery.Dataset) -> None:
        """Give a dataset of an earlier version the tenant's label. Without the right to, it stays as it is."""
        if not self.tenancy.labels or TENANT_LABEL in dataset.labels:
            return
        dataset.labels = {**dataset.labels, **self.tenancy.labels}
        try:
            self._call(
                f"cannot label the dataset `{dataset.reference}`",
                lambda: self._client.update_dataset(dataset, ["labels"], **self._options),
            )
        except WarehouseError as error:
            logger.info("%s. It stays without the label of its tenant, which its tables have.", error)

    def read_table(self, table_id: TableId) -> bigquery.Table | None:
        """Return a table, or nothing when there is none.

        Raises:
            WrongTenantError: If it belongs to another tenant.
            WarehouseError: If BigQuery cannot be asked.
        """

        def get() -> bigquery.Table | None:
            try:
                return self._client.get_table(str(table_id), **self._options)
            except exceptions.NotFound:
                return None

        found: bigquery.Table | None = self._call(f"cannot read the table `{table_id}`", get)
        return self._checked(found) if found is not None else None

    def _checked(self, table: bigquery.Table) -> bigquery.Table:
        self.tenancy.check(f"The table `{table.reference}`", table.labels)
        return table

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

    def labels_at_start(self, table_id: TableId) -> Mapping[str, str]:
        """Return the labels that a table had at the start of the run. Empty if it did not exist."""
        return self._labels_at_start.get(table_id.table, {})

    def label_table(self, table_id: TableId, labels: Mapping[str, str]) -> None:
        """Give a table these labels: those that it has, and those that are new."""
        table = bigquery.Table(str(table_id))  # without an ETag: the rows that were just written have changed it
        table.labels = dict(labels)
        self._call(
            f"cannot label the table `{table_id}`",
            lambda: self._client.update_table(table, ["labels"], **self._options),
        )

    def read_routine_description(self, routine_id: TableId) -> str | None:
        """Return the description of a function, or None if there is none of that name.

        Raises:
            WarehouseError: If BigQuery cannot be asked.
        """

        def get() -> str | None:
            try:
                return str(self._client.get_routine(str(routine_id), **self._options).description or "")
            except exceptions.NotFound:
                return None

        found: str | None = self._call(f"cannot read the function `{routine_id}`", get)
        return found

    def remove_label(self, table_id: TableId, name: str) -> None:
        """Take a label from a table."""

        def remove() -> None:
            found = self._client.get_table(str(table_id), **self._options)
            table = bigquery.Table(str(table_id))  # without an ETag, as above
            table.labels = {**found.labels, name: None}
            self._client.update_table(table, ["labels"], **self._options)

        self._call(f"cannot label the table `{table_id}`", remove)

    def cluster_table(self, table_id: TableId, fields: Sequence[str]) -> None:
        """Cluster a table by other columns, or by none."""
        table = bigquery.Table(str(table_id))  # without an ETag, as above
        table.clustering_fields = list(fields) or None
        self._call(
            f"cannot change the clustering of the table `{table_id}`",
            lambda: self._client.update_table(table, ["clustering_fields"], **self._options),
        )

    def change_metadata(self, table: bigquery.Table, properties: Sequence[str]) -> None:
        """Set properties of a table, and of no other version of it: without an ETag, as above.

        Args:
            table: The table, with the properties as they are to be.
            properties: Their names, as attributes of the object.
        """
        wanted = bigquery.Table.from_api_repr(
            {name: value for name, value in table.to_api_repr().items() if name != "etag"}
        )
        self._call(
            f"cannot describe the table `{table.reference}`",
            lambda: self._client.update_table(wanted, list(properties), **self._options),
        )

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
        table = plain_table(table_id, fields)
        table.labels = self._labels | STAGING_LABELS if lifetime else self._labels
        if key := encryption(self.settings):
            table.encryption_configuration = key
        if layout:
            layout.apply(table)
        if lifetime:
            self.has_staged = True
            table.expires = self._clock.now_at_most() + lifetime
        created: tuple[bigquery.Table, bool] = self._call(
            f"cannot create the table `{table_id}`",
            lambda: self._create_or_get(table),
        )
        if not lifetime:
            self._expirations.clear(created[0])
        return created

    def check_lifetime(self, stream: str, table_id: TableId) -> None:
        """Check that the table of a stream does not expire, by what was known of it at the start. Or let it stay.

        Raises:
            ExpiringError: If it does, and the settings do not say what to do.
            WarehouseError: If BigQuery refuses to let it stay.
        """
        self._expirations.check_table(stream, self._listed_tables.get(table_id.table))

    def keep_view(self, view_id: TableId) -> None:
        """Let a view stay that a statement has created. See `Expirations`."""
        self._expirations.clear_view(view_id, self.read_table)

    def lacks_labels(self, table: bigquery.Table) -> bool:
        """Return whether a table lacks the tenant's label."""
        return not self.tenancy.labels.items() <= table.labels.items()

    def extend_table(
        self,
        table: bigquery.Table,
        fields: Sequence[bigquery.SchemaField],
        labels: Mapping[str, str] | None = None,
    ) -> bigquery.Table:
        """Set the schema of a table, which may only gain columns, and add the tenant's label and these."""
        table.schema = list(fields)
        table.labels = {**table.labels, **self._labels, **(labels or {})}
        extended: bigquery.Table = self._call(
            f"cannot add columns to the table `{table.reference}`", lambda: self._update(table)
        )
        return extended

    def _create_or_get(self, table: bigquery.Table) -> tuple[bigquery.Table, bool]:
        try:
            return self._client.create_table(table, **self._options), True
        except exceptions.Conflict:  # it exists, perhaps because the answer to the first try was lost
            return self._checked(self._client.get_table(table.reference, **self._options)), False

    def _update(self, table: bigquery.Table) -> bigquery.Table:
        try:
            return self._client.update_table(table, ["schema", "labels"], **self._options)
        except exceptions.PreconditionFailed as error:
            found = self._checked(self._client.get_table(table.reference, **self._options))
            if _paths(table.schema) <= _paths(found.schema):
                return found  # the answer to the first try was lost, or another program added the same columns
            raise WarehouseError(
                f"BigQuery: the table `{table.reference}` was changed by another program while this run added columns. "
                "Run again."
            ) from error

    def clone(self, original: TableId, table_id: TableId) -> None:
        """Create a staging table as a clone of another table. Nothing is copied until one of them changes."""
        config = self._job_options.add_to(
            bigquery.CopyJobConfig(
                operation_type=bigquery.OperationType.CLONE,
                create_disposition=bigquery.CreateDisposition.CREATE_IF_NEEDED,
                write_disposition=bigquery.WriteDisposition.WRITE_EMPTY,
            )
        )
        config.destination_expiration_time = (self._clock.now_at_most() + STAGING_LIFETIME).isoformat()

        def submit(job_id: str) -> CopyJob:
            return self._client.copy_table(
                str(original),
                str(table_id),
                job_id=job_id,
                location=self._jobs.location,
                job_config=config,
                **self._options,
            )

        self.statements.run_job(f"cannot clone `{original}`", f"clone-{original.table}", submit)

    def delete_table(self, table_id: TableId) -> None:
        """Delete a staging table, if it exists."""
        self._call(
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

        tables = self._call(f"cannot read the dataset `{dataset}`", list_tables)
        stale = stale_tables(tables, self.tenancy.tenant, self._clock.now())
        for name in stale:
            self.delete_table(self.staging_id(name))
        return len(stale)


def _paths(fields: Sequence[bigquery.SchemaField], before: str = "") -> set[str]:
    """Return the paths of all columns, nested ones included, in lower case."""
    inner = (_paths(field.fields, f"{before}{field.name.lower()}.") for field in fields)
    return {f"{before}{field.name.lower()}" for field in fields}.union(*inner)
