"""Runs companies in parallel, each in its own process. A failure of one company does not affect the others."""

from __future__ import annotations

import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from servicetitan_fleet.errors import ClaimRefusedError, Refusal
from servicetitan_fleet.fleet.outcome import Outcome, Result
from servicetitan_fleet.meltano.context import RunOwners
from servicetitan_fleet.meltano.log_lines import ErrorCollector, parse_line
from servicetitan_fleet.meltano.process import EndedBy
from servicetitan_fleet.meltano.project import TAP, TARGET
from servicetitan_fleet.meltano.runner import CompanyMeltano
from servicetitan_fleet.meltano.saved_state import StateWatch
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import to_line
from servicetitan_fleet.state.company_record import RunRecord, RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from servicetitan_fleet.fleet.reporter import Reporter
    from servicetitan_fleet.meltano.context import MeltanoContext
    from servicetitan_fleet.meltano.process import ProcessExit
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.state.claims import Claims, HeldClaim
    from servicetitan_fleet.state.execution import Execution

logger = logging.getLogger(__name__)

_RESULT_OF_REFUSAL = {Refusal.DONE: Result.ALREADY_DONE, Refusal.BUSY: Result.BUSY}


class Fleet:
    """Runs the companies of one task."""

    def __init__(  # noqa: PLR0913 - all that a run needs
        self,
        context: MeltanoContext,
        execution: Execution,
        claims: Claims,
        reporter: Reporter,
        *,
        timeout_minutes: float,
        full_refresh: bool = False,
    ) -> None:
        """Prepare the fleet. Nothing runs yet.

        Args:
            context: Settings of the Meltano processes. With `dry_run`, tables, states and records stay as they are.
            execution: The execution and task of this process.
            claims: The claims of this process.
            reporter: Told about the progress.
            timeout_minutes: Time limit of a company that has no limit of its own.
            full_refresh: Whether to ignore the stored state and read everything again.
        """
        self._context = context
        self._execution = execution
        self._claims = claims
        self._reporter = reporter
        self._timeout_minutes = timeout_minutes
        self._full_refresh = full_refresh
        self._stop = threading.Event()

    def stop(self) -> None:
        """Start no more companies, and terminate those that are running. For a signal handler."""
        self._stop.set()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def run(self, companies: Sequence[Company], parallel: int) -> list[Outcome]:
        """Run companies and return their outcomes, in the same order.

        Args:
            companies: The companies; the first ones start first.
            parallel: How many run at a time.
        """
        with ThreadPoolExecutor(parallel, thread_name_prefix="company") as pool:
            return list(pool.map(self._run_and_report, companies))

    def _run_and_report(self, company: Company) -> Outcome:
        self._reporter.on_start(company.company_id)
        outcome = self._run_safely(company)
        self._reporter.on_end(outcome)
        return outcome

    def _run_safely(self, company: Company) -> Outcome:
        """Run a company and turn every error into an outcome."""
        company_id = company.company_id
        if self.is_stopped:
            reason = "the fleet was stopped before its turn"
            return Outcome(company_id=company_id, result=Result.NOT_STARTED, reason=reason)
        try:
            return self._claim_and_run(company)
        except ClaimRefusedError as error:
            return Outcome(company_id=company_id, result=_RESULT_OF_REFUSAL[error.refusal], reason=str(error))
        except PluginError as error:
            return Outcome(company_id=company_id, result=Result.FAILED, reason=to_line(str(error)))
        except Exception as error:  # noqa: BLE001 - no error of one company may stop the others
            reason = to_line(f"unexpected {type(error).__name__}: {error}")
            return Outcome(company_id=company_id, result=Result.FAILED, reason=reason)

    def _claim_and_run(self, company: Company) -> Outcome:
        lost = threading.Event()
        with self._claims.hold(company.company_id, lost.set) as claim:
            started = utc_now()
            status, reason = self._run_company(company, claim, lost)
            run = RunRecord(
                execution=self._execution.name, started=started, ended=utc_now(), status=status, reason=reason
            )
            if not self._context.dry_run:
                claim.finish(run)
        return Outcome(company_id=company.company_id, result=Result(status), seconds=run.seconds, reason=reason)

    def _run_company(self, company: Company, claim: HeldClaim, lost: threading.Event) -> tuple[RunStatus, str]:
        errors, state = ErrorCollector(), StateWatch()

        def on_line(raw: bytes) -> None:
            line = parse_line(raw)
            if line:
                errors.add(line)
                state.add(line)
                self._reporter.on_log_line(company.company_id, line)

        try:
            end = self._run_meltano(company, claim, on_line, lambda: self.is_stopped or lost.is_set())
        except PluginError as error:
            return RunStatus.FAILED, to_line(str(error))
        if end.unheard:
            logger.warning(
                "%s: a line of its log could not be handled: %s", company.company_id, to_line(repr(end.unheard))
            )
        status, reason = _judge(
            end, errors.reason, is_claim_lost=lost.is_set(), limit_minutes=self._limit_minutes(company)
        )
        return (RunStatus.FAILED, state.problem) if status is RunStatus.DONE and state.problem else (status, reason)

    def _limit_minutes(self, company: Company) -> float:
        return company.timeout_minutes or self._timeout_minutes

    def _run_meltano(
        self, company: Company, claim: HeldClaim, on_line: Callable[[bytes], None], should_stop: Callable[[], bool]
    ) -> ProcessExit:
        secrets = self._context.resolver.resolve(company)
        owners = RunOwners(own=claim.holder, dead=tuple(filter(None, [claim.previous_holder])))
        meltano = CompanyMeltano(company=company, secrets=secrets, context=self._context, owners=owners)
        flags = {"--full-refresh": self._full_refresh, "--no-state-update": self._context.dry_run}
        return meltano.run(
            [
                "run",
                "--state-id-suffix",
                company.company_id,
                *(flag for flag, is_on in flags.items() if is_on),
                TAP,
                TARGET,
            ],
            on_line=on_line,
            should_stop=should_stop,
            timeout_seconds=self._limit_minutes(company) * 60,
        )


def _judge(end: ProcessExit, reason: str, *, is_claim_lost: bool, limit_minutes: float) -> tuple[RunStatus, str]:
    """Return how a run ended, and why. The exit code alone does not tell: Meltano exits with 0 after SIGTERM."""
    if is_claim_lost:
        return RunStatus.STOPPED, "its claim could not be renewed, so another process may be running it now"
    if end.by is EndedBy.STOP:
        return RunStatus.STOPPED, "the fleet was stopped"
    if end.by is EndedBy.TIMEOUT:
        return RunStatus.TIMED_OUT, f"it took longer than {limit_minutes:g} minutes"
    if end.code < 0:
        return RunStatus.KILLED, f"killed by {signal.Signals(-end.code).name}: out of memory, or killed by hand"
    if end.code:
        return RunStatus.FAILED, reason or f"`meltano run` exited with code {end.code}"
    return RunStatus.DONE, ""
