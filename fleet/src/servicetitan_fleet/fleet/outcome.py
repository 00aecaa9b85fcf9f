"""The outcome of each company in one execution of the fleet. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable


class Result(StrEnum):
    """The result that an operator sees: the status of the company's run, or why it was not run."""

    DONE = RunStatus.DONE
    ALREADY_DONE = "done before"
    FAILED = RunStatus.FAILED
    TIMED_OUT = RunStatus.TIMED_OUT
    KILLED = RunStatus.KILLED
    BUSY = "busy"
    STOPPED = RunStatus.STOPPED
    NOT_STARTED = "not started"

    @property
    def is_good(self) -> bool:
        """Whether the company's data is up to date."""
        return self in (Result.DONE, Result.ALREADY_DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one company."""

    company_id: str
    result: Result
    seconds: float = 0.0
    reason: str = ""


def summarize_outcomes(outcomes: Iterable[Outcome]) -> str:
    """Summarize outcomes in one line: the number of companies per result, and those that are not up to date."""
    outcomes = list(outcomes)
    counts = {result: sum(outcome.result is result for outcome in outcomes) for result in Result}
    summary = ", ".join(f"{count} {result}" for result, count in counts.items() if count) or "no company"
    bad = ", ".join(sorted(outcome.company_id for outcome in outcomes if not outcome.result.is_good))
    return f"{summary}; not up to date: {bad}" if bad else summary
