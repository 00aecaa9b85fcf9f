"""Looks at what landed in the local BigQuery, for tests and for the demonstration."""

from __future__ import annotations

import time
import uuid
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

_UNFINISHED = ("pending", "running")


class Project:
    """A project of the local BigQuery: a new one unless it is named."""

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
        """Return the rows of a table of the dataset `bronze`, by key."""
        return {row[key]: row for row in self.query(f"SELECT * FROM `{self.name}.bronze.{table}`")}  # noqa: S608

    def settle(self) -> None:
        """Wait until no job of the project runs any more: those that a killed client has started go on."""
        while any(next(iter(self.client.list_jobs(max_results=1, state_filter=state)), None) for state in _UNFINISHED):
            time.sleep(0.05)

    def operations(self, table: str) -> dict[Any, str]:
        """Return what last happened to each row of a table, by `id`."""
        return {key: row["_etl_operation"] for key, row in self.rows(table).items()}

    def log(self, stream: str) -> list[dict[str, Any]]:
        """Return the rows of the audit log for a stream, oldest first."""
        return self.query(
            f"SELECT * FROM `{self.name}.management.etl_logs` WHERE stream = '{stream}' ORDER BY started"  # noqa: S608
        )

    def tables(self, dataset: str) -> list[str]:
        """Return the names of the tables of a dataset; none when there is no such dataset."""
        if dataset not in {one.dataset_id for one in self.client.list_datasets()}:
            return []
        return sorted(table.table_id for table in self.client.list_tables(f"{self.name}.{dataset}"))
