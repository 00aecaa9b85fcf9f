"""Runs companies, several at a time, each in a process of its own. What happens to one does not touch another."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.errors import ClaimRefusedError, Refusal
from servicetitan_fleet.fleet.outcome import Outcome, Result
from servicetitan_fleet.meltano.log_lines import Errors, parse
from servicetitan_fleet.meltano.process import EndedBy
from servicetitan_fleet.meltano.project import TAP, TARGET
from servicetitan_fleet.meltano.runner import CompanyMeltano
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import redact
from servicetitan_fleet.state.company_record import Ending, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from servicetitan_fleet.fleet.reporter import Reporter
    from servicetitan_fleet.meltano.process import ChildEnd
    from servicetitan_fleet.meltano.project import MeltanoProject
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.registry.secrets import SecretResolver
    from servicetitan_fleet.state.claims import Claims
    from servicetitan_fleet.state.execution import Execution

_REFUSED = {Refusal.DONE: Result.ALREADY_DONE, Refusal.BUSY: Result.BUSY}


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Where companies are run, and with what.

    Attributes:
        project: The Meltano project.
        meltano_environment: Its environment: `dev`, `qua` or `pro`.
        system_root: Folder of the companies' system folders.
        state_uri: Meltano's state backend.
        outer: The environment of this process.
        timeout_minutes: How long one company may take, where its own description does not say it.
        full_refresh: Whether everything is read again.
        dry_run: Whether nothing is to change: tables, states and records stay as they are.
    """

    project: MeltanoProject
    meltano_environment: str
    system_root: Path
    state_uri: str
    outer: Mapping[str, str]
    timeout_minutes: float
    full_refresh: bool = False
    dry_run: bool = False


class Fleet:
    """Runs the companies of one task."""

    def __init__(
        self,
        workplace: Workplace,
        execution: Execution,
        claims: Claims,
        resolver: SecretResolver,
        reporter: Reporter,
    ) -> None:
        """Take what is needed. Nothing runs yet."""
        self._workplace = workplace
        self._execution = execution
        self._claims = claims
        self._resolver = resolver
        self._reporter = reporter
        self._stop = threading.Event()

    def stop(self) -> None:
        """Start no more companies, and end those that run. For a signal handler."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    def run(self, companies: Sequence[Company], parallel: int) -> list[Outcome]:
        """Run the companies and return what became of each, in their order.

        Args:
            companies: Whom to run; the first ones start first.
            parallel: How many at a time.
        """
        with ThreadPoolExecutor(parallel, thread_name_prefix="company") as pool:
            return list(pool.map(self._run_reported, companies))

    def _run_reported(self, company: Company) -> Outcome:
        self._reporter.started(company.company_id)
        outcome = self._outcome(company)
        self._reporter.ended(outcome)
        return outcome

    def _outcome(self, company: Company) -> Outcome:
        company_id = company.company_id
        if self.stopped:
            return Outcome(company_id=company_id, result=Result.NOT_STARTED, reason="the fleet was stopped before")
        try:
            return self._claimed_run(company)
        except ClaimRefusedError as error:
            return Outcome(company_id=company_id, result=_REFUSED[error.refusal], reason=str(error))
        except PluginError as error:
            return Outcome(company_id=company_id, result=Result.FAILED, reason=redact(str(error)))
        except Exception as error:  # noqa: BLE001 - one company's trouble, whatever it is, is not another's
            reason = redact(f"unexpected {type(error).__name__}: {error}")
            return Outcome(company_id=company_id, result=Result.FAILED, reason=reason)

    def _claimed_run(self, company: Company) -> Outcome:
        lost = threading.Event()
        with self._claims.claimed(company.company_id, lost.set) as claimed:
            started = utc_now()
            ending, reason = self._ending(company, lost)
            run = RunRecord(
                execution=self._execution.name, started=started, ended=utc_now(), ending=ending, reason=reason
            )
            if not self._workplace.dry_run:
                claimed.finish(run)
        return Outcome(company_id=company.company_id, result=Result(ending), seconds=run.seconds, reason=reason)

    def _ending(self, company: Company, lost: threading.Event) -> tuple[Ending, str]:
        errors = Errors()

        def on_line(raw: bytes) -> None:
            line = parse(raw)
            if line:
                errors.add(line)
                self._reporter.said(company.company_id, line)

        try:
            end = self._run_meltano(company, on_line, lambda: self.stopped or lost.is_set())
        except PluginError as error:
            return Ending.FAILED, redact(str(error))
        return _judged(end, errors.reason, lost=lost.is_set(), limit_minutes=self._limit_minutes(company))

    def _limit_minutes(self, company: Company) -> float:
        return company.timeout_minutes or self._workplace.timeout_minutes

    def _run_meltano(self, company: Company, on_line: Callable[[bytes], None], stop: Callable[[], bool]) -> ChildEnd:
        place = self._workplace
        meltano = CompanyMeltano(
            company=company,
            secrets=self._resolver.secrets_of(company),
            project=place.project,
            meltano_environment=place.meltano_environment,
            outer=place.outer,
            system_root=place.system_root,
            dry_run=place.dry_run,
        )
        flags = {"--full-refresh": place.full_refresh, "--no-state-update": place.dry_run}
        return meltano.run(
            [
                "run",
                "--state-id-suffix",
                company.company_id,
                *(one for one, is_on in flags.items() if is_on),
                TAP,
                TARGET,
            ],
            on_line=on_line,
            stop=stop,
            timeout_seconds=self._limit_minutes(company) * 60,
            more={"MELTANO_STATE_BACKEND_URI": place.state_uri},
        )


def _judged(end: ChildEnd, reason: str, *, lost: bool, limit_minutes: float) -> tuple[Ending, str]:
    """Return how a run ended. The exit code alone does not say it: Meltano ends with 0 after SIGTERM."""
    if lost:
        return Ending.STOPPED, "its claim could not be renewed, and another process may have it now"
    if end.by is EndedBy.STOP:
        return Ending.STOPPED, "the fleet was stopped"
    if end.by is EndedBy.TIMEOUT:
        return Ending.TIMED_OUT, f"it took longer than {limit_minutes:g} minutes"
    if end.code < 0:
        return Ending.KILLED, f"killed by {signal.Signals(-end.code).name}: out of memory, or somebody's doing"
    if end.code:
        return Ending.FAILED, reason or f"`meltano run` ended with code {end.code}"
    return Ending.DONE, ""
