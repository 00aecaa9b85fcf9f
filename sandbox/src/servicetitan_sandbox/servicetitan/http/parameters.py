"""Which query parameters an endpoint understands, and whether their values can be right."""

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
"""Parameters that ask for more records, or for more of each: here every list and every record has everything."""

_ALL = {"employeeType": "All", "empty": "Include", "status": "Any"}
"""Filters that are modelled for one value only, the one that leaves nothing out."""

_MODELLED = (
    _PAGING
    | _TIMES
    | _STATE
    | _ORDER
    | _FEED
    | _ALWAYS_COMPLETE
    | {"ids", "performanceSegmentationType", *FILTERED_FIELDS}
)


def undocumented(endpoint: Endpoint, query: Mapping[str, str]) -> list[str]:
    """Return the names of parameters that the endpoint does not document."""
    return sorted(query.keys() - endpoint.query.keys())


def missing(endpoint: Endpoint, query: Mapping[str, str]) -> list[str]:
    """Return the names of parameters that the endpoint requires and that are not given."""
    return sorted(name for name, facts in endpoint.query.items() if facts.get("required") and name not in query)


def check(endpoint: Endpoint, query: Mapping[str, str]) -> None:
    """Check the parameters of a request.

    Raises:
        Problem: 400 if one is not documented, is missing or cannot have its value; 501 if it is not modelled here.
    """
    errors = {name: ["There is no such parameter."] for name in undocumented(endpoint, query)}
    errors |= {name: ["The parameter is required."] for name in missing(endpoint, query)}
    for name, text in query.items():
        if name not in errors and not _fits(endpoint.query[name], text):
            errors[name] = [f"The value '{text}' is not valid."]
    if errors:
        raise Problem(400, "One or more validation errors occurred.", errors)
    if refused := {name for name, value in query.items() if name not in _MODELLED and _ALL.get(name) != value}:
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
