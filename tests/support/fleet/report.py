"""Renders the report of an invented fleet, for tests of the page."""

from __future__ import annotations

import datetime as dt

from servicetitan_fleet.health.freshness import assess_company
from servicetitan_fleet.report.page import PageContext, render_page
from support.fleet.evidence import fleet

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
COMPANIES, STREAMS = 10, 40
CONTEXT = PageContext(now=NOW, max_age_hours=8, options=["--environment", "pro", "--storage", "gs://a bucket/x"])


def page(companies: int = COMPANIES) -> str:
    """Render the report of a fleet."""
    statuses = [assess_company(found, NOW, dt.timedelta(hours=8)) for found in fleet(NOW, companies, STREAMS)]
    return render_page(statuses, CONTEXT)
