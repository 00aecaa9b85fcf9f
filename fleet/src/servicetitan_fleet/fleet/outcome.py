"""What became of each company in one go over the fleet. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from servicetitan_fleet.state.company_record import Ending

if TYPE_CHECKING:
    from collections.abc import Iterable


class Result(StrEnum):
    """How it ended, seen by an operator: as its run did, or without one."""

    DONE = Ending.DONE
    ALREADY_DONE = "done before"
    FAILED = Ending.FAILED
    TIMED_OUT = Ending.TIMED_OUT
    KILLED = Ending.KILLED
    BUSY = "busy"
    STOPPED = Ending.STOPPED
    NOT_STARTED = "not started"

    @property
    def is_good(self) -> bool:
        """Whether the company's data is up to date now."""
        return self in (Result.DONE, Result.ALREADY_DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one company."""

    company_id: str
    result: Result
    seconds: float = 0.0
    reason: str = ""


def summary(outcomes: Iterable[Outcome]) -> str:
    """Return one line: how many companies ended how, and which are not up to date."""
    outcomes = list(outcomes)
    counts = {result: sum(one.result is result for one in outcomes) for result in Result}
    counted = ", ".join(f"{count} {result}" for result, count in counts.items() if count) or "no company"
    bad = ", ".join(sorted(one.company_id for one in outcomes if not one.result.is_good))
    return f"{counted}; not up to date: {bad}" if bad else counted
