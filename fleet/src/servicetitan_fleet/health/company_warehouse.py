"""The BigQuery project of a company: a client and the names of its datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicetitan_fleet.bigquery import quote_name
from servicetitan_fleet.plugin_runtime import datasets
from servicetitan_fleet.plugin_runtime.google_client import bigquery_client, emulator_address

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        str(target.get("billing_project") or company.project_id),
        api_endpoint=str(target.get("api_endpoint") or emulator_address(environment)),
        location=company.location or None,
        service_account=str(target.get("impersonate_service_account") or ""),
    )


def log_table_name(company: Company) -> str:
    """Return the quoted name of a company's audit log."""
    return quote_name(company.project_id, str(company.target.get("log_dataset") or datasets.LOGS), LOG_TABLE)


def kept_dataset_names(company: Company) -> list[str]:
    """Return the names of those of a company's datasets whose tables must stay: tables and audit log."""
    return [str(company.target.get(setting) or datasets.DEFAULTS[setting]) for setting in datasets.KEPT]


def dataset_names(company: Company) -> list[str]:
    """Return the names of a company's datasets: tables, staging tables, audit log."""
    return [str(company.target.get(setting) or default) for setting, default in datasets.DEFAULTS.items()]
