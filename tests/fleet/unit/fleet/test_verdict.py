"""How a run ended is decided by its process, its errors and its audit log together."""

from __future__ import annotations

import signal

import pytest

from servicetitan_fleet.fleet.outcome import Ending, Outcome, Result, StreamEnding, summarize_outcomes
from servicetitan_fleet.fleet.verdict import AuditLog, describe_streams, judge, judge_stop
from servicetitan_fleet.meltano.error_collector import ErrorCollector
from servicetitan_fleet.meltano.log_lines import LogLine, Source
from servicetitan_fleet.meltano.process import EndedBy, ProcessExit
from servicetitan_fleet.state.company_record import RunStatus

WELL, ILL = ProcessExit(0, EndedBy.ITSELF), ProcessExit(1, EndedBy.ITSELF)
TOO_LONG, KILLED = ProcessExit(0, EndedBy.TIMEOUT), ProcessExit(-signal.SIGKILL, EndedBy.ITSELF)
JOBS = StreamEnding(stream="jobs", ending=Ending.SUCCESS)
ABSENT = StreamEnding(stream="forms", ending=Ending.NOT_AVAILABLE, reason="403")
SKIPPED = StreamEnding(stream="calls", ending=Ending.SKIPPED, reason="403 Forbidden")
INCOMPLETE = StreamEnding(stream="leads", ending=Ending.INCOMPLETE, reason="rows moved")
FAILED = StreamEnding(stream="tasks", ending=Ending.FAILED, reason="503")
REFUSED = StreamEnding(stream="users", ending=Ending.REFUSED, reason="would mark 9 of 9")
SUMMARY = "1 of 2 streams is incomplete: leads"


def errors(*messages: str) -> ErrorCollector:
    collector = ErrorCollector()
    for message in messages:
        collector.add(LogLine(message=message, severity="ERROR", plugin="tap", source=Source.PLUGIN))
    return collector


@pytest.mark.parametrize(
    ("end", "said", "streams", "status", "reason"),
    [
        (WELL, [], [JOBS, ABSENT], RunStatus.DONE, ""),
        (WELL, ["sales: a report that nobody selected"], [JOBS], RunStatus.DONE, ""),
        (WELL, [], [JOBS, SKIPPED], RunStatus.INCOMPLETE, "calls: skipped: 403 Forbidden"),
        (
            *(WELL, [], [SKIPPED, INCOMPLETE], RunStatus.INCOMPLETE),
            "calls: skipped: 403 Forbidden; also incomplete: leads",
        ),
        (WELL, [], [], RunStatus.INCOMPLETE, "it ended with 0, but its audit log has no row of this run"),
        (WELL, [], [JOBS, FAILED], RunStatus.FAILED, "tasks: failed: 503"),
        (
            WELL,
            [],
            [SKIPPED, REFUSED],
            RunStatus.FAILED,
            "users: deletes_refused: would mark 9 of 9; also skipped: calls",
        ),
        (ILL, [SUMMARY], [JOBS, INCOMPLETE], RunStatus.INCOMPLETE, "leads: incomplete: rows moved"),
        (ILL, [SUMMARY], [JOBS], RunStatus.FAILED, f"tap: {SUMMARY}"),
        (ILL, [SUMMARY], [JOBS, INCOMPLETE, FAILED], RunStatus.FAILED, "tasks: failed: 503; also incomplete: leads"),
        (ILL, ["no sign-in"], [INCOMPLETE], RunStatus.FAILED, "tap: no sign-in"),
        (
            ILL,
            ["tasks: failed: 503"],
            [FAILED, REFUSED],
            RunStatus.FAILED,
            "tap: tasks: failed: 503; also deletes_refused: users",
        ),
        (ILL, [], [], RunStatus.FAILED, "`meltano run` exited with code 1"),
        (TOO_LONG, ["x"], [JOBS], RunStatus.TIMED_OUT, "it took longer than 2.5 minutes"),
        (KILLED, ["x"], [FAILED], RunStatus.KILLED, "killed by SIGKILL: out of memory, or killed by hand"),
    ],
)
def test_a_run_is_done_only_if_every_stream_was_read_or_is_not_available(
    end: ProcessExit, said: list[str], streams: list[StreamEnding], status: RunStatus, reason: str
) -> None:
    verdict = judge(end, errors(*said), AuditLog(streams=streams), limit_minutes=2.5)
    assert (verdict.status, verdict.reason, verdict.streams) == (status, reason, streams)
    assert Result(verdict.status).is_good == (verdict.status is RunStatus.DONE)


def test_an_audit_log_that_cannot_be_read_is_a_trouble_of_its_own_and_no_success() -> None:
    unread = AuditLog(problem="cannot read `p.management.etl_logs`: 403")
    well = judge(WELL, errors(), unread, limit_minutes=1)
    assert well.status is RunStatus.INCOMPLETE
    assert well.reason == f"it ended with 0, but its audit log cannot be read: {unread.problem}"
    ill = judge(ILL, errors("no sign-in"), unread, limit_minutes=1)
    assert (ill.status, ill.reason) == (RunStatus.FAILED, "tap: no sign-in; its audit log cannot be read")


def test_a_run_that_the_fleet_stopped_is_judged_without_its_log() -> None:
    stopped = judge_stop(ProcessExit(0, EndedBy.STOP), is_claim_lost=False)
    assert stopped
    assert (stopped.status, stopped.reason) == (RunStatus.STOPPED, "the fleet was stopped")
    lost = judge_stop(ProcessExit(0, EndedBy.STOP), is_claim_lost=True)
    assert lost
    assert lost.reason.startswith("its claim could not be renewed")
    assert [judge_stop(end, is_claim_lost=False) for end in (WELL, ILL, TOO_LONG, KILLED)] == [None] * 4


def test_many_streams_are_named_in_one_short_line() -> None:
    many = [StreamEnding(stream=f"s{number}", ending=Ending.SKIPPED, reason="403") for number in range(14)]
    assert (
        describe_streams(many)
        == f"s0: skipped: 403; also skipped: {', '.join(f's{n}' for n in range(1, 11))} and 3 more"
    )


def test_an_outcome_knows_its_streams_by_how_they_ended() -> None:
    streams = [JOBS, ABSENT, SKIPPED, FAILED]
    outcome = Outcome(company_id="acme", result=Result.INCOMPLETE, streams=streams)
    assert outcome.select(Ending.SKIPPED) == {"calls": "403 Forbidden"}
    assert outcome.select(Ending.REFUSED) == {}
    assert [ending for ending in Ending if ending.is_good] == [Ending.SUCCESS, Ending.NOT_AVAILABLE]
    assert summarize_outcomes([outcome, Outcome(company_id="b", result=Result.DONE)]) == (
        "1 done, 1 incomplete; not up to date: acme"
    )
