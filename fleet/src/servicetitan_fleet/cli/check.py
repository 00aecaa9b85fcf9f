"""The command that finds out, before the night, whether every company could be run."""

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
)
from servicetitan_fleet.health.preflight import Surroundings, problems_of
from servicetitan_fleet.meltano.project import MeltanoProject
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import redact
from servicetitan_fleet.registry.company import chosen
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.registry.secrets import SecretResolver
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.execution import execution_of
from servicetitan_fleet.state.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from servicetitan_fleet.registry.company import Company


@click.command()
@companies_option
@storage_option
@project_option
@only_option
@environment_option
@click.option("--parallel", type=click.IntRange(1), default=4, show_default=True, help="Companies at a time.")
def check(  # noqa: PLR0913 - one an option
    *, registry: str, storage: str, project_folder: Path, only: Sequence[str], environment: str, parallel: int
) -> None:
    """Find out whether the companies could be run. Nothing is written.

    For each: do its secrets exist, does ServiceTitan accept them and show every module that the selected streams need,
    may jobs be run in its project and tables be made in its datasets, and can its record in the storage be read.

    Exit code 0: all could be run. 1: the lines say what stands in the way.
    """
    companies = list(chosen(open_registry(registry, os.environ).companies(), only))
    place = Surroundings(
        project=MeltanoProject(project_folder),
        meltano_environment=environment,
        outer=os.environ,
        resolver=SecretResolver(),
    )
    kept = open_storage(storage)
    claims = Claims(kept, execution_of(os.environ))
    problems = _tried(kept.check)
    click.echo(_line("storage", problems))

    def checked(company: Company) -> tuple[str, list[str]]:
        record = _tried(lambda: claims.record(company.company_id))
        return company.company_id, [*problems_of(company, place), *record]

    bad = int(bool(problems))
    with ThreadPoolExecutor(parallel, thread_name_prefix="check") as pool:
        for company_id, found in pool.map(checked, companies):
            click.echo(_line(company_id, found))
            bad += bool(found)
    if bad:
        sys.exit(1)


def _tried(read: Callable[[], object]) -> list[str]:
    try:
        read()
    except PluginError as error:
        return [redact(str(error))]
    return []


def _line(what: str, problems: Sequence[str]) -> str:
    return f"{what:<24} {'; '.join(problems) or 'ok'}"
