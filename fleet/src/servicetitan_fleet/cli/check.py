"""The command `check`: preflight checks of the companies."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import click

from servicetitan_fleet.cli.options import (
    companies_option,
    environment_option,
    only_option,
    project_option,
    storage_option,
    trust_option,
)
from servicetitan_fleet.cli.reading_context import make_reading_context
from servicetitan_fleet.cli.refused import warn_of_disabled
from servicetitan_fleet.health.preflight import find_problems
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import to_line
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.execution import execution_from
from servicetitan_fleet.state.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from servicetitan_fleet.registry.company import Company


@click.command()
@companies_option
@trust_option
@storage_option
@project_option
@only_option
@environment_option
@click.option(
    "--parallel", type=click.IntRange(1), default=16, show_default=True, help="Number of companies to check at a time."
)
def check(  # noqa: PLR0913 - one parameter per option
    *,
    registry: str,
    trusted: bool,
    storage: str,
    project_folder: Path,
    only: Sequence[str],
    environment: str,
    parallel: int,
) -> None:
    """Run preflight checks of the companies.

    Nothing is written. For each company: is its entry in the registry good, do its streams exist, and would the plugins
    accept its settings; do its secrets exist; does ServiceTitan accept them, and allow access to every module that the
    selected streams need; can jobs run in its project, and tables be created in its datasets; and can its record in the
    storage be read?

    Exit code 0: all companies could be run. 1: some could not; the lines say why.
    """
    entries = open_registry(registry, os.environ, trusted=trusted).read().select(only)
    warn_of_disabled(entries)
    context = make_reading_context(entries.companies, project_folder, environment)
    opened = open_storage(storage)
    claims = Claims(opened, execution_from(os.environ))
    storage_problems = _catch_problem(opened.check)
    click.echo(_format_line("storage", storage_problems))

    def check_company(company: Company) -> tuple[str, list[str]]:
        record_problems = _catch_problem(lambda: claims.read_record(company.company_id))
        return company.company_id, [*find_problems(company, context), *record_problems]

    for entry in entries.failed:
        click.echo(_format_line(entry.name, [entry.reason]))
    failures = int(bool(storage_problems)) + len(entries.failed)
    with ThreadPoolExecutor(parallel, thread_name_prefix="check") as pool:
        for company_id, problems in pool.map(check_company, entries.companies):
            click.echo(_format_line(company_id, problems))
            failures += bool(problems)
    if failures:
        sys.exit(1)


def _catch_problem(read: Callable[[], object]) -> list[str]:
    """Call a function and return its error, or nothing if it succeeds."""
    try:
        read()
    except PluginError as error:
        return [to_line(str(error))]
    return []


def _format_line(subject: str, problems: Sequence[str]) -> str:
    return f"{subject:<24} {'; '.join(problems) or 'ok'}"
