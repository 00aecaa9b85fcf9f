"""The pages of a large fleet: an overview that stays small, and a page for each company."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from servicetitan_fleet.cli.pages import write_pages
from servicetitan_fleet.health.freshness import assess_company
from servicetitan_fleet.health.refused import refused_status
from servicetitan_fleet.registry.entries import BadEntry
from servicetitan_fleet.report.page import MOST_ISSUES
from servicetitan_fleet.report.strip import RUN_CLASSES
from support.fleet.evidence import HOSTILE, fleet
from support.fleet.html import PARTS_OF_THE_PAGE, Page
from support.fleet.report import CONTEXT, NOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servicetitan_fleet.health.freshness import CompanyStatus

STREAMS = 5


def statuses(companies: int) -> Iterator[CompanyStatus]:
    """Yield the states of a fleet, and of one company that the registry refuses."""
    yield refused_status(BadEntry(place="company 0", company_id="../odd", reason="missing field `tenant_id`"))
    for found in fleet(NOW, companies, STREAMS):
        yield assess_company(found, NOW, dt.timedelta(hours=8))


def test_each_company_has_a_page_and_the_overview_a_line_of_it(tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    old = tmp_path / "report.companies/company-99.html"
    old.parent.mkdir()
    old.write_text("of a company that is gone")
    summaries = write_pages(output, statuses(60), CONTEXT)

    assert len(summaries) == 61
    pages = sorted(path.name for path in old.parent.iterdir())
    assert pages == sorted(f"company-{number:02}.html" for number in range(1, 61))
    found = Page(output.read_text())
    assert found.unbalanced == []
    assert found.tags.keys() <= PARTS_OF_THE_PAGE
    assert found.text.count(HOSTILE) == 2  # a reason and an error: the name is on its own page
    assert "61 companies ✓ 55 fresh ! 3 stale ✗ 2 failed ? 1 unreadable" in found.text
    assert "company-03 ✗ failed 14 h ago" in found.text
    assert "company-10 ! stale 14 h ago" in found.text
    # A strip of eight runs for each company but the refused one, the unreadable one and the new one; and the legend.
    cells = [value for name, value in found.attributes if name == "title" and value.startswith("02-2")]
    cells += [value for name, value in found.attributes if name == "title" and value.startswith("03-0")]
    assert len(cells) == 58 * 8
    assert found.tags["i"] == 58 * 8 + len(RUN_CLASSES)
    assert not any(HOSTILE in cell for cell in cells)
    assert sum(" failed, " in cell for cell in cells) == 2
    links = [value for name, value in found.attributes if name == "href"]
    assert "report.companies/company-03.html" in links
    assert all((tmp_path / link).is_file() for link in links if link)
    assert not any("odd" in link for link in links)

    failing = Page((old.parent / "company-03.html").read_text())
    assert failing.unbalanced == []
    assert HOSTILE in failing.text
    assert failing.tags["script"] == 0
    assert failing.tags["svg"] == 4
    assert "orchestrate-etl run --company company-03" in failing.text
    assert failing.tags["tr"] == 1 + STREAMS - 3 % 4


def test_the_overview_shows_the_troubles_of_so_many_and_counts_the_others(tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    stale = (
        assess_company(found, NOW + dt.timedelta(days=2), dt.timedelta(hours=8)) for found in fleet(NOW, 130, STREAMS)
    )
    write_pages(output, stale, CONTEXT)
    found = Page(output.read_text())
    assert found.tags["article"] == MOST_ISSUES
    assert "And 30 companies more, each with a page below." in found.text
