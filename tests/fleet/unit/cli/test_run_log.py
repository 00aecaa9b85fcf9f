"""How streams ended, from the rows that a run left in the audit log."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from servicetitan_fleet.cli.run_log import (
    NO_ROW,
    find_ending,
    find_endings,
    find_time,
    may_rename_streams,
    named_streams,
)
from servicetitan_fleet.fleet.outcome import Ending
from servicetitan_fleet.fleet.time_spent import TargetTime
from support.fleet.statuses import GOOD, hours_ago, make_company, stream_run


@pytest.mark.parametrize(
    ("status", "was_read", "ending"),
    [
        ("success", True, Ending.SUCCESS),
        ("skipped", True, Ending.SKIPPED),
        ("skipped", False, Ending.NOT_AVAILABLE),
        ("incomplete", False, Ending.INCOMPLETE),
        ("failed", True, Ending.FAILED),
        ("deletes_refused", True, Ending.REFUSED),
        ("something new", True, Ending.FAILED),
        ("dry_run", False, Ending.SUCCESS),
        ("dry_run_skipped", True, Ending.SKIPPED),
        ("dry_run_skipped", False, Ending.NOT_AVAILABLE),
        ("dry_run_failed", True, Ending.FAILED),
        ("dry_run_deletes_refused", True, Ending.REFUSED),
    ],
)
def test_the_status_says_how_a_stream_ended(status: str, was_read: bool, ending: Ending) -> None:  # noqa: FBT001
    assert find_ending(stream_run("jobs", 1, status, was_read=was_read)) is ending


def test_a_stream_that_the_registry_names_is_missed_if_the_run_left_no_row_of_it() -> None:
    company = make_company(streams=("jobs.*", "calls.*", "calls.id", "job_*.*", "old.*", "!old.*", "!*.notes"))
    failed = stream_run("leads", 1, "failed", error="page 3\n is not \x1b[1mJSON")
    found = find_endings([GOOD, failed], named_streams(company))
    assert [(end.stream, end.ending, end.reason) for end in found] == [
        ("jobs", Ending.SUCCESS, ""),
        ("leads", Ending.FAILED, r"page 3 is not \x1b[1mJSON"),
        ("calls", Ending.INCOMPLETE, NO_ROW),
    ]
    assert find_endings([], named_streams(company)) == []
    renamed = msgspec.structs.replace(company, tap={"stream_maps": {"calls": {"__alias__": "phone"}}})
    assert [end.stream for end in find_endings([GOOD], named_streams(renamed))] == ["jobs"]
    assert (may_rename_streams(company), may_rename_streams(renamed)) == (False, True)


def test_where_the_time_went_is_known_up_to_the_end_of_the_last_stream() -> None:
    times: dict[str, Any] = {"source_ms": 50_000, "staging_ms": 0, "bigquery_ms": 12_500}
    rows = [stream_run("calls", 2, **times), stream_run("jobs", 1, **times)]
    assert find_time(rows) == TargetTime(source=50, staging=0, bigquery=12.5, ended=hours_ago(1))
    assert find_time([GOOD]) is find_time([]) is None
