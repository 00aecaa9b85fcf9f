"""The outcome of each company in one execution of the fleet, and of each of its streams. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from servicetitan_fleet.formatting import summarize_companies
from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from servicetitan_fleet.fleet.time_spent import TimeSpent


class Result(StrEnum):
    """The result that an operator sees: the status of the company's run, or why it was not run."""

    DONE = RunStatus.DONE
    ALREADY_DONE = "done before"
    INCOMPLETE = RunStatus.INCOMPLETE
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


class Ending(StrEnum):
    """How a stream ended in a run. The audit log calls all of them so, except `not available`: that is `skipped`."""

    SUCCESS = "success"
    SKIPPED = "skipped"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    REFUSED = "deletes_refused"
    NOT_AVAILABLE = "not available"

    @property
    def is_good(self) -> bool:
        """Whether nobody needs to look after the stream."""
        return self in (Ending.SUCCESS, Ending.NOT_AVAILABLE)

    @property
    def is_failure(self) -> bool:
        """Whether the company's run failed because of the stream."""
        return self in (Ending.FAILED, Ending.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnding:
    """How one stream of a company ended in a run."""

    stream: str
    ending: Ending
    reason: str = ""
    """Why it was not successful: one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one company."""

    company_id: str
    result: Result
    seconds: float = 0.0
    reason: str = ""
    streams: Sequence[StreamEnding] = ()
    """How its streams ended, as far as its audit log says."""

    spent: TimeSpent | None = None
    """Where the time went, if its audit log says so."""

    changes: Mapping[str, str] = field(default_factory=dict)
    """How the source has changed its schema, by stream, if no earlier run has said the same."""

    def select(self, ending: Ending) -> dict[str, str]:
        """Return the streams that ended in one way, each with the reason."""
        return {stream.stream: stream.reason for stream in self.streams if stream.ending is ending}


def summarize_outcomes(outcomes: Iterable[Outcome]) -> str:
    """Summarize outcomes in one line: the number of companies per result, and those that are not up to date."""
    results = {outcome.company_id: outcome.result for outcome in outcomes}
    bad = [company_id for company_id, result in results.items() if not result.is_good]
    return summarize_companies(results, Result, bad, "not up to date")
