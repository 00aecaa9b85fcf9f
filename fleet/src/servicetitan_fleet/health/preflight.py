"""Checks whether a company could be run: asks ServiceTitan and BigQuery, and writes nothing."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from servicetitan_fleet.bigquery import quote_name
from servicetitan_fleet.health.company_warehouse import dataset_names, kept_dataset_names, make_company_client
from servicetitan_fleet.health.tap_command import run_tap
from servicetitan_fleet.meltano.registry_check import find_bad_settings, find_unknown_streams
from servicetitan_fleet.plugin_runtime.datasets import FREE_DAYS, expiration_problem
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import first_line, to_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_fleet.meltano.context import MeltanoContext
    from servicetitan_fleet.registry.company import Company

_CALL_SECONDS = 30.0
_RETRY = DEFAULT_RETRY.with_timeout(10.0)
_READABLE, _UNREADABLE = ": can be read", ": cannot be read: "
"""Parts of the lines that the tap's `--test` prints, one line per module."""

BILLING_STATEMENT = "CREATE TEMP TABLE etl_check AS SELECT 1 AS n; DELETE FROM etl_check WHERE n = 0;"
"""A script that changes a row, or would: what BigQuery refuses in a project without billing."""


def find_problems(company: Company, context: MeltanoContext) -> Iterator[str]:
    """Yield each problem that would prevent the company's run; nothing if it could be run."""
    bad_settings, other = _find_registry_problems(company, context)
    yield from (to_line(f"registry: {problem}") for problem in (*bad_settings, *other))
    # With a bad setting, the tap would say so once more, and nothing else.
    for service, find in _SERVICES[1 if bad_settings else 0 :]:
        try:
            yield from (f"{service}: {problem}" for problem in find(company, context))
        except PluginError as error:
            yield to_line(f"{service}: {error}")


def _find_registry_problems(company: Company, context: MeltanoContext) -> tuple[list[str], list[str]]:
    """Return the problems of settings, and other problems."""
    bad_settings: list[str] = []
    try:
        bad_settings = list(find_bad_settings(company, context.project))
        return bad_settings, list(find_unknown_streams(company, context.project))
    except PluginError as error:
        return bad_settings, [str(error)]


def _find_servicetitan_problems(company: Company, context: MeltanoContext) -> Iterator[str]:
    """Let the tap's `--test` read each module that the selected streams need, with the company's secrets."""
    lines = run_tap(company, context, "--test")
    yield from (line.message for line in lines if _UNREADABLE in line.message)
    if not any(_READABLE in line.message for line in lines):
        yield "the tap could not read a single module"


def _find_bigquery_problems(company: Company, context: MeltanoContext) -> Iterator[str]:
    """Check that jobs may run in the project, and that tables may be created in its datasets."""
    try:
        client = make_company_client(company, context.variables)
    except GoogleAuthError as error:
        raise PluginError(first_line(error)) from error
    with closing(client):
        problem = _catch_problem(lambda: _dry_run(client, "SELECT 1"))
        if problem:
            yield f"cannot run jobs in {client.project}: {problem}"
            return
        if problem := _catch_problem(lambda: _check_billing(client)):
            yield problem
        for name in dataset_names(company):
            full_name = f"{company.project_id}.{name}"
            problem = _catch_problem(partial(_check_dataset, client, company, full_name))
            if problem:
                yield f"cannot use the dataset {full_name}: {problem}"


def _catch_problem(check: Callable[[], None]) -> str:
    """Run a check and return why it failed; empty if it passed."""
    try:
        check()
    except (GoogleAPIError, GoogleAuthError, PluginError, OSError) as error:
        return first_line(error)
    return ""


def _check_dataset(client: bigquery.Client, company: Company, full_name: str) -> None:
    """Dry-run the creation of a table in the dataset, or of the dataset if it does not exist.

    Raises:
        PluginError: If the dataset is not in the location that the registry gives.
    """
    try:
        dataset = client.get_dataset(full_name, retry=_RETRY, timeout=_CALL_SECONDS)
    except NotFound:
        _dry_run(client, create_dataset_statement(full_name))
        return
    if company.location and dataset.location.upper() != company.location.upper():
        raise PluginError(f"it is in {dataset.location}, but the registry says {company.location}")
    if company.target.get("on_expiration", "refuse") == "refuse" and dataset.dataset_id in kept_dataset_names(company):
        _check_lifetimes(dataset)
    _dry_run(client, create_table_statement(full_name))


def _check_lifetimes(dataset: bigquery.Dataset) -> None:
    problem = expiration_problem(
        f"{dataset.project}.{dataset.dataset_id}",
        tables_ms=dataset.default_table_expiration_ms,
        partitions_ms=dataset.default_partition_expiration_ms,
    )
    if problem:
        raise PluginError(problem)


def _check_billing(client: bigquery.Client) -> None:
    """Change a row of a temporary table, which nobody sees and which ends with the statement.

    Only a statement that runs shows it: that a dry run is refused, too, is documented nowhere. It bills 20 MB. Whatever
    else goes wrong with it is no sign of anything.

    Raises:
        PluginError: If the project has no billing.
    """
    try:
        client.query(BILLING_STATEMENT, retry=_RETRY, timeout=_CALL_SECONDS, job_retry=None).result(
            retry=_RETRY, timeout=_CALL_SECONDS
        )
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        reasons = {str(item.get("reason")) for item in getattr(error, "errors", ()) if isinstance(item, dict)}
        if "billingNotEnabled" in reasons:
            raise PluginError(
                f"the project {client.project} has no billing: BigQuery changes no rows there and deletes every table "
                f"after {FREE_DAYS} days. Link it to a billing account"
            ) from error


def create_dataset_statement(dataset: str) -> str:
    """Return the statement that would create a dataset."""
    return f"CREATE SCHEMA IF NOT EXISTS {quote_name(dataset)}"


def create_table_statement(dataset: str) -> str:
    """Return the statement that would create a table in a dataset."""
    return f"CREATE TABLE IF NOT EXISTS {quote_name(dataset, 'etl_check')} (n INT64)"


def _dry_run(client: bigquery.Client, sql: str) -> None:
    config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
    client.query(sql, job_config=config, retry=_RETRY, timeout=_CALL_SECONDS, job_retry=None)


_SERVICES = (("ServiceTitan", _find_servicetitan_problems), ("BigQuery", _find_bigquery_problems))
