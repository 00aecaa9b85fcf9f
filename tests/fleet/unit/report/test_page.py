"""The text and the structure of the report, and that hostile text stays text."""

from __future__ import annotations

from support.fleet.evidence import HOSTILE
from support.fleet.html import PARTS_OF_THE_PAGE, Page
from support.fleet.report import COMPANIES, STREAMS, page


def test_the_page_shows_every_fact_and_hostile_text_stays_text() -> None:
    found = Page(page())
    assert found.unbalanced == []
    assert found.tags.keys() <= PARTS_OF_THE_PAGE
    # The page loads nothing and runs nothing: no address, no handler, no inline style.
    assert {name for name, _ in found.attributes if name.startswith("on") or name in ("src", "style")} == set()
    assert all(value.startswith("#") for name, value in found.attributes if name == "href")
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes

    # The hostile text: a reason, an error and a company's name.
    assert found.text.count(HOSTILE) == 3
    assert "10 companies ✓ 5 fresh ! 3 stale ✗ 1 failed ? 1 unreadable" in found.text
    assert found.tags["article"] == 5
    assert "cannot read `project-5.management.etl_logs`: 403 Access Denied" in found.text
    command = "orchestrate-etl run --company company-03 --environment pro --storage 'gs://a bucket/x'"
    assert command in found.text
    assert "orchestrate-etl check --company company-05" in found.text
    # Every stream of every company is a cell, and the company itself one more.
    assert found.tags["td"] == COMPANIES * (STREAMS + 1)
    assert found.text.count("✗ 14 h") == 2
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
