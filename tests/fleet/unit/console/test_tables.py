"""The tables of `status`."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from rich.console import Console
from rich.table import Table

from servicetitan_fleet.console.tables import company_table, forecast_table, issue_table, plan_table
from servicetitan_fleet.health.evidence import Evidence
from servicetitan_fleet.health.freshness import assess_company, summarize_statuses
from servicetitan_fleet.state.company_record import Claim, CompanyRecord
from support.fleet.evidence import fleet
from support.fleet.report import NOW as REPORTED
from support.fleet.statuses import GOOD, NOW, assess, fleet_run, make_company, stream_run


def test_an_unreadable_company_is_a_row_with_its_reason_and_rows_are_added_up() -> None:
    unreadable = assess([], [], problem="cannot read `p.management.etl_logs`: 403 [red]no")
    counts = {"rows_read": 12_000, "rows_inserted": 3, "rows_updated": 4, "rows_restored": 5, "rows_deleted": 6}
    failed = stream_run("calls", 1, "failed", error="calls: [bold]page 3[/bold] is \x1b[2Jnot JSON", **counts)
    absent = [stream_run(name, 1, "skipped", error="no such module") for name in ("forms", "leads")]
    claim = Claim(holder="h", execution="e", task=0, attempt=0, expires=NOW + dt.timedelta(minutes=1))
    record = CompanyRecord(claim=claim, runs=(fleet_run(1),))
    busy = assess_company(
        Evidence(company=make_company("busy"), record=record, runs=[GOOD, failed, *absent]), NOW, dt.timedelta(1)
    )
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(company_table([unreadable, busy], NOW, console.width))
        streams = issue_table([unreadable, busy], NOW, console.width)
        assert streams is not None
        console.print(streams)
    text = captured.get()
    assert "403 [red]no" in text
    assert r"[bold]page 3[/bold] is \x1b[2Jnot JSON" in text
    row = next(line for line in text.splitlines() if "running now" in line)
    assert re.split(r"\s{2,}", row.strip()) == [
        *("busy", "failed, running now", "1 h", "5 min 00 s", "1", "0", "1", "2", "12,000", "12", "6")
    ]
    assert "no such module" not in text  # it needs nobody
    assert any(line.split("│")[-2].strip() == "1 stream failed" for line in text.splitlines() if "│" in line)
    assert summarize_statuses([unreadable, busy]) == "1 failed, 1 unreadable; needs attention: acme, busy"
    assert issue_table([assess([GOOD], [fleet_run(2)])], NOW, console.width) is None


def test_a_narrow_terminal_shows_every_id_state_and_reason_whole() -> None:
    statuses = [
        assess_company(evidence, now=REPORTED, max_age=dt.timedelta(hours=8)) for evidence in fleet(REPORTED, 10, 77)
    ]
    console = Console(width=80)
    with console.capture() as captured:
        console.print(company_table(statuses, REPORTED, console.width))
    companies = captured.get()
    with console.capture() as captured:
        console.print(issue_table(statuses, REPORTED, console.width))
    issues = captured.get()

    assert all(len(line) <= 80 for line in (companies + issues).splitlines())
    assert "…" not in companies + issues
    for status in statuses:
        row = next(line for line in companies.splitlines() if line.startswith(f" {status.company.company_id} "))
        assert row.split()[1] == status.freshness
    words = " ".join(issues.split())
    assert "company-07 stream_number_000, stream_number_001, stream_number_002 and 71 more: stale" in words
    assert "company-05 unreadable, last success: never: cannot read `project-5.management.etl_logs`: 403" in words


def test_long_ids_cost_columns_and_never_the_state() -> None:
    company_id = "a-company-whose-id-has-as-many-letters-as-an-id-may-have-at-most"[:63]
    company = make_company(company_id)
    status = assess_company(
        Evidence(company=company, runs=[GOOD, stream_run("calls", 1, "failed", error="no")]), NOW, dt.timedelta(1)
    )
    for width in (80, 120):
        console = Console(width=width)
        with console.capture() as captured:
            console.print(company_table([status], NOW, width))
            console.print(issue_table([status], NOW, width))
        lines = captured.get().splitlines()
        assert all(len(line) <= width for line in lines)
        assert "…" not in captured.get()
        assert any(line.startswith(f" {company_id}  failed") for line in lines)


def test_a_narrow_forecast_names_what_a_run_would_do() -> None:
    runs = [
        stream_run("jobs", 1, "dry_run", rows_read=1200, rows_inserted=3, rows_unchanged=1197),
        stream_run("calls", 1, "dry_run_failed", error="calls: [red]page 3[/] is not JSON"),
    ]
    found = [
        Evidence(company=make_company("acme"), runs=runs),
        Evidence(company=make_company("bell"), problem="cannot read it"),
    ]
    console = Console(width=80)
    with console.capture() as captured:
        console.print(forecast_table(found, 80))
    assert [line.rstrip() for line in captured.get().splitlines()] == [
        "acme  jobs: 1,200 read, 3 inserted, 1,197 unchanged",
        "acme  calls: nothing; calls: [red]page 3[/] is not JSON",
        "bell  cannot read it",
    ]


@pytest.mark.parametrize("width", [40, 62, 64, 65, 120])
def test_a_plan_looks_like_a_table_of_its_rows_in_every_terminal(width: int) -> None:
    rows = [
        (str(number), f"company-{number}", str(9**number), f"project-of-{number}", f"{number} min 05 s")
        for number in range(12)
    ]
    plain = Table("task", "company", "tenant", "project", "expected")
    for row in rows:
        plain.add_row(*row)
    console = Console(width=width)
    with console.capture() as expected:
        console.print(plain)
    with console.capture() as captured:
        console.print(plan_table(rows, width))
    assert captured.get() == expected.get()
