"""The command that runs the companies of one task."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from servicetitan_fleet.cli.options import (
    companies_option,
    environment_option,
    only_option,
    project_option,
    storage_option,
)
from servicetitan_fleet.cli.plan import planned
from servicetitan_fleet.console.reporters import make_reporter
from servicetitan_fleet.console.tables import forecast_table, table_console
from servicetitan_fleet.fleet.fleet import Fleet, Workplace
from servicetitan_fleet.fleet.outcome import summary
from servicetitan_fleet.health.etl_logs import LogReader, gather
from servicetitan_fleet.meltano.project import MeltanoProject
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.registry.secrets import SecretResolver
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.execution import execution_of
from servicetitan_fleet.state.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


DEFAULT_TIMEOUT_MINUTES = 120


READERS = 8
"""Companies whose audit log is read at the same time."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What `run` is told."""

    registry: str
    storage: str
    project_folder: Path
    only: Sequence[str]
    environment: str
    parallel: int
    timeout_minutes: float
    work_folder: Path
    log_format: str
    full_refresh: bool
    dry_run: bool


@click.command()
@companies_option
@storage_option
@project_option
@only_option
@environment_option
@click.option(
    "--parallel",
    envvar="ETL_PARALLEL",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Companies at a time.",
)
@click.option(
    "--timeout-minutes",
    envvar="ETL_TIMEOUT_MINUTES",
    type=click.FloatRange(0, min_open=True),
    default=DEFAULT_TIMEOUT_MINUTES,
    show_default=True,
    help="A company that takes longer is ended, and reported.",
)
@click.option(
    "--work-folder",
    envvar="ETL_WORK_FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    default=".meltano/companies",
    show_default=True,
    help="Where the companies' own system folders are made.",
)
@click.option(
    "--log-format",
    envvar="ETL_LOG_FORMAT",
    type=click.Choice(["auto", "json", "plain", "live"]),
    default="auto",
    show_default=True,
    help="auto: JSON on Cloud Run, a live table on a terminal, else plain lines.",
)
@click.option("--full-refresh", is_flag=True, help="Read everything again.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Change nothing: read everything, and print what a first run would do to each table.",
)
def run(**options: Any) -> None:  # noqa: ANN401 - one a field of RunOptions
    """Run the companies of this task, each in its own process.

    On Cloud Run the task's number and the number of tasks come from the environment.

    Exit code 0: every company is up to date. 1: some are not, and the last lines say which.
    """
    wanted = RunOptions(**options)
    execution = execution_of(os.environ)
    claims = Claims(open_storage(wanted.storage), execution)
    companies = [one for one, _ in planned(wanted.registry, wanted.only, claims, execution)[execution.task]]
    workplace = Workplace(
        project=MeltanoProject(wanted.project_folder),
        meltano_environment=wanted.environment,
        system_root=wanted.work_folder.absolute(),
        state_uri=f"{wanted.storage.rstrip('/')}/state",
        outer=os.environ,
        timeout_minutes=wanted.timeout_minutes,
        full_refresh=wanted.full_refresh,
        dry_run=wanted.dry_run,
    )
    log_format = _log_format(wanted.log_format)
    reporter = make_reporter(log_format, execution)
    fleet = Fleet(workplace, execution, claims, SecretResolver(), reporter)
    began = utc_now()
    with _stopping(fleet.stop) as signals:
        outcomes = fleet.run(companies, wanted.parallel)
    reporter.finished(outcomes, summary(outcomes))
    if wanted.dry_run and log_format != "json":
        evidence = gather(companies, LogReader(os.environ, began, runs=1, dry_run=True).read, claims.record, READERS)
        table_console().print(forecast_table(evidence))
    if signals:
        sys.exit(128 + signals[0])
    if not all(one.result.is_good for one in outcomes):
        sys.exit(1)


def _log_format(asked: str) -> str:
    if asked != "auto":
        return asked
    if "CLOUD_RUN_JOB" in os.environ:
        return "json"
    return "live" if sys.stdout.isatty() else "plain"


@contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Call `stop` at SIGTERM and SIGINT, and yield the list of the signals that came."""
    came: list[int] = []

    def handle(signum: int, _: object) -> None:
        came.append(signum)
        stop()

    before = {one: signal.signal(one, handle) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield came
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
