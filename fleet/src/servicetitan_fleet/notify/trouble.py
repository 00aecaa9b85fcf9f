"""Which ends of a company's run need a person, and which of them are the same trouble. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from servicetitan_fleet.fleet.outcome import Ending
from servicetitan_fleet.formatting import format_age
from servicetitan_fleet.plugin_runtime.redaction import to_line
from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from servicetitan_fleet.fleet.outcome import Outcome
    from servicetitan_fleet.state.company_record import CompanyRecord

LONGEST_REASON = 1000
"""Characters of a reason that a message has: services refuse texts that are too long."""

_REFUSED_DELETES = re.compile(r"\bwould mark \d[\d,]* of \d[\d,]* live rows? deleted\b")
_CHANGING = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?: ?(?:Z|UTC)\b|[+-]\d\d:?\d\d)?"  # dates and times
    r"|(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])"  # ids of runs and requests
    r"|(?<![0-9a-z])(?=[a-f]*\d)[0-9a-f]{8,}(?![0-9a-z])"
    r"|\d+(?:[.,:]\d+)*",
    re.IGNORECASE,
)


class TroubleKind(StrEnum):
    """What is wrong with a company. `on` in a channel's settings names these, and so do the runbook's anchors."""

    FAILED = "failed"
    TIMED_OUT = "timed_out"
    KILLED = "killed"
    INCOMPLETE = "incomplete"
    DELETES_REFUSED = "deletes_refused"
    UNREADABLE = "unreadable"
    STALE = "stale"
    SCHEMA_CHANGED = "schema_changed"

    @property
    def is_notice(self) -> bool:
        """Whether it is only to be known: nobody has to do anything, and it is never over."""
        return self is TroubleKind.SCHEMA_CHANGED

    @property
    def words(self) -> str:
        """The kind as a person writes it."""
        return self.replace("_", " ")

    @property
    def anchor(self) -> str:
        """The anchor of its line in the runbook."""
        return self.replace("_", "-")


_KIND_OF_RESULT = {
    kind.words: kind
    for kind in (
        TroubleKind.FAILED,
        TroubleKind.TIMED_OUT,
        TroubleKind.KILLED,
        TroubleKind.INCOMPLETE,
    )
}
"""By the text of a result. All others heal by themselves: the next run does what this one did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that a person must look at."""

    kind: TroubleKind
    reason: str
    """One line, without secrets."""

    since: dt.datetime | None = None
    """Since when, if that is known from elsewhere; None: since it was first seen."""

    streams: Sequence[str] = ()
    """The streams that it is about, if that is known."""

    @property
    def key(self) -> str:
        """What it is told apart by: the same kind with the same reason is the same trouble."""
        if self.kind.is_notice:
            return f"{self.kind}-{_hash(self.reason)}"  # `field1` and `field2` are two changes
        return f"{self.kind}-{fingerprint('' if self.kind is TroubleKind.STALE else self.reason)}"


def fingerprint(reason: str) -> str:
    """Return a short hash of a reason. Numbers, times and ids in it do not count: they change with every run."""
    return _hash(_CHANGING.sub("#", reason).casefold())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def needs_person(outcome: Outcome) -> Trouble | None:
    """Return what a person must look at; None if the company is well, or if the next run heals it by itself."""
    kind = _KIND_OF_RESULT.get(str(outcome.result))
    if kind is None:
        return None
    if kind is TroubleKind.FAILED and _has_only_refused_deletes(outcome):
        kind = TroubleKind.DELETES_REFUSED
    streams = tuple(stream.stream for stream in outcome.streams if not stream.ending.is_good)
    return Trouble(kind=kind, reason=_shorten(outcome.reason), streams=streams)


def find_schema_change(outcome: Outcome) -> Trouble | None:
    """Return how a company's source has changed its schema; None if it has not, or an earlier run has said the same."""
    if not outcome.changes:
        return None
    reason = "; ".join(f"{stream}: {change}" for stream, change in outcome.changes.items())
    return Trouble(kind=TroubleKind.SCHEMA_CHANGED, reason=_shorten(reason), streams=tuple(outcome.changes))


def _has_only_refused_deletes(outcome: Outcome) -> bool:
    """Return whether a run failed for nothing but deletes that were refused."""
    failures = {stream.ending for stream in outcome.streams if stream.ending.is_failure}
    return failures == {Ending.REFUSED} if failures else bool(_REFUSED_DELETES.search(outcome.reason))


def find_staleness(outcome: Outcome, record: CompanyRecord, now: dt.datetime, max_age: dt.timedelta) -> Trouble | None:
    """Return that a company has become stale, by runs of which none needs a person; None if it has not.

    Args:
        outcome: How this run ended.
        record: How its last runs ended.
        now: The current time.
        max_age: Older data is stale.
    """
    if outcome.result.is_good or not record.runs:
        return None
    good = [run.ended for run in record.runs if run.status is RunStatus.DONE]
    since = max(good, default=record.runs[0].started)
    if now - since <= max_age:
        return None
    last = f"the last successful run ended {format_age(since, now)} ago" if good else "no successful run yet"
    why = f": {outcome.reason}" if outcome.reason else ""
    return Trouble(kind=TroubleKind.STALE, reason=_shorten(f"{last}; now {outcome.result}{why}"), since=since)


def _shorten(reason: str) -> str:
    line = to_line(reason)
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"
