"""The BigQuery project of a company: a client and the names of its datasets."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from google.auth.exceptions import GoogleAuthError

from servicetitan_fleet.bigquery import quote_name
from servicetitan_fleet.plugin_runtime import datasets
from servicetitan_fleet.plugin_runtime.google_client import bigquery_client, emulator_address, keep_connections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from google.cloud import bigquery

    from servicetitan_fleet.registry.company import Company

LOG_TABLE = "etl_logs"


def make_company_client(company: Company, environment: Mapping[str, str]) -> bigquery.Client:
    """Make a client for a company's project, with the endpoint, the account and the payer that its target has.

    Args:
        company: The company.
        environment: May name a BigQuery emulator.

    Raises:
        GoogleAuthError: If there are no credentials.
    """
    target = company.target
    return bigquery_client(
        paying_project(company),
        api_endpoint=str(target.get("api_endpoint") or emulator_address(environment)),
        location=company.location or None,
        service_account=str(target.get("impersonate_service_account") or ""),
    )


class SharedClients:
    """Clients for the projects of many companies. Several threads may use them.

    Companies that have no account of their own share the client of their endpoint and location: its connections, its
    token, and the search for the credentials of this process. What is asked of it must name the project that pays.
    """

    def __init__(self, environment: Mapping[str, str], connections: int) -> None:
        """Prepare the clients. None is made yet.

        Args:
            environment: May name a BigQuery emulator.
            connections: How many threads use a client at the same time.
        """
        self._environment = environment
        self._connections = connections
        self._made: dict[tuple[str, str], bigquery.Client | GoogleAuthError] = {}
        self._stack = ExitStack()
        self._lock = threading.Lock()

    @contextmanager
    def open(self, company: Company) -> Iterator[bigquery.Client]:
        """Lend a client for a company's project, for the length of the block.

        Raises:
            GoogleAuthError: If there are no credentials.
        """
        if company.target.get("impersonate_service_account"):
            with closing(make_company_client(company, self._environment)) as client:
                yield client
        else:
            yield self._find(company)

    def close(self) -> None:
        """Close the connections."""
        self._stack.close()

    def _find(self, company: Company) -> bigquery.Client:
        place = str(company.target.get("api_endpoint") or ""), company.location
        with self._lock:
            if place not in self._made:
                self._made[place] = self._make(company)
            made = self._made[place]
        if isinstance(made, GoogleAuthError):
            raise made
        return made

    def _make(self, company: Company) -> bigquery.Client | GoogleAuthError:
        try:
            client = self._stack.enter_context(closing(make_company_client(company, self._environment)))
        except GoogleAuthError as error:
            return error  # nor would the next company find any
        keep_connections(client, self._connections)
        return client


def paying_project(company: Company) -> str:
    """Return the project that pays for what is asked of a company's project."""
    return str(company.target.get("billing_project") or company.project_id)


def log_table_name(company: Company) -> str:
    """Return the quoted name of a company's audit log."""
    return quote_name(company.project_id, str(company.target.get("log_dataset") or datasets.LOGS), LOG_TABLE)


def kept_dataset_names(company: Company) -> list[str]:
    """Return the names of those of a company's datasets whose tables must stay: tables and audit log."""
    return [str(company.target.get(setting) or datasets.DEFAULTS[setting]) for setting in datasets.KEPT]


def dataset_names(company: Company) -> list[str]:
    """Return the names of a company's datasets: tables, staging tables, audit log."""
    return [str(company.target.get(setting) or default) for setting, default in datasets.DEFAULTS.items()]
