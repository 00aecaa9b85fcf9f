"""Which paths the API has, and which query parameters each of them documents.

A new endpoint is a row here; its records come from the JSON Schema that bears the stream's name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

TENANT = re.compile(r"(?<=/tenant/)[^/]+")
"""Finds the tenant in a path."""

_PAGING = frozenset({"page", "pageSize", "includeTotal"})
_TIMES = frozenset({"createdOnOrAfter", "createdBefore", "modifiedOnOrAfter", "modifiedBefore"})
_COMMON = _PAGING | _TIMES | {"active"}
_FEED = frozenset({"from", "includeRecentChanges"})
_ORDER = frozenset({"orderBy", "orderByDirection"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path that hands out one stream's records.

    Attributes:
        stream: Name of the stream, and of its schema.
        kind: A list that is paged by number, or an export feed.
        path: The path, with `{tenant}` in it.
        parameters: Query parameters that the sandbox does as documented.
        ignored: Further documented parameters, which the sandbox refuses.
        sortable: Properties that the list can be ordered by.
    """

    stream: str
    kind: Literal["list", "feed"]
    path: str
    parameters: frozenset[str] = _FEED
    ignored: frozenset[str] = frozenset()
    sortable: frozenset[str] = frozenset()


def _endpoints(  # noqa: PLR0913 - a row of a table
    stream: str,
    module: str,
    entity: str,
    *,
    parameters: frozenset[str],
    ignored: str = "",
    sortable: str = "",
    feed: bool = True,
) -> tuple[Endpoint, ...]:
    base = f"/{module}/v2/tenant/{{tenant}}"
    a_list = Endpoint(
        stream, "list", f"{base}/{entity}", parameters, frozenset(ignored.split()), frozenset(sortable.split())
    )
    return (a_list, Endpoint(stream, "feed", f"{base}/export/{entity}")) if feed else (a_list,)


ENDPOINTS: Mapping[str, Endpoint] = {
    endpoint.path: endpoint
    for endpoint in (
        *_endpoints(
            "business_units",
            "settings",
            "business-units",
            parameters=_COMMON | {"ids"},
            ignored="name externalDataApplicationGuid",
        ),
        *_endpoints(
            "job_types",
            "jpm",
            "job-types",
            parameters=_COMMON | _ORDER | {"ids"},
            ignored="name minDuration maxDuration priority externalDataApplicationGuid",
            sortable="id createdOn modifiedOn",
            feed=False,
        ),
        *_endpoints("technicians", "settings", "technicians", parameters=_COMMON | {"ids"}, ignored="userIds name"),
        *_endpoints("employees", "settings", "employees", parameters=_COMMON | {"ids"}, ignored="userIds name email"),
        *_endpoints(
            "campaigns",
            "marketing",
            "campaigns",
            parameters=_COMMON | {"ids", "sort"},
            ignored="name campaignPhoneNumber",
            sortable="id name createdOn modifiedOn",
            feed=False,
        ),
        *_endpoints(
            "activities",
            "timesheets",
            "activities",
            parameters=_COMMON | {"sort"},
            sortable="id createdOn modifiedOn",
        ),
        *_endpoints(
            "timesheets",
            "payroll",
            "jobs/timesheets",
            parameters=_COMMON | {"sort"},
            ignored="jobIds technicianId startedOn endedOn",
            sortable="id createdOn modifiedOn",
        ),
    )
}
"""Every endpoint, by its path."""

STREAMS: tuple[str, ...] = tuple(dict.fromkeys(endpoint.stream for endpoint in ENDPOINTS.values()))
"""The names of all streams."""

REFERENCES: Mapping[str, str] = {
    "businessUnitId": "business_units",
    "businessUnitIds": "business_units",
    "employeeId": "employees",
    "managerId": "employees",
    "modifiedById": "employees",
    "technicianId": "technicians",
}
"""Properties that hold ids of another stream."""


@cache
def schema(stream: str) -> dict[str, Any]:
    """Return a stream's JSON Schema: the one that the tap declares.

    Raises:
        FileNotFoundError: If the tap has no such stream.
    """
    text = (resources.files("tap_servicetitan") / "schemas" / f"{stream}.json").read_text(encoding="utf-8")
    result: dict[str, Any] = json.loads(text)
    return result
