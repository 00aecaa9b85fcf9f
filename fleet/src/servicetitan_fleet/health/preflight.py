"""Finds out whether a company could be run: asks ServiceTitan and BigQuery, and writes nothing."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from servicetitan_fleet.bigquery import quoted
from servicetitan_fleet.health.company_warehouse import company_client, datasets
from servicetitan_fleet.meltano.log_lines import Errors, parse
from servicetitan_fleet.meltano.process import EndedBy
from servicetitan_fleet.meltano.project import TAP
from servicetitan_fleet.meltano.runner import CompanyMeltano
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import first_line, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from servicetitan_fleet.meltano.log_lines import LogLine
    from servicetitan_fleet.meltano.process import ChildEnd
    from servicetitan_fleet.meltano.project import MeltanoProject
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.registry.secrets import SecretResolver

_TIMEOUT_SECONDS = 180.0
_CALL_SECONDS = 30.0
_RETRY = DEFAULT_RETRY.with_timeout(10.0)
_READABLE, _UNREADABLE = ": can be read", ": cannot be read: "
"""What the tap's `--test` says of a module."""

_CATALOG = Path("run") / TAP / "tap.properties.json"
"""Where Meltano leaves the catalog with the company's selection, in a system folder."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all companies share.

    Attributes:
        project: The Meltano project.
        meltano_environment: Its environment: `dev`, `qua` or `pro`.
        outer: The environment of this process.
        resolver: Reads secrets.
    """

    project: MeltanoProject
    meltano_environment: str
    outer: Mapping[str, str]
    resolver: SecretResolver


def problems_of(company: Company, place: Surroundings) -> Iterator[str]:
    """Yield what stands in the way of running a company; nothing when nothing does."""
    for what, probe in (("ServiceTitan", _servicetitan), ("BigQuery", _bigquery)):
        try:
            yield from (f"{what}: {problem}" for problem in probe(company, place))
        except PluginError as error:
            yield redact(f"{what}: {error}")


def _servicetitan(company: Company, place: Surroundings) -> Iterator[str]:
    """Ask with the company's secrets for each module that the selected streams need, through the tap's `--test`."""
    secrets = place.resolver.secrets_of(company)
    with tempfile.TemporaryDirectory(prefix="etl-check-") as folder:
        root = Path(folder)
        meltano = CompanyMeltano(
            company=company,
            secrets=secrets,
            project=place.project,
            meltano_environment=place.meltano_environment,
            outer=place.outer,
            system_root=root,
        )
        catalog = []
        if company.streams:
            # Without a catalog the tap asks for what it selects by itself, which is not what this company selects.
            _said(meltano, ["invoke", "--dump", "catalog", TAP])
            catalog = ["--catalog", str(root / company.company_id / _CATALOG)]
        lines = _said(meltano, ["invoke", TAP, "--test", *catalog])
    yield from (line.message for line in lines if _UNREADABLE in line.message)
    if not any(_READABLE in line.message for line in lines):
        yield "the tap says of no module that it can be read"


def _said(meltano: CompanyMeltano, arguments: Sequence[str]) -> list[LogLine]:
    """Return what a command of Meltano says.

    Raises:
        PluginError: If it fails; with the last error that it says.
    """
    lines: list[LogLine] = []
    errors = Errors()

    def on_line(raw: bytes) -> None:
        line = parse(raw)
        if line:
            lines.append(line)
            errors.add(line)

    end = meltano.run(arguments, on_line=on_line, stop=lambda: False, timeout_seconds=_TIMEOUT_SECONDS)
    if problem := _problem(end, errors.reason, arguments):
        raise PluginError(problem)
    return lines


def _problem(end: ChildEnd, reason: str, arguments: Sequence[str]) -> str:
    if end.by is EndedBy.TIMEOUT:
        return f"no answer within {_TIMEOUT_SECONDS:g} seconds"
    if end.code:
        return reason or f"`meltano {' '.join(arguments)}` ended with code {end.code}"
    return ""


def _bigquery(company: Company, place: Surroundings) -> Iterator[str]:
    """See whether jobs may be run in the project, and tables be made in the three datasets."""
    try:
        client = company_client(company, place.outer)
    except GoogleAuthError as error:
        raise PluginError(first_line(error)) from error
    with closing(client):
        problem = _refused(lambda: _dry_run(client, "SELECT 1"))
        if problem:
            yield f"cannot run jobs in {company.project_id}: {problem}"
            return
        for name in datasets(company):
            full_name = f"{company.project_id}.{name}"
            problem = _refused(partial(_check_dataset, client, company, full_name))
            if problem:
                yield f"cannot use the dataset {full_name}: {problem}"


def _refused(ask: Callable[[], None]) -> str:
    """Return why BigQuery refuses something; empty when it does not."""
    try:
        ask()
    except (GoogleAPIError, GoogleAuthError, PluginError, OSError) as error:
        return first_line(error)
    return ""


def _check_dataset(client: bigquery.Client, company: Company, full_name: str) -> None:
    """Try to make a table, or the dataset where there is none, without doing it.

    Raises:
        PluginError: If the dataset is somewhere else than the registry says.
    """
    try:
        dataset = client.get_dataset(full_name, retry=_RETRY, timeout=_CALL_SECONDS)
    except NotFound:
        _dry_run(client, schema_statement(full_name))
        return
    if company.location and dataset.location.upper() != company.location.upper():
        raise PluginError(f"it is in {dataset.location}, and the registry says {company.location}")
    _dry_run(client, table_statement(full_name))


def schema_statement(dataset: str) -> str:
    """Return the statement that would make a dataset."""
    return f"CREATE SCHEMA IF NOT EXISTS {quoted(dataset)}"


def table_statement(dataset: str) -> str:
    """Return the statement that would make a table in a dataset."""
    return f"CREATE TABLE IF NOT EXISTS {quoted(dataset, 'etl_check')} (n INT64)"


def _dry_run(client: bigquery.Client, sql: str) -> None:
    config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
    client.query(sql, job_config=config, retry=_RETRY, timeout=_CALL_SECONDS, job_retry=None)
