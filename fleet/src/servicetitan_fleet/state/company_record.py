"""What is kept of each company between runs: who runs it now, and how its last runs ended. One object a company."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - msgspec reads the types at run time
from enum import StrEnum

import msgspec

LONGEST_HISTORY = 40
"""Runs that are kept: ten days of one every six hours."""


class Ending(StrEnum):
    """How a company's run ended."""

    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    KILLED = "killed"
    STOPPED = "stopped"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who runs a company now."""

    holder: str
    """Unique for each process that ever claimed something."""

    execution: str
    task: int
    attempt: int
    expires: dt.datetime


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a company."""

    execution: str
    """The execution of the whole fleet that it was part of."""

    started: dt.datetime
    ended: dt.datetime
    ending: Ending
    reason: str = ""
    """Why it did not end well: one line."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.started).total_seconds()


class CompanyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of a company."""

    claim: Claim | None = None
    runs: tuple[RunRecord, ...] = ()
    """The last runs, the newest at the end."""

    def with_run(self, run: RunRecord) -> CompanyRecord:
        """Return the record with one more run."""
        return CompanyRecord(claim=self.claim, runs=(*self.runs, run)[-LONGEST_HISTORY:])

    def is_done(self, execution: str) -> bool:
        """Whether this execution has run the company to a good end."""
        return any(run.execution == execution and run.ending is Ending.DONE for run in self.runs)

    def seconds_before(self, execution: str) -> float | None:
        """Return how long the company took the last time, this execution not counted, or None when it never ran."""
        earlier = [run for run in self.runs if run.execution != execution and run.ending is Ending.DONE]
        return earlier[-1].seconds if earlier else None


def load(content: bytes) -> CompanyRecord:
    """Return the record that an object holds; an empty one for no content.

    Raises:
        msgspec.DecodeError: If it is not a record.
    """
    return msgspec.json.decode(content, type=CompanyRecord) if content else CompanyRecord()


def dump(record: CompanyRecord) -> bytes:
    """Return the content of an object that holds the record."""
    return msgspec.json.encode(record)
