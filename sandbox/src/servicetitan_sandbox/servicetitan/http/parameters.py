"""Checks the query parameters of a request against the endpoint's documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.http.problems import Problem
from servicetitan_sandbox.servicetitan.spec.documents import FILTERED_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from servicetitan_sandbox.servicetitan.spec.endpoints import Endpoint

_PAGING = {"page", "pageSize", "includeTotal"}
_TIMES = {
    "createdAfter",
    "createdBefore",
    "createdOnOrAfter",
    "fromUtc",
    "modifiedAfter",
    "modifiedBefore",
    "modifiedOnOrAfter",
    "modifiedOnOrBefore",
    "sessionCreatedBefore",
    "sessionCreatedOnOrAfter",
    "toUtc",
}
_STATE = {"active", "activeOnly", "activeState", "includeInactive"}
_ORDER = {"sort", "orderBy", "orderByDirection", "sortBy", "descending"}
_FEED = {"from", "includeRecentChanges"}
_ALWAYS_COMPLETE = {
    "calculatePrices",
    "genPermUrl",
    "includeChildren",
    "includeDiscounts",
    "includeDurationBilling",
    "includeRecurringServices",
    "includeReviewsWithoutCampaign",
    "includeReviewsWithoutLocation",
    "includeReviewsWithoutTechnician",
    "includeSubtasks",
    "includeTags",
    "includeTechnicians",
}
"""Parameters that ask for more records or more fields. They change nothing here: every list is always complete."""

_ALL = {"employeeType": "All", "empty": "Include", "status": "Any"}
"""Filters of which only one value is implemented: the one that omits nothing."""

_IMPLEMENTED = (
    _PAGING
    | _TIMES
    | _STATE
    | _ORDER
    | _FEED
    | _ALWAYS_COMPLETE
    | {"ids", "performanceSegmentationType", *FILTERED_FIELDS}
)


def find_undocumented(endpoint: Endpoint, query: Mapping[str, str]) -> list[str]:
    """Return the names of parameters that the endpoint does not document."""
    return sorted(query.keys() - endpoint.query.keys())


def find_missing(endpoint: Endpoint, query: Mapping[str, str]) -> list[str]:
    """Return the names of required parameters that are not given."""
    return sorted(name for name, facts in endpoint.query.items() if facts.get("required") and name not in query)


def check(endpoint: Endpoint, query: Mapping[str, str]) -> None:
    """Check the parameters of a request.

    Raises:
        Problem: 400 if a parameter is undocumented, missing or has an invalid value; 501 if the sandbox does not
            implement it.
    """
    errors = {name: ["There is no such parameter."] for name in find_undocumented(endpoint, query)}
    errors |= {name: ["The parameter is required."] for name in find_missing(endpoint, query)}
    for name, text in query.items():
        if name not in errors and not _fits(endpoint.query[name], text):
            errors[name] = [f"The value '{text}' is not valid."]
    if errors:
        raise Problem(400, "One or more validation errors occurred.", errors)
    if refused := {name for name, value in query.items() if name not in _IMPLEMENTED and _ALL.get(name) != value}:
        raise Problem(501, f"The sandbox does not filter by {', '.join(sorted(refused))}.")


def _fits(facts: Mapping[str, Any], text: str) -> bool:
    if "enum" in facts:
        return text.lower() in {str(value).lower() for value in facts["enum"]}
    test = _TESTS.get(facts.get("format", "")) or _TESTS.get(facts.get("type", ""))
    return test is None or test(text)


def _is_time(text: str) -> bool:
    try:
        ticks.from_text(text)
    except ValueError:
        return False
    return True


_TESTS: Mapping[str, Callable[[str], bool]] = {
    "boolean": lambda text: text.lower() in {"true", "false"},
    "date-time": _is_time,
    "integer": lambda text: text.removeprefix("-").isdecimal(),
}
