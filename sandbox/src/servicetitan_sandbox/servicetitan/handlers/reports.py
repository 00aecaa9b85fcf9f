"""Reports: their descriptions, their rows, and the values that their parameters take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.errors import ArgumentsError
from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.report import VALUE_FIELDS
from servicetitan_sandbox.servicetitan.http.page import Page, flag, whole_number
from servicetitan_sandbox.servicetitan.http.problems import Problem, invalid
from servicetitan_sandbox.servicetitan.spec.endpoints import REPORTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicetitan_sandbox.servicetitan.http.call import Call
    from servicetitan_sandbox.servicetitan.state import Company

_PAGES = range(1, 2**31)
_VALUE_SETS = {"business-units": "business_units", "technicians": "technicians"}
"""The entity of each set of values, by the set's id."""


def describe(company: Company, identifier: int) -> Page:
    """Return the description of a report."""
    report = company.report(identifier)
    extra = {
        "modifiedOn": ticks.to_text(company.report_modified(identifier)),
        "parameters": report.parameters(),
        "fields": [field.model_dump() for field in report.fields],
    }
    return Page(None, head=company.table(REPORTS).record(identifier) | extra)


def run(company: Company, call: Call, identifier: int) -> Page:
    """Return a page of a report's rows.

    Raises:
        Problem: If the request is wrong, or the report ran too short a time ago.
    """
    number = whole_number(call.query, "page", 1, _PAGES)
    report = company.report(identifier)
    arguments = _arguments(call.body)
    company.report_runs.count(identifier, number)
    try:
        rows = report.rows(arguments)
    except ArgumentsError as error:
        raise Problem(400, "One or more validation errors occurred.", error.errors) from None
    fields = [{"name": field.name, "label": field.label} for field in report.fields]
    return _page(call.query, rows, fields, default=1000, most=25_000)


def values(company: Company, call: Call) -> Page:
    """Return a page of the values that a parameter takes.

    Raises:
        Problem: 404 if there is no such set of values.
    """
    name = _VALUE_SETS.get(call.parents[0])
    if name is None:
        raise Problem(404, "There is no such dynamic set.")
    table = company.table(name)
    rows = [[identifier, table.record(identifier).get("name")] for identifier in sorted(table.identifiers())]
    return _page(call.query, rows, VALUE_FIELDS, default=50, most=5000)


def _arguments(body: bytes) -> dict[str, Any]:
    """Return the arguments of a run by name, from `{"parameters": [{"name": ..., "value": ...}]}`.

    Raises:
        Problem: If the body is anything else.
    """
    try:
        return {argument["name"]: argument.get("value") for argument in exact_json.loads(body)["parameters"]}
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
