"""The command that shows which task runs which company."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from servicetitan_fleet.cli.options import companies_option, only_option, storage_option
from servicetitan_fleet.fleet.plan import expected_seconds, shards
from servicetitan_fleet.formatting import duration
from servicetitan_fleet.registry.company import chosen
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.execution import execution_of
from servicetitan_fleet.state.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.state.execution import Execution


@click.command()
@companies_option
@storage_option
@only_option
@click.option("--tasks", type=click.IntRange(1), default=1, show_default=True, help="How many tasks share the work.")
def plan(registry: str, storage: str, only: Sequence[str], tasks: int) -> None:
    """Print which task runs which company, and how long that should take. Nothing is run."""
    execution = execution_of({**os.environ, "CLOUD_RUN_TASK_INDEX": "0", "CLOUD_RUN_TASK_COUNT": str(tasks)})
    tasks_of = planned(registry, only, Claims(open_storage(storage), execution), execution)
    Console().print(_plan_table(dict(enumerate(tasks_of))))


def planned(
    registry: str, only: Sequence[str], claims: Claims, execution: Execution
) -> list[list[tuple[Company, float]]]:
    """Return the companies of each task, with the seconds that each should take."""
    companies = {one.company_id: one for one in chosen(open_registry(registry, os.environ).companies(), only)}
    last = {one: claims.record(one).seconds_before(execution.name) for one in companies}
    expected = expected_seconds(list(companies), {one: seconds for one, seconds in last.items() if seconds is not None})
    return [[(companies[one], expected[one]) for one in task] for task in shards(expected, execution.tasks)]


def _plan_table(tasks: Mapping[int, list[tuple[Company, float]]]) -> Table:
    table = Table("task", "company", "tenant", "project", "should take")
    for number, companies in tasks.items():
        for company, seconds in companies:
            table.add_row(str(number), company.company_id, company.tenant_id, company.project_id, duration(seconds))
    return table
