"""How fresh a company is, judged from what its runs left behind."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from rich.console import Console

from servicetitan_fleet.console.tables import company_table, trouble_table
from servicetitan_fleet.health.evidence import Evidence, StreamRun
from servicetitan_fleet.health.freshness import (
    CompanyStatus,
    Freshness,
    company_status,
    is_selected,
    summary,
)
from servicetitan_fleet.registry.company import Company, parse_company
from servicetitan_fleet.state.company_record import Claim, CompanyRecord, Ending, RunRecord

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SECRETS = {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"}


def hours_ago(hours: float) -> dt.datetime:
    return NOW - dt.timedelta(hours=hours)


def company(company_id: str = "acme", streams: tuple[str, ...] = ()) -> Company:
    fields = {"company_id": company_id, "tenant_id": "1", "project_id": "p", "secrets": SECRETS, "streams": streams}
    return parse_company(fields, "here")


def stream_run(stream: str, hours: float, status: str = "success", **more: Any) -> StreamRun:  # noqa: ANN401 - fields
    ended = hours_ago(hours)
    last_success = ended if status == "success" else None
    fields = {"run_id": "r", "started": ended - dt.timedelta(minutes=3), "last_success": last_success, **more}
    return StreamRun(stream=stream, ended=ended, status=status, **fields)


def fleet_run(hours: float, ending: Ending = Ending.DONE, reason: str = "") -> RunRecord:
    ended = hours_ago(hours)
    started = ended - dt.timedelta(minutes=5)
    return RunRecord(execution=f"e{hours}", started=started, ended=ended, ending=ending, reason=reason)


def judged(
    runs: list[StreamRun],
    record: list[RunRecord],
    streams: tuple[str, ...] = (),
    **more: Any,  # noqa: ANN401 - fields
) -> CompanyStatus:
    evidence = Evidence(company=company(streams=streams), record=CompanyRecord(runs=tuple(record)), runs=runs, **more)
    return company_status(evidence, NOW, dt.timedelta(hours=8))


GOOD = stream_run("jobs", 2)


@pytest.mark.parametrize(
    ("runs", "record", "freshness", "reason"),
    [
        ([GOOD], [fleet_run(2)], Freshness.FRESH, ""),
        ([], [], Freshness.STALE, "never run to a good end"),
        ([stream_run("jobs", 9)], [fleet_run(9)], Freshness.STALE, "the last good run ended 9 h ago"),
        ([GOOD, stream_run("calls", 60)], [fleet_run(2)], Freshness.STALE, "1 stream stale"),
        ([GOOD, stream_run("calls", 2, "failed")], [fleet_run(2)], Freshness.FAILED, "1 stream failed"),
        ([GOOD, stream_run("calls", 2, "deletes_refused")], [fleet_run(2)], Freshness.FAILED, "1 stream failed"),
        ([GOOD], [fleet_run(3), fleet_run(1, Ending.KILLED, "memory")], Freshness.FAILED, "killed: memory"),
        ([], [fleet_run(2)], Freshness.FAILED, "its runs ended well, but its audit log has no row of them"),
    ],
    ids=["fresh", "never", "old", "stream-old", "stream-failed", "deletes-refused", "killed", "no-rows"],
)
def test_a_company_is_as_well_as_the_worst_of_it(
    runs: list[StreamRun], record: list[RunRecord], freshness: Freshness, reason: str
) -> None:
    found = judged(runs, record)
    assert (found.freshness, found.reason) == (freshness, reason)
    assert found.freshness.is_good == (freshness is Freshness.FRESH)


def test_a_stream_that_is_not_selected_any_more_is_nobodys_trouble() -> None:
    runs = [GOOD, stream_run("calls", 60, "failed", error="boom")]
    dropped = judged(runs, [fleet_run(2)], ("jobs.*",))
    assert dropped.freshness is Freshness.FRESH
    assert [one.freshness for one in dropped.streams] == [Freshness.NOT_SELECTED, Freshness.FRESH]
    # Nobody took this one out, and yet it does not come any more.
    lost = judged([GOOD, stream_run("calls", 60)], [fleet_run(2)])
    assert "later runs were without it" in lost.troubles[0].reason

    assert is_selected("jobs", [])
    assert is_selected("jobs", ["jo*.*", "!calls.*"])
    assert is_selected("jobs", ["*.*", "!jobs.address"])
    assert not is_selected("jobs", ["*.*", "!jobs.*"])
    assert not is_selected("jobs", ["calls.*"])


def test_what_cannot_be_read_is_a_row_with_its_reason_and_all_rows_are_counted() -> None:
    unreadable = judged([], [], problem="cannot read `p.management.etl_logs`: 403 [red]no")
    counts = {"rows_read": 12_000, "rows_inserted": 3, "rows_updated": 4, "rows_restored": 5, "rows_deleted": 6}
    failed = stream_run("calls", 1, "failed", error="calls: [bold]page 3[/bold] is not JSON", **counts)
    claim = Claim(holder="h", execution="e", task=0, attempt=0, expires=NOW + dt.timedelta(minutes=1))
    record = CompanyRecord(claim=claim, runs=(fleet_run(1),))
    busy = company_status(Evidence(company=company("busy"), record=record, runs=[GOOD, failed]), NOW, dt.timedelta(1))
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(company_table([unreadable, busy], NOW))
        streams = trouble_table([unreadable, busy], NOW)
        assert streams is not None
        console.print(streams)
    text = captured.get()
    assert "403 [red]no" in text
    assert "[bold]page 3[/bold]" in text
    row = next(line for line in text.splitlines() if "running now" in line)
    assert re.split(r"\s{2,}", row.strip()) == [
        *("busy", "failed, running now", "1 h", "5 min 00 s", "1", "0", "1", "12,000", "12", "6")
    ]
    assert any(line.split("│")[-2].strip() == "1 stream failed" for line in text.splitlines() if "│" in line)
    assert summary([unreadable, busy]) == "1 failed, 1 unreadable; look at: acme, busy"
    assert trouble_table([judged([GOOD], [fleet_run(2)])], NOW) is None
