"""The list of companies: a YAML file, or a table of BigQuery. Both hold the same fields."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import yaml
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from servicetitan_fleet.bigquery import quoted
from servicetitan_fleet.files import replace_file
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.google_client import bigquery_client, emulator_address
from servicetitan_fleet.plugin_runtime.redaction import first_line
from servicetitan_fleet.registry.company import Company, check_together, parse_company
from servicetitan_fleet.registry.yaml_file import insert_statement, with_company

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_TIMEOUT_SECONDS = 60.0
_TABLE_PARTS = 3


class Registry(Protocol):
    """Where companies are listed."""

    def companies(self) -> list[Company]:
        """Return all companies, also those that are not enabled.

        Raises:
            PluginError: If the list cannot be read, or something in it is wrong.
        """

    def add(self, company: Company) -> None:
        """Add a company.

        Raises:
            PluginError: If it could be taken for one that is there, or the list cannot be written.
        """


def open_registry(place: str, environment: Mapping[str, str]) -> Registry:
    """Return the registry at a place: the path of a YAML file, or `bq://project.dataset.table`.

    Raises:
        PluginError: If the table's name does not have three parts.
    """
    if not place.startswith("bq://"):
        return FileRegistry(Path(place))
    name = place.removeprefix("bq://")
    if len(name.split(".")) != _TABLE_PARTS:
        raise PluginError(f"the registry {place} is not `bq://project.dataset.table`")
    return TableRegistry(name, emulator_address(environment))


class FileRegistry(Registry):
    """A YAML file with a list `companies`."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        self._path = path

    @override
    def companies(self) -> list[Company]:
        try:
            content = yaml.safe_load(self._path.read_text(encoding="utf-8"))
        except OSError as error:
            raise PluginError(f"cannot read the companies from {self._path}: {error.strerror}") from error
        except yaml.YAMLError as error:
            raise PluginError(f"{self._path} is not YAML: {error}") from error
        if not isinstance(content, dict) or not isinstance(content.get("companies"), list):
            raise PluginError(f"{self._path} has no list `companies`")
        return _checked((f"{self._path}, company {n}", one) for n, one in enumerate(content["companies"], 1))

    @override
    def add(self, company: Company) -> None:
        before = ""
        if self._path.exists():
            check_together([*self.companies(), company])
            before = self._path.read_text(encoding="utf-8")
        # A link stays one: what it points to is replaced.
        try:
            replace_file(self._path.resolve(), with_company(before, company).encode())
        except OSError as error:
            raise PluginError(f"cannot write {self._path}: {error.strerror}") from error


class TableRegistry(Registry):
    """A table of BigQuery: `deploy/sql/companies.sql` makes it."""

    def __init__(self, table: str, api_endpoint: str) -> None:
        """Name the table.

        Args:
            table: `project.dataset.table`.
            api_endpoint: Address of an emulator, which needs no credentials; else empty.
        """
        self._table = table
        self._api_endpoint = api_endpoint

    @override
    def companies(self) -> list[Company]:
        try:
            with closing(self._client()) as client:
                rows = list(client.list_rows(self._table, timeout=_TIMEOUT_SECONDS))
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            raise PluginError(f"cannot read the companies from {self._table}: {error}") from error
        return _checked((f"{self._table}, {row.get('company_id')}", _described(row)) for row in rows)

    @override
    def add(self, company: Company) -> None:
        check_together([*self.companies(), company])
        config = bigquery.QueryJobConfig(query_parameters=_parameters(company))
        try:
            with closing(self._client()) as client:
                rows = client.query_and_wait(
                    insert_statement(quoted(self._table)),
                    job_config=config,
                    wait_timeout=_TIMEOUT_SECONDS,
                    api_timeout=_TIMEOUT_SECONDS,
                )
        except (GoogleAPIError, GoogleAuthError, OSError, TimeoutError) as error:
            raise PluginError(f"cannot add {company.company_id} to {self._table}: {first_line(error)}") from error
        if not rows.num_dml_affected_rows:
            raise PluginError(
                f"{company.company_id} is not added: somebody has just added it, its tenant or its project"
            )

    def _client(self) -> bigquery.Client:
        return bigquery_client(self._table.split(".")[0], api_endpoint=self._api_endpoint)


def _parameters(company: Company) -> list[bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter]:
    plain = ("company_id", "company_name", "tenant_id", "project_id", "location")
    texts = {name: getattr(company, name) for name in plain} | msgspec.to_builtins(company.secrets)
    return [
        *(bigquery.ScalarQueryParameter(name, "STRING", value) for name, value in texts.items()),
        bigquery.ScalarQueryParameter("enabled", "BOOL", company.enabled),
        bigquery.ArrayQueryParameter("streams", "STRING", list(company.streams)),
    ]


def _described(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's fields. A NULL means what a missing field of the file means."""
    fields = {name: value for name, value in row.items() if value is not None}
    for name in ("tap", "target"):
        if isinstance(fields.get(name), str):
            fields[name] = json.loads(fields[name])
    return fields


def _checked(described: Iterable[tuple[str, object]]) -> list[Company]:
    companies = [parse_company(description, place) for place, description in described]
    check_together(companies)
    return companies


def chosen(companies: Iterable[Company], company_ids: Iterable[str]) -> Iterator[Company]:
    """Yield the enabled companies, or those that are named, enabled or not.

    Raises:
        PluginError: If one that is named is not in the registry.
    """
    by_id = {company.company_id: company for company in companies}
    wanted = list(company_ids)
    if unknown := sorted(set(wanted) - by_id.keys()):
        raise PluginError(f"the registry has no company {', '.join(unknown)}: it has {', '.join(sorted(by_id))}")
    yield from (by_id[one] for one in wanted) if wanted else (one for one in by_id.values() if one.enabled)
