"""Reads the tables of a project in the local BigQuery."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

_MOST_BYTES_BILLED = 1 << 30
"""For one statement of the target, in a project that other things are in, too. None of the tests needs a tenth."""

_UNFINISHED = ("pending", "running")


class Project:
    """A project of the local BigQuery, or a part of one that has its own datasets.

    Args:
        api_endpoint: Base URL of the local BigQuery.
        name: Name of the project; None for a new project.
        prefix: What the names of the datasets begin with, where several share one project.
        location: Where the datasets are and the jobs run. By default BigQuery decides.
    """

    def __init__(
        self, api_endpoint: str, name: str | None = None, *, prefix: str = "", location: str | None = None
    ) -> None:
        self.name = name or f"co-{uuid.uuid4().hex[:12]}"
        self.api_endpoint = api_endpoint
        self.prefix = prefix
        self.location = location
        self.client = bigquery.Client(
            self.name,
            credentials=AnonymousCredentials(),
            location=location,
            client_options={"api_endpoint": api_endpoint},
        )

    def dataset(self, name: str) -> str:
        """Return what a dataset is called here: `bronze`, `staging`, `management` or any other."""
        return self.prefix + name

    @property
    def bronze(self) -> str:
        """The dataset of the tables, with its project."""
        return f"{self.name}.{self.dataset('bronze')}"

    @property
    def staging(self) -> str:
        """The dataset of the staging tables, with its project."""
        return f"{self.name}.{self.dataset('staging')}"

    @property
    def management(self) -> str:
        """The dataset of the audit log, with its project."""
        return f"{self.name}.{self.dataset('management')}"

    @property
    def target_settings(self) -> dict[str, Any]:
        """The target's settings that lead it into this project, but for the address."""
        settings: dict[str, Any] = {"project_id": self.name}
        if self.location:
            settings["location"] = self.location
        if self.prefix:
            settings["dataset"] = self.dataset("bronze")
            settings["staging_dataset"] = self.dataset("staging")
            settings["log_dataset"] = self.dataset("management")
            settings["maximum_bytes_billed"] = _MOST_BYTES_BILLED  # it may be a real project, which is billed
        return settings

    def at(self, api_endpoint: str) -> Project:
        """Return this project, asked at another address: that of a proxy."""
        return Project(api_endpoint, self.name, prefix=self.prefix, location=self.location)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return [dict(row) for row in self.client.query_and_wait(sql)]

    def rows(self, table: str, key: str = "id") -> dict[Any, dict[str, Any]]:
        """Return the rows of a table in the dataset `bronze`, by key."""
        return {row[key]: row for row in self.query(f"SELECT * FROM `{self.bronze}.{table}`")}  # noqa: S608

    def wait_for_jobs(self) -> None:
        """Wait until no job of the project is running. The jobs of a killed client keep running."""
        while any(map(self._has_job, _UNFINISHED)):
            time.sleep(0.05)

    def _has_job(self, state: str) -> bool:
        """Return whether a job in this state has to do with the project's datasets."""
        return any(
            not self.prefix or self.prefix in json.dumps(job.to_api_repr())
            for job in self.client.list_jobs(state_filter=state)
        )

    def delete(self) -> None:
        """Delete all datasets of the project, or of this part of it."""
        for dataset in self.client.list_datasets():
            if dataset.dataset_id.startswith(self.prefix):
                self.client.delete_dataset(dataset.reference, delete_contents=True, not_found_ok=True)

    def operations(self, table: str) -> dict[Any, str]:
        """Return the last operation on each row of a table, by `id`."""
        return {key: row["_etl_operation"] for key, row in self.rows(table).items()}

    def log(self, stream: str) -> list[dict[str, Any]]:
        """Return the audit log's rows for a stream, oldest first."""
        return self.query(
            f"SELECT * FROM `{self.management}.etl_logs` WHERE stream = '{stream}' ORDER BY started"  # noqa: S608
        )

    def tables(self, dataset: str) -> list[str]:
        """Return the names of the tables in a dataset, sorted; an empty list if there is no such dataset."""
        name = self.dataset(dataset)
        if name not in {existing.dataset_id for existing in self.client.list_datasets()}:
            return []
        return sorted(table.table_id for table in self.client.list_tables(f"{self.name}.{name}"))
