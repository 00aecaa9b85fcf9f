"""The registry as a BigQuery table."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from servicetitan_fleet.bigquery import quote_name
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.google_client import bigquery_client
from servicetitan_fleet.plugin_runtime.redaction import first_line
from servicetitan_fleet.registry.base import Registry
from servicetitan_fleet.registry.entries import Entries, check_addition, parse_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicetitan_fleet.registry.company import Company

_TIMEOUT_SECONDS = 60.0


class TableRegistry(Registry):
    """A BigQuery table, created by `deploy/sql/companies.sql`."""

    def __init__(self, table: str, api_endpoint: str, *, trusted: bool) -> None:
        """Name the table.

        Args:
            table: `project.dataset.table`.
            api_endpoint: Base URL of an emulator, which needs no credentials; empty for Google's own.
            trusted: Whether its companies may have any setting.
        """
        self._table = table
        self._api_endpoint = api_endpoint
        self._trusted = trusted

    @override
    def read(self) -> Entries:
        return parse_entries(self._read_rows(), self._table, trusted=self._trusted)

    def _read_rows(self) -> list[tuple[str, object]]:
        """Read the rows, in an order that stays the same, so that a number finds the row again."""
        try:
            with closing(self._make_client()) as client:
                rows = [_to_fields(row) for row in client.list_rows(self._table, timeout=_TIMEOUT_SECONDS)]
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            raise PluginError(f"cannot read the companies from {self._table}: {error}") from error
        rows.sort(key=lambda row: (str(row.get("company_id")), str(row.get("tenant_id"))))
        return [(f"row {number} by company_id", fields) for number, fields in enumerate(rows, 1)]

    @override
    def read_notify(self) -> object:
        return []  # a table has a row for each company, and none for all

    @override
    def add(self, company: Company) -> None:
        check_addition(self._read_rows(), company)
        config = bigquery.QueryJobConfig(query_parameters=_query_parameters(company))
        try:
            with closing(self._make_client()) as client:
                rows = client.query_and_wait(
                    insert_statement(quote_name(self._table)),
                    job_config=config,
                    wait_timeout=_TIMEOUT_SECONDS,
                    api_timeout=_TIMEOUT_SECONDS,
                )
        except (GoogleAPIError, GoogleAuthError, OSError, TimeoutError) as error:
            raise PluginError(f"cannot add {company.company_id} to {self._table}: {first_line(error)}") from error
        if not rows.num_dml_affected_rows:
            raise PluginError(
                f"{company.company_id} was not added: its id, tenant or project was added by someone else a moment ago"
            )
        self._check_added(company)

    def _check_added(self, company: Company) -> None:
        """Read the table again: of two INSERTs at the same moment, neither sees the row of the other.

        Raises:
            PluginError: If the company now shares something with another one.
        """
        bad = {entry.company_id: entry for entry in self.read().bad}
        if entry := bad.get(company.company_id):
            raise PluginError(
                f"{company.company_id} was added, and is refused, because someone else added a company at the same "
                f"moment: delete one of the rows: {entry.reason}"
            )

    def _make_client(self) -> bigquery.Client:
        return bigquery_client(self._table.split(".")[0], api_endpoint=self._api_endpoint)


def _query_parameters(company: Company) -> list[bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter]:
    plain = ("company_id", "company_name", "tenant_id", "project_id", "location")
    texts = {name: getattr(company, name) for name in plain} | msgspec.to_builtins(company.secrets)
    return [
        *(bigquery.ScalarQueryParameter(name, "STRING", value) for name, value in texts.items()),
        bigquery.ScalarQueryParameter("enabled", "BOOL", company.enabled),
        bigquery.ArrayQueryParameter("streams", "STRING", list(company.streams)),
    ]


def _to_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a row. A setting that is no JSON stays a text, which is refused for that."""
    fields = dict(row.items())
    for name in ("tap", "target", "notify"):
        if isinstance(fields.get(name), str):
            fields[name] = _parse_settings(fields[name])
    return fields


def _parse_settings(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def insert_statement(table: str) -> str:
    """Return the INSERT that adds a company, unless its id, tenant or project is already in the table.

    Args:
        table: Quoted name of the table.
    """
    return f"""\
INSERT INTO {table} (company_id, company_name, tenant_id, project_id, location, enabled, streams, secrets)
SELECT
  @company_id,
  NULLIF(@company_name, ''),
  @tenant_id,
  @project_id,
  NULLIF(@location, ''),
  @enabled,
  @streams,
  STRUCT(@client_id AS client_id, @client_secret AS client_secret, @app_key AS app_key)
FROM (SELECT 1)
WHERE NOT EXISTS (
  SELECT 1
  FROM {table}
  WHERE
    LOWER(TRIM(company_id)) = LOWER(@company_id)
    OR LTRIM(TRIM(tenant_id), '0') = LTRIM(@tenant_id, '0')
    OR LOWER(TRIM(project_id)) = LOWER(@project_id)
)"""  # noqa: S608 - the table is quoted, the rest is constant
