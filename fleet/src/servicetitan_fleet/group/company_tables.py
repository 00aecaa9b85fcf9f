"""Reads which tables the companies have, and their columns."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError

from servicetitan_fleet.group.union_view import CompanyTable
from servicetitan_fleet.health.company_warehouse import kept_dataset_names, make_company_client
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.cloud import bigquery

    from servicetitan_fleet.registry.company import Company

TENANT_LABEL = "tenant_id"
"""Label of the target's datasets and tables: the tenant whose rows they have."""

OPERATION = "_etl_operation"
"""The column by which a table is known to be one of the target's."""

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class CompanyTables:
    """The tables of one company."""

    company_id: str
    dataset: str
    """Full name of the dataset."""
    location: str
    tables: Mapping[str, CompanyTable]
    """The tables that the target writes, by name."""


def read_tables(company: Company, environment: Mapping[str, str]) -> CompanyTables | None:
    """Return the tables of a company, or None if it has no dataset yet.

    Args:
        company: The company.
        environment: May name a BigQuery emulator.

    Raises:
        PluginError: If they cannot be read, or belong to another tenant.
    """
    name = f"{company.project_id}.{kept_dataset_names(company)[0]}"
    try:
        with closing(make_company_client(company, environment)) as client:
            dataset = client.get_dataset(name, timeout=TIMEOUT_SECONDS)
            _check_tenant(company, name, dataset.labels)
            return CompanyTables(company.company_id, name, dataset.location, _read_all(client, company, name))
    except NotFound:
        return None
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        raise PluginError(f"{company.company_id}: cannot read the tables of {name}: {first_line(error)}") from error


def _read_all(client: bigquery.Client, company: Company, dataset: str) -> dict[str, CompanyTable]:
    found = {}
    for item in client.list_tables(dataset, page_size=1000, timeout=TIMEOUT_SECONDS):
        if item.table_type != "TABLE":
            continue
        _check_tenant(company, f"{dataset}.{item.table_id}", item.labels)
        try:
            fields = client.get_table(item.reference, timeout=TIMEOUT_SECONDS).schema
        except NotFound:
            continue  # it went meanwhile, and the company's other tables are still there
        if any(field.name.lower() == OPERATION for field in fields):
            found[item.table_id] = CompanyTable(company.company_id, f"{dataset}.{item.table_id}", fields)
    return found


def _check_tenant(company: Company, name: str, labels: Mapping[str, str]) -> None:
    """Check whose rows a dataset or table has, where its label says so.

    Raises:
        PluginError: If they are another company's.
    """
    tenant = labels.get(TENANT_LABEL, company.tenant_id)
    if tenant != company.tenant_id:
        raise PluginError(
            f"{company.company_id}: {name} belongs to tenant {tenant}, and the registry says {company.tenant_id}. "
            "Correct the registry"
        )
