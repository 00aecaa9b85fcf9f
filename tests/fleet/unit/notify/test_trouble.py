"""Which ends of a run need a person, and which are the same trouble."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.fleet.outcome import Ending, Outcome, Result, StreamEnding
from servicetitan_fleet.notify.trouble import LONGEST_REASON, TroubleKind, find_staleness, fingerprint, needs_person
from servicetitan_fleet.state.company_record import CompanyRecord, RunRecord, RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
HEALS = {"busy", "done", "done before", "stopped", "not started"}
DAY = dt.timedelta(hours=8)


@pytest.mark.parametrize("result", Result)
def test_only_what_the_next_run_does_not_heal_needs_a_person(result: Result) -> None:
    trouble = needs_person(Outcome(company_id="acme", result=result, reason="why"))
    assert (trouble is None) == (result in HEALS)
    assert trouble is None or (trouble.kind.words, trouble.reason) == (result, "why")


@pytest.mark.parametrize("where", ["", " in the part that was read"])
def test_refused_deletes_are_told_apart_from_other_failures(where: str) -> None:
    said = f"jobs: a snapshot would mark 1,200 of 2,000 live rows deleted{where}, more than 0.5"
    reason = f"1 of 19 streams failed: {said}"
    trouble = needs_person(Outcome(company_id="acme", result=Result.FAILED, reason=reason))
    assert trouble
    assert trouble.kind is TroubleKind.DELETES_REFUSED


def test_the_streams_that_are_not_well_are_named() -> None:
    def trouble(result: Result = Result.FAILED, **streams: Ending) -> tuple[str, Sequence[str]]:
        endings = [StreamEnding(stream=stream, ending=ending) for stream, ending in streams.items()]
        found = needs_person(Outcome(company_id="acme", result=result, reason="why", streams=endings))
        assert found
        return found.kind, found.streams

    assert trouble(jobs=Ending.SUCCESS, activities=Ending.FAILED) == ("failed", ("activities",))
    assert trouble(jobs=Ending.REFUSED, activities=Ending.SUCCESS) == ("deletes_refused", ("jobs",))
    # What else is wrong is worse.
    assert trouble(jobs=Ending.REFUSED, invoices=Ending.FAILED) == ("failed", ("jobs", "invoices"))
    assert trouble(Result.TIMED_OUT, jobs=Ending.REFUSED) == ("timed_out", ("jobs",))


def test_a_reason_becomes_one_line_of_a_bounded_length() -> None:
    trouble = needs_person(Outcome(company_id="acme", result=Result.FAILED, reason="a\nb\x1b[31m" + "x" * 5000))
    assert trouble
    assert trouble.reason.startswith(r"a\nb\x1b[31m")
    assert len(trouble.reason) == LONGEST_REASON


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("activities: the API answered 503 after 3 tries", "activities: the API answered 502 after 12 tries"),
        ("it took 1,200.5 s, until 12:00:01", "it took 7 s, until 9:30:00"),
        ("no answer at 2026-11-29T03:04:05.678Z, run 5", "no answer at 2026-11-30, run 12"),
        ("run 0f8fad5b-d9cb-469f-a165-70867728950e failed", "run 7c9e6679-7425-40de-944b-e07fc1f90ae7 failed"),
        ("job load_jobs_0f8fad5b1c failed", "job load_jobs_99aad5b1c2 failed"),
    ],
)
def test_numbers_times_and_ids_do_not_make_a_new_trouble(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


def test_another_stream_or_another_cause_is_another_trouble() -> None:
    reasons = [
        "activities: 503",
        "jobs: 503",
        "activities: the sign-in was refused",
        "",
        "customer-interactions-v2: 403",
    ]
    reasons += ["equipment-systems-v2: 403", "facade: 403", "decade: 403"]
    assert len({fingerprint(reason) for reason in reasons}) == len(reasons)


def record(*hours_ago: float, status: RunStatus = RunStatus.DONE) -> CompanyRecord:
    ends = [NOW - dt.timedelta(hours=hours) for hours in hours_ago]
    return CompanyRecord(
        runs=tuple(RunRecord(execution="night", started=end, ended=end, status=status) for end in ends)
    )


def test_a_company_that_is_busy_or_stopped_for_too_long_is_stale() -> None:
    busy = Outcome(company_id="acme", result=Result.BUSY, reason="another process is running it")
    assert find_staleness(busy, record(20, 7), NOW, DAY) is None
    trouble = find_staleness(busy, record(20, 9), NOW, DAY)
    assert trouble
    assert (trouble.kind, trouble.since) == (TroubleKind.STALE, NOW - dt.timedelta(hours=9))
    assert trouble.reason == ("the last successful run ended 9 h ago; now busy: another process is running it")
    later = find_staleness(busy, record(20, 15), NOW, DAY)
    assert later
    assert later.key == trouble.key


def test_a_company_without_a_good_run_is_stale_when_it_has_been_tried_for_too_long() -> None:
    stopped = Outcome(company_id="acme", result=Result.STOPPED)
    assert find_staleness(stopped, CompanyRecord(), NOW, DAY) is None
    assert find_staleness(stopped, record(2, status=RunStatus.STOPPED), NOW, DAY) is None
    assert find_staleness(stopped, record(9, 2, status=RunStatus.STOPPED), NOW, DAY)


def test_a_good_run_is_never_stale() -> None:
    assert find_staleness(Outcome(company_id="acme", result=Result.DONE), record(20), NOW, DAY) is None
