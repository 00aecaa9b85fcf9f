"""Reports over HTTP: their descriptions, their rows, and the values that their parameters take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.report import DAY, FIELDS, HEAD, ArgumentsError, Report
from servicetitan_sandbox.servicetitan.http.page import Page, flag, whole_number
from servicetitan_sandbox.servicetitan.http.problems import Problem, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicetitan_sandbox.models import ReportChange
    from servicetitan_sandbox.servicetitan.data.table import Table
    from servicetitan_sandbox.servicetitan.http.call import Call
    from servicetitan_sandbox.servicetitan.state import Company

REPORTS = "reporting_report_category_reports"

_PAGES = range(1, 2**31)
_SETS = {"business-units": "business_units", "technicians": "technicians"}


class Runs:
    """When each report last ran, and how reports were changed. Every other report is asked for days.

    Args:
        seconds: How long the same report does not run again.
        count_pages: Whether every page is a run, or only the first one.
    """

    def __init__(self, seconds: float, *, count_pages: bool) -> None:
        self._seconds = seconds
        self._count_pages = count_pages
        self._started: dict[int, float] = {}
        self._changes: dict[int, ReportChange] = {}
        self._modified: dict[int, int] = {}

    def count(self, report: int, page: int) -> None:
        """Count a request for a page of a report.

        Raises:
            Problem: 429 if the report ran a short time ago.
        """
        if page > 1 and not self._count_pages:
            return
        now = time.monotonic()
        wait = self._started.get(report, -self._seconds) + self._seconds - now
        if wait > 0:
            seconds = int(wait) + 1
            raise Problem(
                429, f"Rate limit is exceeded. Try again in {seconds} seconds.", headers={"Retry-After": str(seconds)}
            )
        self._started[report] = now

    def change(self, report: int, change: ReportChange, now: int) -> None:
        """Let a report have other fields or other rows from now (ticks) on."""
        self._changes[report] = change
        self._modified[report] = now

    def report(self, company: Company, identifier: int) -> Report:
        """Return a report as it is now."""
        by_day = sorted(company.table(REPORTS).identifiers()).index(identifier) % 2 == 0
        change = self._changes.get(identifier)
        fields = change.fields if change and change.fields is not None else (DAY, *FIELDS) if by_day else FIELDS
        key = f"{company.tenant.seed}/{company.tenant.tenant_id}/{identifier}/{change.seed if change else 0}"
        return Report(key, tuple(fields), by_day, company.table("business_units").identifiers())

    def modified(self, table: Table, report: int) -> int:
        """Return when a report's description was last changed, in ticks."""
        return self._modified.get(report, table.state(report).modified)


def describe(company: Company, report: int) -> Page:
    """Return the description of a report."""
    table = company.table(REPORTS)
    described = company.runs.report(company, report)
    extra = {
        "modifiedOn": ticks.to_text(company.runs.modified(table, report)),
        "parameters": described.parameters(),
        "fields": [field.model_dump() for field in described.fields],
    }
    return Page(None, head=table.record(report) | extra)


def run(company: Company, call: Call, report: int) -> Page:
    """Return a page of a report's rows.

    Raises:
        Problem: If the request is wrong, or the report ran a short time ago.
    """
    number = whole_number(call.query, "page", 1, _PAGES)
    described = company.runs.report(company, report)
    arguments = _arguments(call.body)
    company.runs.count(report, number)
    try:
        rows = described.rows(arguments)
    except ArgumentsError as error:
        raise Problem(400, "One or more validation errors occurred.", error.errors) from None
    head = [{"name": field.name, "label": field.label} for field in described.fields]
    return _page(call.query, rows, head, default=1000, most=25_000)


def values(company: Company, call: Call) -> Page:
    """Return a page of the values that a parameter takes.

    Raises:
        Problem: 404 if there is no such set of values.
    """
    name = _SETS.get(call.parents[0])
    if name is None:
        raise Problem(404, "There is no such dynamic set.")
    table = company.table(name)
    rows = [[identifier, table.record(identifier).get("name")] for identifier in sorted(table.identifiers())]
    return _page(call.query, rows, HEAD, default=50, most=5000)


def _arguments(body: bytes) -> dict[str, Any]:
    """Return the values of parameters by name: `{"parameters": [{"name": ..., "value": ...}]}`.

    Raises:
        Problem: If the body is anything else.
    """
    try:
        return {each["name"]: each.get("value") for each in exact_json.loads(body)["parameters"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise invalid("parameters", "The body must have a list of names and values.") from None


def _page(
    query: Mapping[str, str],
    rows: Sequence[Sequence[object]],
    fields: Sequence[Mapping[str, str]],
    *,
    default: int,
    most: int,
) -> Page:
    number = whole_number(query, "page", 1, _PAGES)
    size = whole_number(query, "pageSize", default, range(1, most + 1))
    head = {
        "page": number,
        "pageSize": size,
        "hasMore": number * size < len(rows),
        "totalCount": len(rows) if flag(query, "includeTotal") else None,
        "fields": fields,
    }
    return Page([exact_json.dumps(row) for row in rows[(number - 1) * size : number * size]], head=head)
