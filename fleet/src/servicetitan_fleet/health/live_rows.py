"""Reads which tables a company's last runs have written, and counts their live rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from servicetitan_fleet.bigquery import quote_name
from servicetitan_fleet.health.company_warehouse import log_table_name, make_company_client
from servicetitan_fleet.health.evidence import DRY_RUN
from servicetitan_fleet.health.verification import WrittenTable
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import first_line

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from servicetitan_fleet.registry.company import Company

CREATED_COLUMNS = ("created_on", "createdOn")
"""The names that the column with the time of creation has, by the setting `column_naming`."""

_TIMEOUT_SECONDS = 60.0
_RETRY = DEFAULT_RETRY.with_timeout(10.0)
_READERS = 8
"""Number of tables that are described at a time."""


def tables_query(log_table: str) -> str:
    """Return the query for the table of each stream, and how and when the last run that read it ended.

    Args:
        log_table: Quoted name of the audit log.
    """
    return f"""\
SELECT stream, table_name, status, run_started AS started
FROM (
  SELECT stream, table_name, status, started, MIN(started) OVER (PARTITION BY run_id) AS run_started
  FROM {log_table}
  WHERE NOT STARTS_WITH(status, '{DRY_RUN}')
)
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY stream ORDER BY started DESC) = 1
ORDER BY stream"""  # noqa: S608 - the table is quoted, the rest is constant


def count_query(tables: Mapping[str, str | None]) -> str:
    """Return the query for the numbers of live rows.

    Args:
        tables: For each table, by its full name, the column with the time of creation if only rows from before `@until`
            count.
    """
    return "\nUNION ALL\n".join(
        f"SELECT {number} AS number, COUNT(*) AS live_rows FROM {quote_name(*name.split('.'))}\n"  # noqa: S608 - quoted
        f"WHERE IFNULL(_etl_operation, 'INSERT') != 'DELETE'{_until(column)}"
        for number, (name, column) in enumerate(tables.items())
    )


def _until(column: str | None) -> str:
    return f" AND IFNULL({quote_name(column)} < @until, TRUE)" if column else ""


class LiveRows:
    """The tables of one company."""

    def __init__(self, company: Company, environment: Mapping[str, str]) -> None:
        """Choose the company.

        Args:
            company: The company.
            environment: May name a BigQuery emulator.
        """
        self._company = company
        self._environment = environment

    def read_tables(self) -> dict[str, WrittenTable]:
        """Return the table of each stream that a run has read, by stream. Their rows are not counted.

        Raises:
            PluginError: If the audit log cannot be read.
        """
        log = log_table_name(self._company)
        rows = self._query(tables_query(log), [], f"read {log}")
        return {row["stream"]: WrittenTable(**dict(row)) for row in rows}

    def count(
        self, tables: Sequence[WrittenTable], until: dt.datetime | None, limited: Collection[str]
    ) -> list[WrittenTable]:
        """Return the tables with the numbers of their live rows. One that does not exist has none.

        Args:
            tables: The tables.
            until: A moment.
            limited: The streams of which only rows that were created before the moment count.

        Raises:
            PluginError: If a table cannot be read.
        """
        columns = self._find_tables([table.table_name for table in tables])
        wanted = {
            table.table_name: columns[table.table_name] if table.stream in limited else None
            for table in tables
            if table.table_name in columns
        }
        if not wanted:
            return list(tables)
        parameters = [bigquery.ScalarQueryParameter("until", "TIMESTAMP", until)] if any(wanted.values()) else []
        rows = self._query(count_query(wanted), parameters, f"count the rows of {self._company.project_id}")
        names = list(wanted)
        counts = {names[row["number"]]: row["live_rows"] for row in rows}
        return [replace(table, live_rows=counts.get(table.table_name)) for table in tables]

    def _find_tables(self, names: Sequence[str]) -> dict[str, str | None]:
        """Return the tables that exist, each with the name of its column with the time of creation, if it has one."""
        with closing(self._client()) as client, ThreadPoolExecutor(_READERS) as pool:

            def find(name: str) -> tuple[str, str | None] | None:
                try:
                    schema = client.get_table(name, retry=_RETRY, timeout=_TIMEOUT_SECONDS).schema
                except NotFound:
                    return None
                except (GoogleAPIError, GoogleAuthError, OSError) as error:
                    raise PluginError(f"cannot read {name}: {first_line(error)}") from error
                found = {field.name for field in schema if field.field_type == "TIMESTAMP"}
                return name, next((column for column in CREATED_COLUMNS if column in found), None)

            return dict(filter(None, pool.map(find, names)))

    def _query(
        self, statement: str, parameters: Sequence[bigquery.ScalarQueryParameter], what: str
    ) -> Sequence[Mapping[str, Any]]:
        try:
            with closing(self._client()) as client:
                rows = client.query_and_wait(
                    statement,
                    job_config=bigquery.QueryJobConfig(query_parameters=parameters),
                    wait_timeout=_TIMEOUT_SECONDS,
                    api_timeout=_TIMEOUT_SECONDS,
                    retry=_RETRY,
                    job_retry=None,  # type: ignore[arg-type] # documented: None disables it
                )
                return list(rows)
        except NotFound:
            return []
        except (GoogleAPIError, GoogleAuthError, OSError, TimeoutError) as error:
            raise PluginError(f"cannot {what}: {first_line(error)}") from error

    def _client(self) -> bigquery.Client:
        try:
            return make_company_client(self._company, self._environment)
        except GoogleAuthError as error:
            raise PluginError(first_line(error)) from error
