"""The command `run`: runs the companies of one task."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from servicetitan_fleet.cli.alerting import AlertOptions, make_notifier
from servicetitan_fleet.cli.options import (
    companies_option,
    environment_option,
    max_age_option,
    only_option,
    project_option,
    storage_option,
    trust_option,
)
from servicetitan_fleet.cli.plan import companies_of_task
from servicetitan_fleet.cli.refused import report_refused, warn_of_disabled
from servicetitan_fleet.cli.run_log import RunLog
from servicetitan_fleet.console.reporters import make_reporter
from servicetitan_fleet.console.tables import forecast_table, make_console
from servicetitan_fleet.fleet.fleet import Fleet
from servicetitan_fleet.fleet.outcome import summarize_outcomes
from servicetitan_fleet.fleet.safe_reporter import SafeReporter
from servicetitan_fleet.health.etl_logs import LogReader, collect_evidence
from servicetitan_fleet.meltano.context import MeltanoContext
from servicetitan_fleet.meltano.environment import shared_variables
from servicetitan_fleet.meltano.process import start_process
from servicetitan_fleet.meltano.project import KINDS, TAP, TARGET, MeltanoProject
from servicetitan_fleet.meltano.system_folder import clean_up
from servicetitan_fleet.meltano.warm_start import LEAST_COMPANIES, WarmMeltano
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.registry.secrets import SecretResolver
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.execution import execution_from
from servicetitan_fleet.state.storage import meltano_state_uri, open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from servicetitan_fleet.meltano.process import Starter
    from servicetitan_fleet.registry.company import Company

DEFAULT_TIMEOUT_MINUTES = 120
READERS = 8
"""Number of audit logs that are read at a time."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that stop a run. The last one comes when a terminal is closed."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `run`."""

    registry: str
    trusted: bool
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
    with_meltano_run: bool
    adopt: Sequence[str]
    allow_mass_delete: Sequence[str]
    max_age_hours: float

    def make_context(self, project: MeltanoProject, start: Starter) -> MeltanoContext:
        """Make the context of the companies' Meltano processes, which `start` starts."""
        return MeltanoContext(
            project=project,
            environment_name=self.environment,
            variables=os.environ,
            resolver=SecretResolver(),
            system_root=self.work_folder.absolute(),
            state_uri=meltano_state_uri(self.storage),
            dry_run=self.dry_run,
            adopt=tuple(self.adopt),
            allow_mass_delete=tuple(self.allow_mass_delete),
            runs_pairs=not self.with_meltano_run,
            start=start,
        )

    def alert_options(self, attempt: int) -> AlertOptions:
        """Return the options that alerts follow, in a try of this task."""
        return AlertOptions(
            environment=self.environment, trusted=self.trusted, max_age_hours=self.max_age_hours, attempt=attempt
        )


@click.command()
@companies_option
@trust_option
@storage_option
@project_option
@only_option
@environment_option
@max_age_option
@click.option(
    "--parallel",
    envvar="ETL_PARALLEL",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Number of companies to run at a time.",
)
@click.option(
    "--timeout-minutes",
    envvar="ETL_TIMEOUT_MINUTES",
    type=click.FloatRange(0, min_open=True),
    default=DEFAULT_TIMEOUT_MINUTES,
    show_default=True,
    help="Time limit of a company. Its tap stops reading before that; a run that takes longer is terminated.",
)
@click.option(
    "--work-folder",
    envvar="ETL_WORK_FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    default=".meltano/companies",
    show_default=True,
    help="Folder for the companies' Meltano system folders.",
)
@click.option(
    "--log-format",
    envvar="ETL_LOG_FORMAT",
    type=click.Choice(["auto", "json", "plain", "live"]),
    default="auto",
    show_default=True,
    help="auto: JSON on Cloud Run, a live table in a terminal, otherwise plain lines.",
)
@click.option("--full-refresh", is_flag=True, help="Ignore the stored state and read everything again.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Change nothing: read everything, and show what a first run would do to each table.",
)
@click.option(
    "--with-meltano-run",
    envvar="ETL_WITH_MELTANO_RUN",
    is_flag=True,
    help="Let `meltano run` run each company, instead of the fleet itself. It does the same, and takes longer.",
)
@click.option(
    "--adopt",
    metavar="STREAM",
    multiple=True,
    help="Take over the table of this stream although the target did not write its rows. For one --company; repeat it "
    "for more streams.",
)
@click.option(
    "--allow-mass-delete",
    metavar="STREAM",
    multiple=True,
    help="Let this run mark as many rows of this stream deleted as the source lacks. For one --company; repeat it for "
    "more streams. With --dry-run it shows how many that would be.",
)
def run(**options: Any) -> None:  # noqa: ANN401 - the fields of RunOptions
    """Run the companies of one task, each in its own process.

    On Cloud Run, environment variables give the task's index and the number of tasks. At the end the channels of
    `notify` are told which companies need a person, and which no longer do.

    Exit code 0: all companies are up to date. 1: some are not, or a stream that was read before was not read to its
    end; the last lines list them.
    """
    settings = RunOptions(**options)
    _check_single_company(settings)
    execution = execution_from(os.environ)
    storage = open_storage(settings.storage)
    claims = Claims(storage, execution)
    registry = open_registry(settings.registry, os.environ, trusted=settings.trusted)
    entries = registry.read()
    task = companies_of_task(entries, settings.only, storage, claims, execution, readers=READERS)
    project = MeltanoProject(settings.project_folder)
    warm = _warm_up(task.companies, project, settings)
    context = settings.make_context(project, warm.start if warm else start_process)
    log_format = _choose_log_format(settings.log_format)
    reporter = SafeReporter(make_reporter(log_format, execution))
    fleet = Fleet(
        context,
        execution,
        claims,
        reporter,
        RunLog(
            environment=os.environ,
            dry_run=settings.dry_run,
            may_rename=any(
                maps for plugin in (TAP, TARGET) for maps in context.project.configured(plugin, "stream_maps")
            ),
        ).read,
        timeout_minutes=settings.timeout_minutes,
        full_refresh=settings.full_refresh,
    )
    notifier = make_notifier(
        settings.alert_options(execution.attempt),
        registry=registry,
        storage=storage,
        claims=claims,
        reporter=reporter,
        is_stopped=lambda: fleet.is_stopped,
    )
    clean_up(context.system_root)
    started = utc_now()
    warn_of_disabled(entries, execution.task)
    with _call_on_signal(fleet.stop, *([warm.give_up] if warm else [])) as signals:
        outcomes = [
            *report_refused(task.refused, reporter),
            *fleet.run(task.companies, settings.parallel),
            *fleet.report_gone(task.gone),
        ]
        if not settings.dry_run:
            notifier.tell(outcomes, {company.company_id: company for company in task.companies})
    reporter.on_finish(outcomes, summarize_outcomes(outcomes))
    if settings.dry_run and log_format != "json":
        reader = LogReader(os.environ, started, dry_run=True)
        console = make_console()
        found = list(collect_evidence(task.companies, reader.read, claims.read_record, READERS))
        console.print(forecast_table(found, console.width))
    if signals:
        sys.exit(128 + signals[0])
    if not all(outcome.result.is_good for outcome in outcomes):
        sys.exit(1)


def _check_single_company(settings: RunOptions) -> None:
    """Refuse options that name tables, unless they are those of one company."""
    given = {"--adopt": settings.adopt, "--allow-mass-delete": settings.allow_mass_delete}
    for option, streams in given.items():
        if streams and len(settings.only) != 1:
            raise click.UsageError(f"{option} is for the tables of one company: name it with --company.")


def _warm_up(companies: Sequence[Company], project: MeltanoProject, settings: RunOptions) -> WarmMeltano | None:
    """Begin to load the libraries of Meltano and the plugins, if several companies are to use them."""
    if len(companies) < LEAST_COMPANIES:
        return None
    plugins = {} if settings.with_meltano_run else {name: project.find_program(name) for name in KINDS}
    return click.get_current_context().with_resource(WarmMeltano(shared_variables(os.environ), plugins))


def _choose_log_format(option: str) -> str:
    if option != "auto":
        return option
    if "CLOUD_RUN_JOB" in os.environ:
        return "json"
    return "live" if sys.stdout.isatty() else "plain"


@contextmanager
def _call_on_signal(*stops: Callable[[], None]) -> Iterator[list[int]]:
    """Call functions on SIGTERM, SIGINT and SIGHUP. Yield a list that collects the signals."""
    received: list[int] = []

    def handle(signum: int, _: object) -> None:
        received.append(signum)
        for stop in stops:
            stop()

    previous = {signum: signal.signal(signum, handle) for signum in _SIGNALS}
    try:
        yield received
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
