"""Reads the tables of a project in the local BigQuery."""

from __future__ import annotations

import time
import uuid
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

_UNFINISHED = ("pending", "running")


class Project:
    """A project of the local BigQuery.

    Args:
        api_endpoint: Base URL of the local BigQuery.
        name: Name of the project; None for a new project.
    """

    def __init__(self, api_endpoint: str, name: str | None = None) -> None:
        self.name = name or f"co-{uuid.uuid4().hex[:12]}"
        self.api_endpoint = api_endpoint
        self.client = bigquery.Client(
            self.name, credentials=AnonymousCredentials(), client_options={"api_endpoint": api_endpoint}
        )

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return [dict(row) for row in self.client.query_and_wait(sql)]

    def rows(self, table: str, key: str = "id") -> dict[Any, dict[str, Any]]:
        """Return the rows of a table in the dataset `bronze`, by key."""
        return {row[key]: row for row in self.query(f"SELECT * FROM `{self.name}.bronze.{table}`")}  # noqa: S608

    def wait_for_jobs(self) -> None:
        """Wait until no job of the project is running. The jobs of a killed client keep running."""
        while any(next(iter(self.client.list_jobs(max_results=1, state_filter=state)), None) for state in _UNFINISHED):
            time.sleep(0.05)

    def delete(self) -> None:
        """Delete all datasets of the project."""
        for dataset in self.client.list_datasets():
            self.client.delete_dataset(dataset.reference, delete_contents=True)

    def operations(self, table: str) -> dict[Any, str]:
        """Return the last operation on each row of a table, by `id`."""
        return {key: row["_etl_operation"] for key, row in self.rows(table).items()}

    def log(self, stream: str) -> list[dict[str, Any]]:
        """Return the audit log's rows for a stream, oldest first."""
        return self.query(
            f"SELECT * FROM `{self.name}.management.etl_logs` WHERE stream = '{stream}' ORDER BY started"  # noqa: S608
        )

    def tables(self, dataset: str) -> list[str]:
        """Return the names of the tables in a dataset, sorted; an empty list if there is no such dataset."""
        if dataset not in {existing.dataset_id for existing in self.client.list_datasets()}:
            return []
        return sorted(table.table_id for table in self.client.list_tables(f"{self.name}.{dataset}"))
