"""The BigQuery project of one company."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime import datasets as default_datasets
from servicetitan_fleet.plugin_runtime.google_client import bigquery_client, emulator_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.cloud import bigquery

    from servicetitan_fleet.registry.company import Company


def company_client(company: Company, environment: Mapping[str, str]) -> bigquery.Client:
    """Return a client that sees of a company's project what its target sees.

    Raises:
        GoogleAuthError: If there are no credentials.
    """
    target = company.target
    return bigquery_client(
        company.project_id,
        api_endpoint=str(target.get("api_endpoint") or emulator_address(environment)),
        location=company.location or None,
        service_account=str(target.get("impersonate_service_account") or ""),
    )


def datasets(company: Company) -> list[str]:
    """Return the names of a company's datasets: of the tables, of staging, of the audit log."""
    return [str(company.target.get(setting) or default) for setting, default in default_datasets.DEFAULTS.items()]
