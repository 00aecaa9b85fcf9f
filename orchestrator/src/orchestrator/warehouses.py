"""Clients of the companies' BigQuery projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import google.auth
from google.api_core.client_options import ClientOptions
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from plugin_runtime import PluginError, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.companies import Company

LOG_DATASET = "management"
DATASETS = {"dataset": "bronze", "staging_dataset": "staging", "log_dataset": LOG_DATASET}
"""The target's settings that name datasets, and their defaults."""

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def bigquery_client(project: str, *, api_endpoint: str = "", location: str = "", account: str = "") -> bigquery.Client:
    """Return a client.

    Args:
        project: The project that is asked, and that pays.
        api_endpoint: Address of an emulator, which needs no credentials; else empty.
        location: Where jobs run; where the data is, when it is empty.
        account: Service account to act as; else the account of this process.

    Raises:
        GoogleAuthError: If there are no credentials.
    """
    if api_endpoint:
        options = ClientOptions(api_endpoint=api_endpoint)
        return bigquery.Client(project, credentials=AnonymousCredentials(), client_options=options)
    return bigquery.Client(project, credentials=_acting_as(account) if account else None, location=location or None)


def company_client(company: Company, environment: Mapping[str, str]) -> bigquery.Client:
    """Return a client that sees of a company's project what its target sees.

    Raises:
        GoogleAuthError: If there are no credentials.
    """
    target = company.target
    return bigquery_client(
        company.project_id,
        api_endpoint=str(target.get("api_endpoint") or environment.get("BIGQUERY_EMULATOR_HOST", "")),
        location=company.location,
        account=str(target.get("impersonate_service_account") or ""),
    )


def datasets(company: Company) -> list[str]:
    """Return the names of a company's datasets: of the tables, of staging, of the audit log."""
    return [str(company.target.get(setting) or default) for setting, default in DATASETS.items()]


def quoted(*parts: str) -> str:
    """Return a name for a statement: `project`, `dataset` and so on.

    Raises:
        PluginError: If a part would not stay inside its quotes.
    """
    name = ".".join(parts)
    if "`" in name or "\\" in name or "\n" in name:
        raise PluginError(f"{name} is not a name in BigQuery")
    return f"`{name}`"


def first_line(error: Exception) -> str:
    """Return what an error says first: Google's clients add job ids and places in more lines."""
    return redact(str(error).strip().partition("\n")[0]) or type(error).__name__


def _acting_as(account: str) -> Any:  # noqa: ANN401 - google.auth has no common base class
    source, _ = google.auth.default(scopes=_SCOPES)
    return impersonated_credentials.Credentials(
        source_credentials=source, target_principal=account, target_scopes=_SCOPES
    )
