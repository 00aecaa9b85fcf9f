"""The freshness of a company, assessed from the evidence of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.health.freshness import Freshness
from servicetitan_fleet.state.company_record import RunStatus
from support.fleet.statuses import GOOD, assess, fleet_run, hours_ago, stream_run

if TYPE_CHECKING:
    from servicetitan_fleet.health.evidence import StreamRun
    from servicetitan_fleet.state.company_record import RunRecord


LOST = stream_run("calls", 2, "skipped", error="403", last_success=hours_ago(1000))


@pytest.mark.parametrize(
    ("runs", "record", "freshness", "reason"),
    [
        ([GOOD], [fleet_run(2)], Freshness.FRESH, ""),
        ([], [], Freshness.STALE, "no successful run yet"),
        ([stream_run("jobs", 9)], [fleet_run(9)], Freshness.STALE, "the last successful run ended 9 h ago"),
        ([GOOD, stream_run("calls", 60)], [fleet_run(2)], Freshness.STALE, "1 stream stale"),
        ([GOOD, stream_run("calls", 2, "failed")], [fleet_run(2)], Freshness.FAILED, "1 stream failed"),
        ([GOOD, stream_run("calls", 2, "deletes_refused")], [fleet_run(2)], Freshness.FAILED, "1 stream failed"),
        ([GOOD], [fleet_run(3), fleet_run(1, RunStatus.KILLED, "memory")], Freshness.FAILED, "killed: memory"),
        ([], [fleet_run(2)], Freshness.FAILED, "its runs were successful, but its audit log has no rows"),
        ([GOOD, stream_run("calls", 2, "skipped", error="403")], [fleet_run(2)], Freshness.FRESH, ""),
        ([GOOD, LOST], [fleet_run(2)], Freshness.STALE, "1 stream stale"),
        ([GOOD, LOST], [fleet_run(2, RunStatus.INCOMPLETE, "calls: skipped: 403")], Freshness.STALE, "1 stream stale"),
        (
            *([GOOD], [fleet_run(2, RunStatus.INCOMPLETE, "its log cannot be read")], Freshness.STALE),
            "incomplete: its log cannot be read",
        ),
        (
            [GOOD, stream_run("calls", 2, "failed", error="HTTP 503\n of page 2")],
            [fleet_run(2, RunStatus.FAILED, "tap: calls: failed: HTTP 503 of page 2")],
            Freshness.FAILED,
            "1 stream failed",
        ),
        (
            [GOOD, stream_run("calls", 2, "failed", error="HTTP 503")],
            [fleet_run(2, RunStatus.FAILED, "tap: no sign-in")],
            Freshness.FAILED,
            "failed: tap: no sign-in",
        ),
    ],
    ids=[
        *("fresh", "never", "old", "stream-old", "stream-failed", "deletes-refused", "killed", "no-rows"),
        *("not-available", "lost", "lost-in-last-run", "incomplete-run", "cause-once", "another-cause"),
    ],
)
def test_a_company_is_as_fresh_as_its_worst_stream_or_run(
    runs: list[StreamRun], record: list[RunRecord], freshness: Freshness, reason: str
) -> None:
    found = assess(runs, record)
    assert (found.freshness, found.reason) == (freshness, reason)
    assert found.freshness.is_good == (freshness is Freshness.FRESH)


@pytest.mark.parametrize(
    ("status", "success_hours", "freshness", "reason"),
    [
        ("skipped", None, Freshness.NOT_AVAILABLE, "403 Forbidden"),
        ("skipped", 3, Freshness.STALE, "skipped: 403 Forbidden"),
        ("skipped", 9000, Freshness.STALE, "skipped: 403 Forbidden"),
        ("incomplete", 3, Freshness.STALE, "incomplete: 403 Forbidden"),
        ("incomplete", None, Freshness.STALE, "incomplete: 403 Forbidden"),
        ("failed", 3, Freshness.FAILED, "403 Forbidden"),
        ("deletes_refused", 3, Freshness.FAILED, "403 Forbidden"),
        ("something new", 3, Freshness.FAILED, "403 Forbidden"),
    ],
)
def test_a_stream_is_fresh_only_by_a_success_and_stale_as_soon_as_it_was_not_read(
    status: str, success_hours: float | None, freshness: Freshness, reason: str
) -> None:
    success = None if success_hours is None else hours_ago(success_hours)
    last = stream_run("calls", 1, status, error="403 Forbidden", last_success=success)
    found = assess([last], [fleet_run(1)])
    assert [(stream.freshness, stream.reason) for stream in found.streams] == [(freshness, reason)]
    assert [(issue.streams, issue.last_success) for issue in found.issues] == (
        [] if freshness.is_good else [(["calls"], success)]
    )


def test_a_stream_that_is_no_longer_selected_is_no_issue() -> None:
    runs = [GOOD, stream_run("calls", 60, "failed", error="boom")]
    dropped = assess(runs, [fleet_run(2)], ("jobs.*",))
    assert dropped.freshness is Freshness.FRESH
    assert [stream.freshness for stream in dropped.streams] == [Freshness.NOT_SELECTED, Freshness.FRESH]
    # This stream is still selected, but later runs did not include it.
    lost = assess([GOOD, stream_run("calls", 60)], [fleet_run(2)])
    assert "later runs did not include it" in lost.issues[0].reason
