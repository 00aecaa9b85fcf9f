"""Runs the companies of one task, for the commands `run` and `resync`."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from servicetitan_fleet.cli.alerting import AlertOptions, make_notifier
from servicetitan_fleet.cli.plan import companies_of_task
from servicetitan_fleet.cli.refused import report_refused, warn_of_disabled
from servicetitan_fleet.cli.run_log import RunLog
from servicetitan_fleet.console.reporters import make_reporter
from servicetitan_fleet.console.tables import forecast_table, make_console
from servicetitan_fleet.fleet.fleet import Fleet
from servicetitan_fleet.fleet.outcome import summarize_outcomes
from servicetitan_fleet.fleet.safe_reporter import SafeReporter
from servicetitan_fleet.health.etl_logs import LogReader, collect_evidence
from servicetitan_fleet.meltano.context import MeltanoContext, Reread
from servicetitan_fleet.meltano.environment import shared_variables
from servicetitan_fleet.meltano.process import start_process
from servicetitan_fleet.meltano.project import KINDS, TAP, TARGET, MeltanoProject
from servicetitan_fleet.meltano.system_folder import clean_up
from servicetitan_fleet.meltano.warm_start import LEAST_COMPANIES, WarmMeltano
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.registry.secrets import SecretResolver
from servicetitan_fleet.state.claims import READERS, Claims
from servicetitan_fleet.state.execution import execution_from
from servicetitan_fleet.state.storage import meltano_state_uri, open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from servicetitan_fleet.meltano.process import Starter
    from servicetitan_fleet.registry.company import Company

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that stop a run. The last one comes when a terminal is closed."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `run`, and of `resync`."""

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
    dry_run: bool
    with_meltano_run: bool
    allow_mass_delete: Sequence[str]
    max_age_hours: float
    full_refresh: bool = False
    adopt: Sequence[str] = ()
    reread: Reread | None = None

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
            reread=self.reread,
            runs_pairs=not self.with_meltano_run,
            start=start,
        )

    def alert_options(self, attempt: int) -> AlertOptions:
        """Return the options that alerts follow, in a try of this task."""
        return AlertOptions(
            environment=self.environment, trusted=self.trusted, max_age_hours=self.max_age_hours, attempt=attempt
        )


def run_companies(settings: RunOptions) -> None:
    """Run the companies of this task, and show and tell how they ended.

    Raises:
        SystemExit: If not all are up to date: with 1, or 128 and the number of the signal that ended the run.
    """
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
            only=settings.reread.streams if settings.reread else (),
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
        if not settings.dry_run and not settings.reread:
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
