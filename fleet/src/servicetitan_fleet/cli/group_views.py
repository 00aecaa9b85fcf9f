"""The command `group-views`: views over the tables of all companies."""

from __future__ import annotations

import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import click

from servicetitan_fleet.cli.options import companies_option, trust_option
from servicetitan_fleet.group.company_tables import read_tables
from servicetitan_fleet.group.group_dataset import GroupDataset, authorize
from servicetitan_fleet.group.union_view import union_view
from servicetitan_fleet.health.company_warehouse import dataset_names, make_company_client
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.google_client import bigquery_client, emulator_address
from servicetitan_fleet.plugin_runtime.plurals import pluralize
from servicetitan_fleet.plugin_runtime.redaction import to_line
from servicetitan_fleet.registry.open_registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicetitan_fleet.group.company_tables import CompanyTables
    from servicetitan_fleet.group.union_view import CompanyTable, UnionView
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.registry.entries import Entries


@click.command("group-views")
@companies_option
@trust_option
@click.option("--project", envvar="ETL_GROUP_PROJECT", required=True, help="Google Cloud project of the group.")
@click.option(
    "--dataset", envvar="ETL_GROUP_DATASET", default="servicetitan", show_default=True, help="Dataset of the views."
)
@click.option(
    "--authorize/--no-authorize",
    default=True,
    show_default=True,
    help="Let the views read the companies' datasets, whoever asks them.",
)
@click.option("--dry-run", is_flag=True, help="Say what differs between the companies, and write nothing.")
@click.option(
    "--parallel", type=click.IntRange(1), default=16, show_default=True, help="Number of companies to read at a time."
)
def group_views(  # noqa: PLR0913 - one parameter per option
    *, registry: str, trusted: bool, project: str, dataset: str, authorize: bool, dry_run: bool, parallel: int
) -> None:
    """Keep views over the tables of all companies, with the column company_id.

    For each table that any company has, the dataset of the group gets a view of that name over all of them. A column
    that a company lacks is NULL there; one whose type differs is cast, or left out, and a line says so. Disabled
    companies count, too: their rows are still there.

    Exit code 0: all views are right. 1: some could not be written, or a company could not be read: then no view was
    changed.
    """
    entries = open_registry(registry, os.environ, trusted=trusted).read()
    _check_entries(entries)
    _check_dataset(f"{project}.{dataset}", entries.companies)
    found = _read_companies(entries.companies, parallel)
    views = _make_views(found)
    click.echo(f"{pluralize(len(found), 'company')}, {pluralize(len(views), 'table')}")
    if dry_run or not views:
        return
    with closing(bigquery_client(project, api_endpoint=emulator_address(os.environ))) as client:
        group = GroupDataset(client, f"{project}.{dataset}", found[0].location)
        group.ensure()
        changes = group.write(views)
    problems = changes.failed + (_authorize(entries.companies, found, group.name) if authorize else [])
    for line in problems:
        click.echo(to_line(line), err=True)
    click.echo(f"{group.name}: {changes.summary}")
    if problems:
        sys.exit(1)


def _check_entries(entries: Entries) -> None:
    """Check that every entry of the registry is a company: a view without one of them would be taken for all.

    Raises:
        PluginError: If one is not.
    """
    if entries.bad:
        raise PluginError(f"{entries.bad[0].name}: {entries.bad[0].reason}. No view was changed")


def _check_dataset(name: str, companies: Sequence[Company]) -> None:
    """Check that the dataset of the group is no company's: the rows of all others would be seen there.

    Raises:
        PluginError: If it is.
    """
    for company in companies:
        if name in {f"{company.project_id}.{own}" for own in dataset_names(company)}:
            raise PluginError(
                f"{name} is a dataset of {company.company_id}. Give the views one of their own: --dataset"
            )


def _read_companies(companies: Sequence[Company], parallel: int) -> list[CompanyTables]:
    """Read the tables of the companies, and leave out those that have none yet or are elsewhere.

    Raises:
        PluginError: If one cannot be read.
    """
    with ThreadPoolExecutor(parallel, thread_name_prefix="tables") as pool:
        read = list(pool.map(lambda company: read_tables(company, os.environ), companies))
    for company, tables in zip(companies, read, strict=True):
        if tables is None:
            click.echo(f"{company.company_id}: left out, it has no dataset yet", err=True)
    found = [tables for tables in read if tables is not None]
    if not found:
        return []
    location, _ = Counter(tables.location for tables in found).most_common(1)[0]
    for tables in found:
        if tables.location != location:
            click.echo(
                f"{tables.company_id}: left out, its dataset is in {tables.location}, and most are in {location}",
                err=True,
            )
    return [tables for tables in found if tables.location == location]


def _make_views(companies: Sequence[CompanyTables]) -> dict[str, UnionView]:
    tables: dict[str, list[CompanyTable]] = {}
    for company in companies:
        for name, table in company.tables.items():
            tables.setdefault(name, []).append(table)
    views = {name: union_view(name, sources) for name, sources in sorted(tables.items())}
    for view in views.values():
        for notice in view.notices:
            click.echo(to_line(notice), err=True)
    return views


def _authorize(companies: Sequence[Company], found: Sequence[CompanyTables], group: str) -> list[str]:
    """Let the views read the companies' datasets, and return a line for each that does not allow it."""
    by_id, problems = {company.company_id: company for company in companies}, []
    for tables in found:
        with closing(make_company_client(by_id[tables.company_id], os.environ)) as client:
            try:
                if authorize(client, tables, group):
                    click.echo(f"{tables.company_id}: the views may read {tables.dataset}")
            except PluginError as error:
                problems.append(str(error))
    return problems
