"""The freshness of a company, assessed from the evidence of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.health.freshness import Freshness, is_selected
from servicetitan_fleet.state.company_record import RunStatus
from support.fleet.statuses import GOOD, assess, fleet_run, stream_run

if TYPE_CHECKING:
    from servicetitan_fleet.health.evidence import StreamRun
    from servicetitan_fleet.state.company_record import RunRecord


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
    ],
    ids=["fresh", "never", "old", "stream-old", "stream-failed", "deletes-refused", "killed", "no-rows"],
)
def test_a_company_is_as_fresh_as_its_worst_stream_or_run(
    runs: list[StreamRun], record: list[RunRecord], freshness: Freshness, reason: str
) -> None:
    found = assess(runs, record)
    assert (found.freshness, found.reason) == (freshness, reason)
    assert found.freshness.is_good == (freshness is Freshness.FRESH)


def test_a_stream_that_is_no_longer_selected_is_no_issue() -> None:
    runs = [GOOD, stream_run("calls", 60, "failed", error="boom")]
    dropped = assess(runs, [fleet_run(2)], ("jobs.*",))
    assert dropped.freshness is Freshness.FRESH
    assert [stream.freshness for stream in dropped.streams] == [Freshness.NOT_SELECTED, Freshness.FRESH]
    # This stream is still selected, but later runs did not include it.
    lost = assess([GOOD, stream_run("calls", 60)], [fleet_run(2)])
    assert "later runs did not include it" in lost.issues[0].reason

    assert is_selected("jobs", [])
    assert is_selected("jobs", ["jo*.*", "!calls.*"])
    assert is_selected("jobs", ["*.*", "!jobs.address"])
    assert not is_selected("jobs", ["*.*", "!jobs.*"])
    assert not is_selected("jobs", ["calls.*"])
