"""The text and the structure of the report, and that hostile text stays text."""

from __future__ import annotations

import dataclasses
import datetime as dt

from servicetitan_fleet.health.evidence import RunSum
from servicetitan_fleet.health.freshness import assess_company
from servicetitan_fleet.report.page import render_page
from servicetitan_fleet.state.cloud_run import parse_job
from servicetitan_fleet.state.company_record import CompanyRecord, RunStatus
from support.fleet.evidence import HOSTILE, fleet
from support.fleet.html import PARTS_OF_THE_PAGE, Page
from support.fleet.report import COMPANIES, CONTEXT, NOW, STREAMS, page
from support.fleet.statuses import GOOD, assess, fleet_run, hours_ago


def test_the_page_shows_every_fact_and_hostile_text_stays_text() -> None:
    found = Page(page())
    assert found.unbalanced == []
    assert found.tags.keys() <= PARTS_OF_THE_PAGE
    # The page loads nothing and runs nothing: no address, no handler, no inline style.
    assert {name for name, _ in found.attributes if name.startswith("on") or name in ("src", "style")} == set()
    assert all(value.startswith("#") for name, value in found.attributes if name == "href")
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes

    # The hostile text: an error, once, and a company's name in the troubles and at its charts.
    assert found.text.count(HOSTILE) == 3
    assert "10 companies ✓ 5 fresh ! 3 stale ✗ 1 failed ? 1 unreadable" in found.text
    assert found.tags["article"] == 5
    assert "cannot read `project-5.management.etl_logs`: 403 Access Denied" in found.text
    command = "orchestrate-etl run --company company-03 --environment pro --storage 'gs://a bucket/x'"
    assert command in found.text
    assert "orchestrate-etl check --company company-05" in found.text
    # In the matrix every stream of every company is a cell, and the company itself one more; six are about its runs.
    assert found.tags["td"] == COMPANIES * (STREAMS + 1 + 6)
    assert found.text.count("✗ 14 h") == 2
    assert "company-05 Company 5 ? unreadable last good run: never cannot" in found.text
    assert "company-07 Company 7 ! stale last good run: 40 h ago" in found.text
    titles = [value for name, value in found.attributes if name == "title"]
    assert any(title.startswith("stream_number_000: failed: <script>") for title in titles)


def test_a_stream_that_was_not_read_in_the_last_run_is_never_a_tick() -> None:
    found = Page(page())
    titles = {value.partition(". Last run")[0]: value for name, value in found.attributes if name == "title"}
    for title in (
        "stream_number_000: stale: skipped: HTTP 403 (skipped)",
        "stream_number_001: stale: incomplete: HTTP 403 (incomplete)",
        "stream_number_000: not available: HTTP 403 (not available)",
    ):
        assert title in titles
    # Signs and words tell the cells apart, not colours alone.
    assert "✓ fresh ! stale ✗ failed ? unreadable ○ not available - not selected" in found.text
    assert "⊘ skipped in the last run, so stale ◐ incomplete in the last run, so stale" in found.text
    row = found.text.partition("company-10 ! 14 h ")[2]
    assert row.startswith("⊘ 14 h ◐ 14 h ✓ 2 h")
    assert "company-08 ✓ 2 h ○ ✓ 2 h" in found.text
    assert "1 not available" in found.text
    assert any("; incomplete: stream_number_001; skipped: stream_number_000" in title for title in found.pieces)


def test_a_healthy_fleet_needs_no_attention() -> None:
    found = Page(page(2))
    assert "2 companies ✓ 2 fresh Streams: 77 fresh." in found.text
    assert "Nothing. All data is fresh." in found.text
    assert found.tags["article"] == 0
    assert Page(page(0)).text.startswith("Fleet, 2026-03-01 12:00 UTC The fleet")


def test_every_run_is_in_the_strip_and_in_every_chart_also_one_that_wrote_nothing() -> None:
    (evidence,) = fleet(NOW, 1, 3)
    refused = fleet_run(1, RunStatus.FAILED, reason="the sign-in was refused")
    record = CompanyRecord(runs=(*evidence.record.runs, refused))
    status = assess_company(dataclasses.replace(evidence, record=record), NOW, dt.timedelta(hours=8))
    found = Page(render_page([status], CONTEXT))
    runs = [value for name, value in found.attributes if name == "title" and value.startswith("0")]
    assert len(runs) == 9
    assert runs[-1] == "03-01 10:55 failed, 5 min 00 s: the sign-in was refused"
    charts = [piece for piece in found.pieces if "2026-03-01 10:55 UTC: failed after 5 min 00 s" in piece]
    assert len(charts) == found.tags["svg"] == 4
    assert found.tags["text"] == 4  # the marks
    # Its reason is said once, where it needs attention, and not again at its charts.
    assert found.text.count("the sign-in was refused") == 1
    assert "failed 2026-03-01 10:55 UTC" in found.text


def test_the_page_says_when_the_next_run_is_expected_and_when_it_is_late() -> None:
    assert "Next run: 15:4" in Page(page(2)).text
    late = dataclasses.replace(CONTEXT, every=dt.timedelta(hours=1))
    statuses = [assess_company(found, NOW, dt.timedelta(hours=8)) for found in fleet(NOW, 2, 3)]
    text = Page(render_page(statuses, late)).text
    assert "The next run was expected at 2026-03-01 10:4" in text
    assert "1 h ago, and has not begun" in text
    assert "No company: all data is fresh." in text
    job = parse_job("projects/fleet-pro/locations/us-central1/jobs/etl")
    assert "gcloud scheduler jobs describe etl" in Page(render_page(statuses, dataclasses.replace(late, job=job))).text


def test_the_page_says_what_was_billed_and_where_the_logs_are() -> None:
    text = Page(page(2)).text
    # Eight runs of 39 and 38 streams, each billed the least.
    assert "Billed by BigQuery for the runs shown: $0.04, at $6.25 a TiB." in text
    assert "$0.02 39 fresh" in text
    statuses = [assess_company(found, NOW, dt.timedelta(hours=8)) for found in fleet(NOW, 3, 5)]
    assert "Logs: /var/log/etl." in Page(render_page(statuses, dataclasses.replace(CONTEXT, logs="/var/log/etl"))).text
    job = parse_job("projects/fleet-pro/locations/us-central1/jobs/etl")
    found = Page(render_page(statuses, dataclasses.replace(CONTEXT, job=job)))
    links = [value for name, value in found.attributes if name == "href" and not value.startswith("#")]
    assert len(links) == 1 + 3 + 1  # where it needs attention; the table; the bad runs of one
    assert all(link.startswith("https://console.cloud.google.com/logs/query;query=") for link in links)
    assert all("etl-7" in link for link in links)


def test_what_has_changed_at_the_sources_is_listed_newest_first() -> None:
    assert "Changes of the sources" not in Page(page()).text
    changed = dataclasses.replace(
        assess([GOOD], [fleet_run(2)]),
        history=[
            RunSum(started=hours_ago(8), changes={"jobs": "new column is_due BOOL", "calls": "<b>x</b>"}),
            RunSum(started=hours_ago(2), changes={"jobs": "no column for the new field fax"}),
        ],
    )
    shown = Page(render_page([changed], CONTEXT)).text.partition("Changes of the sources ")[2]
    assert shown.startswith(
        "acme jobs: no column for the new field fax 2026-03-01 09:55 UTC "
        "acme jobs: new column is_due BOOL 2026-03-01 04:00 UTC acme calls: <b>x</b> 2026-03-01 04:00 UTC"
    )
