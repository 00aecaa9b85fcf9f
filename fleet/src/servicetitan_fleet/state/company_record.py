"""The record of a company: who is running it, and how its last runs ended. One object per company in the storage."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - msgspec reads the types at run time
from enum import StrEnum

import msgspec

from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.prepared_types import prepared

LONGEST_HISTORY = 40
"""Runs that a record keeps: ten days at one run every six hours."""


class RunStatus(StrEnum):
    """How a company's run ended."""

    DONE = "done"
    INCOMPLETE = "incomplete"
    """Its process ended, but a stream was not read to its end, or nothing proves that all were."""

    FAILED = "failed"
    TIMED_OUT = "timed out"
    KILLED = "killed"
    STOPPED = "stopped"

    @classmethod
    @override
    def _missing_(cls, value: object) -> RunStatus:
        """Take a status that only a newer version knows for a failure: it is none that says that all is well."""
        return cls.FAILED


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to run a company, held by one process until it expires."""

    holder: str
    """Unique id of the process."""

    execution: str
    task: int
    attempt: int
    expires: dt.datetime


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of a company."""

    execution: str
    """The execution of the whole fleet that the run was part of."""

    started: dt.datetime
    ended: dt.datetime
    status: RunStatus = msgspec.field(name="ending")
    """How it ended. Stored records have always called it `ending`."""

    reason: str = ""
    """Why it was not successful: one line."""

    holder: str = ""
    """Unique id of the process that held the claim. All processes of the run had ended when it was recorded."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.started).total_seconds()


@prepared
class CompanyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the fleet stores about a company."""

    claim: Claim | None = None
    runs: tuple[RunRecord, ...] = ()
    """The last runs, oldest first."""

    def with_run(self, run: RunRecord) -> CompanyRecord:
        """Return the record with one more run."""
        return CompanyRecord(claim=self.claim, runs=(*self.runs, run)[-LONGEST_HISTORY:])

    def is_done(self, execution: str) -> bool:
        """Return whether this execution has run the company successfully."""
        return any(run.execution == execution and run.status is RunStatus.DONE for run in self.runs)

    def seconds_before(self, execution: str) -> float | None:
        """Return how long the last successful run before this execution took, or None if there was none."""
        earlier = [run for run in self.runs if run.execution != execution and run.status is RunStatus.DONE]
        return earlier[-1].seconds if earlier else None


def load_record(content: bytes) -> CompanyRecord:
    """Decode a record. Fields that it does not know, from a newer version, are left out.

    Raises:
        msgspec.DecodeError: If the content is not a record.
    """
    return msgspec.json.decode(content, type=CompanyRecord)


def dump_record(record: CompanyRecord) -> bytes:
    """Encode a record."""
    return msgspec.json.encode(record)
