"""Reporting API: the reports that exist. The setting `reports` reads their rows."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, StreamSpec

STREAMS = (
    StreamSpec(
        name="report_categories",
        list_path="/reporting/v2/tenant/{tenant}/report-categories",
        cursor=None,
    ),
    # A report may be in several categories.
    StreamSpec(
        name="reports",
        list_path="/reporting/v2/tenant/{tenant}/report-category/{report_category}/reports",
        key=("reportCategoryId", "id"),
        cursor=None,
        parent=Parent(stream="report_categories", placeholder="report_category", field="reportCategoryId"),
    ),
)
