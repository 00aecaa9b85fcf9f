"""Runs companies in parallel, each in its own process. A failure of one company does not affect the others."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from servicetitan_fleet.errors import ClaimRefusedError, Refusal
from servicetitan_fleet.fleet.outcome import Outcome, Result
from servicetitan_fleet.fleet.time_spent import divide_time
from servicetitan_fleet.fleet.verdict import AuditLog, Verdict, judge, judge_stop
from servicetitan_fleet.meltano.context import RunOwners
from servicetitan_fleet.meltano.error_collector import ErrorCollector
from servicetitan_fleet.meltano.log_lines import LogLine, parse_line
from servicetitan_fleet.meltano.process import EndedBy, ProcessExit
from servicetitan_fleet.meltano.project import TAP, TARGET
from servicetitan_fleet.meltano.registry_check import find_unknown_streams
from servicetitan_fleet.meltano.runner import CompanyMeltano
from servicetitan_fleet.meltano.saved_state import StateWatch
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import to_line
from servicetitan_fleet.state.company_record import RunRecord, RunStatus

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from servicetitan_fleet.fleet.reporter import Reporter
    from servicetitan_fleet.meltano.context import MeltanoContext
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
        read_log: Callable[[Company, dt.datetime], AuditLog],
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
            read_log: Reads what a company's audit log says of the run since a moment. It raises a PluginError if the
                log cannot be read.
            timeout_minutes: Time limit of a company that has no limit of its own.
            full_refresh: Whether to ignore the stored state and read everything again.
        """
        self._context = context
        self._execution = execution
        self._claims = claims
        self._reporter = reporter
        self._read_audit_log = read_log
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
        turns = threading.Semaphore(parallel)

        def run_in_turn(company: Company) -> Outcome:
            with ExitStack() as turn:
                turns.acquire()  # those that wait longest come first
                turn.callback(turns.release)
                return self.run_company(company, turn.close)

        # Twice as many threads: while what a company's run left behind is read and recorded, the next one runs.
        with ThreadPoolExecutor(2 * parallel, thread_name_prefix="company") as pool:
            return list(pool.map(run_in_turn, companies))

    def report_gone(self, gone: Mapping[str, str]) -> list[Outcome]:
        """Report the companies of this task that it cannot run, and return their outcomes.

        Args:
            gone: Why, by company id.
        """
        outcomes = [
            _try(company_id, partial(self._judge_gone, company_id, reason)) for company_id, reason in gone.items()
        ]
        for outcome in outcomes:
            self._reporter.on_start(outcome.company_id)
            self._reporter.on_end(outcome)
        return outcomes

    def _judge_gone(self, company_id: str, reason: str) -> Outcome:
        if self._claims.read_record(company_id).is_done(self._execution.name):
            return Outcome(company_id=company_id, result=Result.ALREADY_DONE, reason=Refusal.DONE.value)
        return Outcome(company_id=company_id, result=Result.NOT_STARTED, reason=reason)

    def run_company(self, company: Company, on_process_end: Callable[[], None] = lambda: None) -> Outcome:
        """Run one company, report it, and return its outcome.

        Args:
            company: The company.
            on_process_end: Called when all its processes have ended, and only its log is to be read and recorded.
        """
        self._reporter.on_start(company.company_id)
        outcome = self._run_safely(company, on_process_end)
        self._reporter.on_end(outcome)
        return outcome

    def _run_safely(self, company: Company, on_process_end: Callable[[], None]) -> Outcome:
        """Run a company and turn every error into an outcome."""
        if self.is_stopped:
            reason = "the fleet was stopped before its turn"
            return Outcome(company_id=company.company_id, result=Result.NOT_STARTED, reason=reason)
        return _try(company.company_id, partial(self._claim_and_run, company, on_process_end))

    def _claim_and_run(self, company: Company, on_process_end: Callable[[], None]) -> Outcome:
        now = self._claims.timing.utc_now
        with self._claims.hold(company.company_id) as claim:
            started = now()
            verdict = self._run_company(company, claim, started, on_process_end)
            run = RunRecord(
                execution=self._execution.name,
                started=started,
                ended=now(),
                status=verdict.status,
                reason=verdict.reason,
            )
            problem = _record(claim, run) if self._context.is_recorded else ""
        self._tell_changes(company.company_id, verdict.changes)
        return Outcome(
            company_id=company.company_id,
            result=Result.FAILED if problem and verdict.status is RunStatus.DONE else Result(verdict.status),
            seconds=run.seconds,
            reason=problem or verdict.reason,
            streams=verdict.streams,
            changes=verdict.changes,
            spent=divide_time(run.started, run.ended, verdict.time) if verdict.time else None,
        )

    def _tell_changes(self, company_id: str, changes: Mapping[str, str]) -> None:
        """Tell how the source has changed its schema. Nobody has to do anything, but somebody may want to know."""
        for stream, change in changes.items():
            text = f"the source has changed: {stream}: {change}"
            self._reporter.on_notice(company_id, "NOTICE", to_line(text), {"schema_changes": to_line(change)})

    def _run_company(
        self, company: Company, claim: HeldClaim, started: dt.datetime, on_process_end: Callable[[], None]
    ) -> Verdict:
        errors, state = ErrorCollector(), StateWatch()

        def on_line(raw: bytes) -> None:
            line = parse_line(raw)
            if line:
                errors.add(line)
                state.add(line)
                self._reporter.on_log_line(company.company_id, line)

        self._warn(company)
        try:
            end = self._run_meltano(company, claim, on_line, lambda: self.is_stopped or claim.is_lost)
        except PluginError as error:
            return Verdict(status=RunStatus.FAILED, reason=to_line(str(error)))
        on_process_end()
        if end.unheard:
            problem = to_line(repr(end.unheard))
            logger.warning("%s: a line of its log could not be handled: %s", company.company_id, problem)
        # A fleet that is stopped has seconds left, and after a lost claim the newest rows may be those of another run.
        verdict = judge_stop(end, is_claim_lost=claim.is_lost) or judge(
            end, errors, self._read_log(company, started), limit_minutes=self._limit_minutes(company)
        )
        return _without_state(verdict, state.problem)

    def _read_log(self, company: Company, started: dt.datetime) -> AuditLog:
        try:
            return self._read_audit_log(company, started)
        except PluginError as error:
            return AuditLog(problem=to_line(str(error)))
        except Exception as error:  # noqa: BLE001 - whatever it is, how the run ended must be recorded
            return AuditLog(problem=to_line(f"unexpected {type(error).__name__}: {error}"))

    def _warn(self, company: Company) -> None:
        """Report what is odd about a company, and keeps it from nothing."""
        try:
            warnings = list(find_unknown_streams(company, self._context.project))
        except PluginError as error:
            warnings = [f"the streams in the registry cannot be checked: {error}"]
        for warning in warnings:
            self._reporter.on_log_line(company.company_id, LogLine(message=to_line(warning), severity="WARNING"))

    def _limit_minutes(self, company: Company) -> float:
        return company.timeout_minutes or self._timeout_minutes

    def _run_meltano(
        self, company: Company, claim: HeldClaim, on_line: Callable[[bytes], None], should_stop: Callable[[], bool]
    ) -> ProcessExit:
        secrets = self._context.resolver.resolve(company)
        owners = RunOwners(own=claim.holder, dead=tuple(filter(None, [claim.previous_holder])))
        meltano = CompanyMeltano(company=company, secrets=secrets, context=self._context, owners=owners)
        if should_stop():  # the secrets may have taken long
            return ProcessExit(0, EndedBy.STOP)
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


def _try(company_id: str, work: Callable[[], Outcome]) -> Outcome:
    """Turn every error into an outcome: no error of one company may stop the others."""
    try:
        return work()
    except ClaimRefusedError as error:
        return Outcome(company_id=company_id, result=_RESULT_OF_REFUSAL[error.refusal], reason=str(error))
    except PluginError as error:
        return Outcome(company_id=company_id, result=Result.FAILED, reason=to_line(str(error)))
    except Exception as error:  # noqa: BLE001 - see above
        reason = to_line(f"unexpected {type(error).__name__}: {error}")
        return Outcome(company_id=company_id, result=Result.FAILED, reason=reason)


def _without_state(verdict: Verdict, problem: str) -> Verdict:
    """Return the verdict on a run whose state could not be saved: it is not done. Without a problem it stays."""
    if not problem or verdict.status is not RunStatus.DONE:
        return verdict
    return replace(verdict, status=RunStatus.FAILED, reason=problem)


def _record(claim: HeldClaim, run: RunRecord) -> str:
    """Record how a run ended. Return what is wrong if that fails: the run does not count then, and is run again."""
    try:
        claim.finish(run)
    except Exception as error:  # noqa: BLE001 - the run has ended, and its outcome must say so
        ended = "its run is done" if run.status is RunStatus.DONE else run.reason
        return to_line(f"{ended}, but could not be recorded: {str(error) or type(error).__name__}")
    return ""
