"""Assesses how fresh each company's data is, from the evidence of its runs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

from servicetitan_fleet.formatting import format_age, summarize_companies
from servicetitan_fleet.health.evidence import INCOMPLETE, SKIPPED, SUCCESS
from servicetitan_fleet.plugin_runtime.plurals import pluralize
from servicetitan_fleet.registry.selection import is_selected
from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from servicetitan_fleet.health.evidence import Evidence, RunSum, StreamRun
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.state.company_record import RunRecord


class Freshness(StrEnum):
    """The state of a stream or a company, as an operator sees it."""

    FRESH = "fresh"
    STALE = "stale"
    FAILED = "failed"
    UNREADABLE = "unreadable"
    NOT_AVAILABLE = "not available"
    NOT_SELECTED = "not selected"

    @property
    def is_good(self) -> bool:
        """Whether it needs no attention."""
        return self in (Freshness.FRESH, Freshness.NOT_AVAILABLE, Freshness.NOT_SELECTED)


class StreamStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state of one stream of a company. As its run, it is not the garbage collector's to visit."""

    stream: str
    freshness: Freshness
    reason: str
    """What is wrong, or why it is not available; empty if nothing is to be said."""

    last: StreamRun
    """Its newest run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A problem that one or more streams of a company share."""

    streams: Sequence[str]
    freshness: Freshness
    reason: str
    last_success: dt.datetime | None
    """The oldest last success among the streams; None if a stream has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyStatus:
    """The state of one company."""

    company: Company
    freshness: Freshness
    reason: str
    """What is wrong; empty if nothing is."""

    is_running: bool
    last_good: dt.datetime | None
    """End of the last successful run."""

    runs: Sequence[RunRecord]
    """Its last runs, oldest first."""

    streams: Sequence[StreamStatus]
    history: Sequence[RunSum] = ()
    """What its streams did in its last runs, oldest first."""

    is_refused: bool = False
    """Whether its entry in the registry is refused, so that nothing but its name and the reason is known."""

    @property
    def issues(self) -> list[Issue]:
        """The issues of its streams. Streams with the same state and reason share an issue."""
        shared: dict[tuple[Freshness, str], list[StreamStatus]] = {}
        for stream in self.streams:
            if not stream.freshness.is_good:
                shared.setdefault((stream.freshness, stream.reason), []).append(stream)
        return [_make_issue(freshness, reason, streams) for (freshness, reason), streams in shared.items()]

    def count(self, freshness: Freshness) -> int:
        """Count the streams in a state."""
        return sum(stream.freshness is freshness for stream in self.streams)


def assess_company(evidence: Evidence, now: dt.datetime, max_age: dt.timedelta) -> CompanyStatus:
    """Assess a company and its streams.

    Args:
        evidence: What could be read about the company.
        now: The current time.
        max_age: Older data is stale.
    """
    rows = sorted(evidence.runs, key=lambda row: row.stream)
    assessor = _Assessor(
        now=now,
        max_age=max_age,
        patterns=evidence.company.streams,
        newest=max((row.started for row in rows), default=now),
    )
    streams = [assessor.assess_stream(row) for row in rows]
    done = [run.ended for run in evidence.record.runs if run.status is RunStatus.DONE]
    last_good = max(done, default=None)
    freshness, reason = _find_company_issue(evidence, streams) or assessor.assess_company(streams, last_good)
    claim = evidence.record.claim
    return CompanyStatus(
        company=evidence.company,
        freshness=freshness,
        reason=reason,
        is_running=claim is not None and claim.expires > now,
        last_good=last_good,
        runs=evidence.record.runs,
        streams=streams,
        history=evidence.history,
    )


def _find_company_issue(evidence: Evidence, streams: Sequence[StreamStatus]) -> tuple[Freshness, str] | None:
    """Return what is wrong with a company as a whole, besides the state of its streams; None if nothing is."""
    if evidence.problem:
        return Freshness.UNREADABLE, evidence.problem
    last = evidence.record.runs[-1] if evidence.record.runs else None
    if last and last.status is not RunStatus.DONE:
        return _assess_bad_run(last, streams)
    if last and not evidence.runs:
        return Freshness.FAILED, "its runs were successful, but its audit log has no rows"
    return None


def _assess_bad_run(last: RunRecord, streams: Sequence[StreamStatus]) -> tuple[Freshness, str]:
    """Assess a company by its last run, which did not end well. What a stream's own issue says is not said twice."""
    freshness = Freshness.STALE if last.status is RunStatus.INCOMPLETE else Freshness.FAILED
    if any(stream.freshness is freshness and _is_cause(stream, last.reason) for stream in streams):
        return freshness, f"{_count_text(streams, freshness)} {freshness}"
    return freshness, f"{last.status}: {last.reason}" if last.reason else str(last.status)


def _is_cause(stream: StreamStatus, reason: str) -> bool:
    """Return whether the reason of a run gives the error of a stream."""
    error = " ".join(stream.last.error.split())
    return bool(error) and error in reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Assessor:
    """Assesses one company and its streams."""

    now: dt.datetime
    max_age: dt.timedelta
    patterns: Sequence[str]
    newest: dt.datetime
    """Start of the newest run of any stream."""

    def assess_company(self, streams: Sequence[StreamStatus], last_good: dt.datetime | None) -> tuple[Freshness, str]:
        """Assess the company by its streams and its last successful run."""
        if failed := _count_text(streams, Freshness.FAILED):
            return Freshness.FAILED, f"{failed} failed"
        if last_good is None:
            return Freshness.STALE, "no successful run yet"
        if self._is_old(last_good):
            return Freshness.STALE, f"the last successful run ended {format_age(last_good, self.now)} ago"
        if stale := _count_text(streams, Freshness.STALE):
            return Freshness.STALE, f"{stale} stale"
        return Freshness.FRESH, ""

    def assess_stream(self, last: StreamRun) -> StreamStatus:
        """Assess a stream by its newest run."""
        freshness, reason = self._assess_last_run(last)
        return StreamStatus(stream=last.stream, freshness=freshness, reason=reason, last=last)

    def _assess_last_run(self, last: StreamRun) -> tuple[Freshness, str]:
        if not is_selected(last.stream, self.patterns):
            return Freshness.NOT_SELECTED, ""
        if last.status in (SKIPPED, INCOMPLETE):
            return _assess_unread(last)
        if last.status != SUCCESS:
            return Freshness.FAILED, last.error or last.status
        return self._assess_success(last)

    def _assess_success(self, last: StreamRun) -> tuple[Freshness, str]:
        if not self._is_old(last.ended):
            return Freshness.FRESH, ""
        reason = f"its last successful run ended {format_age(last.ended, self.now)} ago"
        if self.newest - last.started > self.max_age:
            reason += "; later runs did not include it: it is no longer selected"
        return Freshness.STALE, reason

    def _is_old(self, time: dt.datetime) -> bool:
        return self.now - time > self.max_age


def _assess_unread(last: StreamRun) -> tuple[Freshness, str]:
    """Assess a stream whose last run did not read it to its end. It is stale at once, however young its data is."""
    if last.is_not_available:
        return Freshness.NOT_AVAILABLE, last.error or last.status
    return Freshness.STALE, f"{last.status}: {last.error}" if last.error else last.status


def _make_issue(freshness: Freshness, reason: str, streams: Sequence[StreamStatus]) -> Issue:
    successes = [stream.last.last_success for stream in streams]
    known = [success for success in successes if success]
    oldest = min(known) if len(known) == len(successes) else None
    names = [stream.stream for stream in streams]
    return Issue(streams=names, freshness=freshness, reason=reason, last_success=oldest)


def _count_text(streams: Sequence[StreamStatus], freshness: Freshness) -> str:
    """Count the streams in a state, as text; empty for none."""
    count = sum(stream.freshness is freshness for stream in streams)
    return pluralize(count, "stream") if count else ""


class Assessed(Protocol):
    """A company that has been assessed."""

    @property
    def company(self) -> Company:
        """The company."""

    @property
    def freshness(self) -> Freshness:
        """Its state."""


def summarize_statuses(statuses: Iterable[Assessed]) -> str:
    """Summarize in one line: the number of companies in each state, and those that need attention."""
    kinds = {status.company.company_id: status.freshness for status in statuses}
    bad = [company_id for company_id, kind in kinds.items() if not kind.is_good]
    return summarize_companies(kinds, Freshness, bad, "needs attention")
