"""Decides how a company's run ended: from the end of its process, its errors, and its audit log. Pure."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servicetitan_fleet.fleet.outcome import Ending
from servicetitan_fleet.formatting import join_names
from servicetitan_fleet.meltano.process import EndedBy
from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicetitan_fleet.fleet.outcome import StreamEnding
    from servicetitan_fleet.fleet.time_spent import TargetTime
    from servicetitan_fleet.meltano.error_collector import ErrorCollector
    from servicetitan_fleet.meltano.process import ProcessExit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLog:
    """What a company's audit log says of one run."""

    streams: Sequence[StreamEnding] = ()
    time: TargetTime | None = None
    """What the target has counted; None if the log does not say."""

    changes: Mapping[str, str] = field(default_factory=dict)
    """How the source has changed its schema, by stream."""

    problem: str = ""
    """Why it could not be read; empty if it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a company's run ended, and why."""

    status: RunStatus
    reason: str = ""
    streams: Sequence[StreamEnding] = ()
    time: TargetTime | None = None
    changes: Mapping[str, str] = field(default_factory=dict)


def judge_stop(end: ProcessExit, *, is_claim_lost: bool) -> Verdict | None:
    """Judge a run that the fleet stopped; return None if it did not.

    Args:
        end: How its process ended.
        is_claim_lost: Whether it was stopped because its claim was lost.
    """
    if is_claim_lost:
        reason = "its claim could not be renewed, so another process may be running it now"
        return Verdict(status=RunStatus.STOPPED, reason=reason)
    if end.by is EndedBy.STOP:
        return Verdict(status=RunStatus.STOPPED, reason="the fleet was stopped")
    return None


def judge(end: ProcessExit, errors: ErrorCollector, log: AuditLog, *, limit_minutes: float) -> Verdict:
    """Judge a run that the fleet did not stop.

    The exit code alone does not tell: Meltano exits with 0 after SIGTERM, and where streams were skipped.

    Args:
        end: How its process ended.
        errors: The errors that it logged.
        log: What its audit log says.
        limit_minutes: How long it was allowed to take.
    """
    status, reason = _judge_death(end, limit_minutes) or _judge_code(end, errors, log) or _judge_log(log)
    return Verdict(status=status, reason=reason, streams=log.streams, time=log.time, changes=log.changes)


def _judge_death(end: ProcessExit, limit_minutes: float) -> tuple[RunStatus, str] | None:
    if end.by is EndedBy.TIMEOUT:
        return RunStatus.TIMED_OUT, f"it took longer than {limit_minutes:g} minute{'' if limit_minutes == 1 else 's'}"
    if end.code < 0:
        return RunStatus.KILLED, f"killed by {signal.Signals(-end.code).name}: out of memory, or killed by hand"
    return None


def _judge_code(end: ProcessExit, errors: ErrorCollector, log: AuditLog) -> tuple[RunStatus, str] | None:
    """Judge a run by its exit code and its failed streams; return None if neither tells of a failure.

    The tap also ends with an error when streams are incomplete and nothing else happened. That is no failure.
    """
    failed = [stream for stream in log.streams if stream.ending.is_failure]
    lost = [stream for stream in log.streams if not stream.ending.is_good]
    if not end.code and not failed:
        return None
    if lost and not failed and not errors.cause:
        return None
    reason = errors.cause or describe_streams(lost) or errors.reason or f"`meltano run` exited with code {end.code}"
    if errors.cause:
        reason += _name_others(failed, reason)
    unread = "; its audit log cannot be read" if log.problem else ""
    return RunStatus.FAILED, reason + unread


def _judge_log(log: AuditLog) -> tuple[RunStatus, str]:
    """Judge a run whose process told of no failure by its audit log."""
    if log.problem:
        return RunStatus.INCOMPLETE, f"it ended with 0, but its audit log cannot be read: {log.problem}"
    if not log.streams:
        return RunStatus.INCOMPLETE, "it ended with 0, but its audit log has no row of this run"
    lost = [stream for stream in log.streams if not stream.ending.is_good]
    return (RunStatus.INCOMPLETE, describe_streams(lost)) if lost else (RunStatus.DONE, "")


def describe_streams(streams: Sequence[StreamEnding]) -> str:
    """Describe streams that did not end well: the first one with its reason, the others by name; empty for none."""
    if not streams:
        return ""
    # A failure comes first, because it may be why the others were not read.
    first, *others = sorted(streams, key=lambda stream: not stream.ending.is_failure)
    why = f": {first.reason}" if first.reason else ""
    return f"{first.stream}: {first.ending}{why}" + _name_others(others, "")


def _name_others(streams: Sequence[StreamEnding], reason: str) -> str:
    """Name streams, by how they ended, that a reason does not name yet."""
    others = [stream for stream in streams if f"{stream.stream}:" not in reason]
    named = {ending: [stream.stream for stream in others if stream.ending is ending] for ending in Ending}
    return "".join(f"; also {ending}: {join_names(names)}" for ending, names in named.items() if names)
