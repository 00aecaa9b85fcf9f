"""How fresh each company's data is, judged from what its runs have left behind. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import groupby
from typing import TYPE_CHECKING

from servicetitan_fleet.formatting import age, plural
from servicetitan_fleet.health.evidence import SUCCESS
from servicetitan_fleet.state.company_record import Ending

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from servicetitan_fleet.health.evidence import Evidence, StreamRun
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.state.company_record import RunRecord


class Freshness(StrEnum):
    """What an operator has to know first of a stream or of a company."""

    FRESH = "fresh"
    STALE = "stale"
    FAILED = "failed"
    UNREADABLE = "unreadable"
    NOT_SELECTED = "not selected"

    @property
    def is_good(self) -> bool:
        """Whether nobody has to do anything."""
        return self in (Freshness.FRESH, Freshness.NOT_SELECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """One stream of a company."""

    stream: str
    freshness: Freshness
    reason: str
    """What is wrong; empty when nothing is."""

    runs: Sequence[StreamRun]
    """Its runs, the newest at the end. There is at least one."""

    @property
    def last(self) -> StreamRun:
        """Its newest run."""
        return self.runs[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong with one or more streams of a company in the same way."""

    streams: Sequence[str]
    freshness: Freshness
    reason: str
    last_success: dt.datetime | None
    """The oldest among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyStatus:
    """One company."""

    company: Company
    freshness: Freshness
    reason: str
    """What is wrong; empty when nothing is."""

    is_running: bool
    last_good: dt.datetime | None
    """When a run last ended well."""

    runs: Sequence[RunRecord]
    """Its last runs, the newest at the end."""

    streams: Sequence[StreamStatus]

    @property
    def troubles(self) -> list[Trouble]:
        """The streams that somebody has to look at. Those that share a reason are one trouble."""
        shared: dict[tuple[Freshness, str], list[StreamStatus]] = {}
        for one in self.streams:
            if not one.freshness.is_good:
                shared.setdefault((one.freshness, one.reason), []).append(one)
        return [_trouble_of(freshness, reason, streams) for (freshness, reason), streams in shared.items()]

    def count(self, freshness: Freshness) -> int:
        """Return the number of streams that are so."""
        return sum(one.freshness is freshness for one in self.streams)


def company_status(evidence: Evidence, now: dt.datetime, max_age: dt.timedelta) -> CompanyStatus:
    """Return how a company is.

    Args:
        evidence: What could be read of it.
        now: The time now.
        max_age: Data that is older is stale.
    """
    rows = sorted(evidence.runs, key=lambda one: (one.stream, one.started))
    look = _Look(
        now=now,
        max_age=max_age,
        patterns=evidence.company.streams,
        newest=max((one.started for one in rows), default=now),
    )
    streams = [look.stream(list(runs)) for _, runs in groupby(rows, key=lambda one: one.stream)]
    done = [run.ended for run in evidence.record.runs if run.ending is Ending.DONE]
    last_good = max(done, default=None)
    freshness, reason = _trouble(evidence) or look.company(streams, last_good)
    claim = evidence.record.claim
    return CompanyStatus(
        company=evidence.company,
        freshness=freshness,
        reason=reason,
        is_running=claim is not None and claim.expires > now,
        last_good=last_good,
        runs=evidence.record.runs,
        streams=streams,
    )


def _trouble(evidence: Evidence) -> tuple[Freshness, str] | None:
    """Return what is wrong with a company whatever its data says."""
    if evidence.problem:
        return Freshness.UNREADABLE, evidence.problem
    last = evidence.record.runs[-1] if evidence.record.runs else None
    if last and last.ending is not Ending.DONE:
        return Freshness.FAILED, f"{last.ending}: {last.reason}" if last.reason else str(last.ending)
    if last and not evidence.runs:
        return Freshness.FAILED, "its runs ended well, but its audit log has no row of them"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One look at a company's data."""

    now: dt.datetime
    max_age: dt.timedelta
    patterns: Sequence[str]
    newest: dt.datetime
    """When the newest run of any stream began."""

    def company(self, streams: Sequence[StreamStatus], last_good: dt.datetime | None) -> tuple[Freshness, str]:
        """Judge a company."""
        if failed := _counted(streams, Freshness.FAILED):
            return Freshness.FAILED, f"{failed} failed"
        if last_good is None:
            return Freshness.STALE, "never run to a good end"
        if self._is_old(last_good):
            return Freshness.STALE, f"the last good run ended {age(last_good, self.now)} ago"
        if stale := _counted(streams, Freshness.STALE):
            return Freshness.STALE, f"{stale} stale"
        return Freshness.FRESH, ""

    def stream(self, runs: Sequence[StreamRun]) -> StreamStatus:
        """Judge a stream by its runs, of which there is at least one."""
        freshness, reason = self._stream(runs[-1])
        return StreamStatus(stream=runs[-1].stream, freshness=freshness, reason=reason, runs=runs)

    def _stream(self, last: StreamRun) -> tuple[Freshness, str]:
        if not is_selected(last.stream, self.patterns):
            return Freshness.NOT_SELECTED, ""
        if last.status != SUCCESS:
            return Freshness.FAILED, last.error or last.status
        if not self._is_old(last.ended):
            return Freshness.FRESH, ""
        reason = f"it last ended well {age(last.ended, self.now)} ago"
        if self.newest - last.started > self.max_age:
            reason += "; later runs were without it: it is not selected any more, or it was skipped"
        return Freshness.STALE, reason

    def _is_old(self, time: dt.datetime) -> bool:
        return self.now - time > self.max_age


def _trouble_of(freshness: Freshness, reason: str, streams: Sequence[StreamStatus]) -> Trouble:
    successes = [one.last.last_success for one in streams]
    known = [one for one in successes if one]
    oldest = min(known) if len(known) == len(successes) else None
    return Trouble(streams=[one.stream for one in streams], freshness=freshness, reason=reason, last_success=oldest)


def _counted(streams: Sequence[StreamStatus], freshness: Freshness) -> str:
    """Return how many streams are so; empty for none."""
    count = sum(one.freshness is freshness for one in streams)
    return plural(count, "stream") if count else ""


def is_selected(stream: str, patterns: Sequence[str]) -> bool:
    """Whether the company's selection has the stream. Without patterns the tap selects, and everything that came is.

    Args:
        stream: Name of the stream.
        patterns: Meltano's patterns, `stream.property`; one that begins with `!` takes a stream out.
    """
    names = [one.partition(".") for one in patterns]
    wanted = [stream_pattern for stream_pattern, _, _ in names if not stream_pattern.startswith("!")]
    unwanted = [
        stream_pattern[1:] for stream_pattern, _, fields in names if stream_pattern[:1] == "!" and fields == "*"
    ]
    return (not wanted or _matches(stream, wanted)) and not _matches(stream, unwanted)


def _matches(stream: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(stream, one) for one in patterns)


def summary(statuses: Iterable[CompanyStatus]) -> str:
    """Return one line: how many companies are how, and who is not well."""
    statuses = list(statuses)
    counts = {kind: sum(one.freshness is kind for one in statuses) for kind in Freshness}
    counted = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "no company"
    bad = ", ".join(sorted(one.company.company_id for one in statuses if not one.freshness.is_good))
    return f"{counted}; look at: {bad}" if bad else counted
