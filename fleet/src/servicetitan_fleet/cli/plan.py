"""The command `plan`: shows which task runs which company."""

from __future__ import annotations

import contextlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import click
from rich.console import Console

from servicetitan_fleet.cli.options import companies_option, only_option, storage_option, trust_option
from servicetitan_fleet.cli.refused import warn_of_disabled
from servicetitan_fleet.console.tables import plan_table
from servicetitan_fleet.fleet.plan import assign_to_tasks, estimate_seconds, find_companies
from servicetitan_fleet.formatting import format_duration
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.state.claims import READERS, Claims
from servicetitan_fleet.state.execution import execution_from
from servicetitan_fleet.state.execution_plan import agree_on_plan
from servicetitan_fleet.state.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from servicetitan_fleet.fleet.plan import TaskCompanies
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.registry.entries import Entries
    from servicetitan_fleet.state.execution import Execution
    from servicetitan_fleet.state.storage import Storage


@click.command()
@companies_option
@trust_option
@storage_option
@only_option
@click.option("--tasks", type=click.IntRange(1), default=1, show_default=True, help="Number of tasks.")
def plan(*, registry: str, trusted: bool, storage: str, only: Sequence[str], tasks: int) -> None:
    """Show which task would run which company.

    Nothing is run or written: an execution makes its own plan when it begins, and keeps it. The table also gives the
    expected duration of each run.

    Exit code 0: all companies could be planned. 1: the registry has no company to run, or entries that are refused.
    """
    execution = execution_from({**os.environ, "CLOUD_RUN_TASK_INDEX": "0", "CLOUD_RUN_TASK_COUNT": str(tasks)})
    claims = Claims(open_storage(storage), execution)
    entries = open_registry(registry, os.environ, trusted=trusted).read().select(only)
    warn_of_disabled(entries)
    console = Console()
    planned = plan_tasks(entries.companies, claims, execution, readers=READERS)
    console.print(plan_table(list(_cells(planned)), console.width))
    for entry in entries.failed:
        click.echo(f"{entry.name}: refused: {entry.reason}")
    if entries.failed:
        sys.exit(1)


def plan_tasks(
    selected: Sequence[Company], claims: Claims, execution: Execution, *, readers: int = 1
) -> list[list[tuple[Company, float]]]:
    """Read the companies' records, and assign the companies to tasks.

    Args:
        selected: The companies.
        claims: Reads the records.
        execution: The execution.
        readers: How many records are read at a time.

    Returns:
        The companies of each task, each with its expected seconds.
    """
    companies = {company.company_id: company for company in selected}

    def read(company_id: str) -> float | None:
        return _last_seconds(claims, company_id, execution)

    if readers > 1:
        with ThreadPoolExecutor(readers, thread_name_prefix="plan") as pool:
            seconds = list(pool.map(read, companies))
    else:
        seconds = [read(company_id) for company_id in companies]
    found = zip(companies, seconds, strict=True)
    last_seconds = {company_id: last for company_id, last in found if last is not None}
    expected = estimate_seconds(list(companies), last_seconds)
    return [
        [(companies[company_id], expected[company_id]) for company_id in task]
        for task in assign_to_tasks(expected, execution.tasks)
    ]


def _last_seconds(claims: Claims, company_id: str, execution: Execution) -> float | None:
    # A record that cannot be read stops only its own company, when that is its turn.
    with contextlib.suppress(PluginError):
        return claims.read_record(company_id).seconds_before(execution.name)
    return None


def companies_of_task(  # noqa: PLR0913 - who asks, and what is read
    entries: Entries, only: Sequence[str], storage: Storage, claims: Claims, execution: Execution, *, readers: int = 1
) -> TaskCompanies:
    """Return the companies of this process's task, by the plan of the execution. The first task makes the plan.

    Args:
        entries: All entries of the registry.
        only: The companies to run; without any, all that are enabled.
        storage: Where the plan is kept.
        claims: Reads the records.
        execution: The execution and task of this process.
        readers: How many records are read at a time, if the plan is to be made.

    Raises:
        PluginError: If the plan cannot be read or written, or was made for other tasks or companies; if the registry
            has no company to plan, or not one of those in `only`.
    """

    def make_tasks() -> list[list[str]]:
        tasks = plan_tasks(entries.select(only).companies, claims, execution, readers=readers)
        return [[company.company_id for company, _ in task] for task in tasks]

    plan = agree_on_plan(storage, execution, only, make_tasks)
    return find_companies(plan.tasks, execution.task, entries, only)


def _cells(tasks: Sequence[Sequence[tuple[Company, float]]]) -> Iterator[Sequence[str]]:
    for number, companies in enumerate(tasks):
        for company, seconds in companies:
            yield str(number), company.company_id, company.tenant_id, company.project_id, format_duration(seconds)
