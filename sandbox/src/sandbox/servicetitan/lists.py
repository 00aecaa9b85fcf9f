"""Lists that are paged by number."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sandbox.servicetitan import ticks
from sandbox.servicetitan.pages import Page, flag, whole_number
from sandbox.servicetitan.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.servicetitan.endpoints import Endpoint
    from sandbox.servicetitan.table import State, Table

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE = 5000
MOST_IDS = 50

_PAGES = range(1, 2**31)
_PAGE_SIZES = range(1, LARGEST_PAGE + 1)
_ACTIVE = {"true": True, "false": False, "any": None}
_DIRECTIONS = {"asc": False, "ascending": False, "desc": True, "descending": True}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records a list has, and in which order.

    Attributes:
        active: The state that records must have; None for any.
        ids: The ids to look up; None for all.
        created: Records created in this range of ticks.
        modified: Records last changed in this range of ticks.
        order: The property to order by.
        descending: Whether the greatest comes first.
    """

    active: bool | None
    ids: frozenset[int] | None
    created: range
    modified: range
    order: str
    descending: bool

    def has(self, state: State) -> bool:
        """Return whether a record with this state belongs to the list."""
        return self.active in {None, state.active} and state.created in self.created and state.modified in self.modified


def page(table: Table, endpoint: Endpoint, query: Mapping[str, str], *, back: int = 0) -> Page:
    """Return the page that the query asks for.

    Args:
        table: The records.
        endpoint: Tells how the list can be ordered.
        query: The query parameters.
        back: How many pages before the one asked for the records come from.

    Raises:
        Problem: If a parameter is wrong.
    """
    number = whole_number(query, "page", 1, _PAGES)
    size = whole_number(query, "pageSize", DEFAULT_PAGE_SIZE, _PAGE_SIZES)
    identifiers = _select(table, table.version, _selection(endpoint, query))
    first = max(number - 1 - back, 0) * size
    chosen = identifiers[first : first + size]
    head = {
        "page": number,
        "pageSize": size,
        "hasMore": number * size < len(identifiers),
        "totalCount": len(identifiers) if flag(query, "includeTotal") else None,
    }
    return Page([table.encoded(identifier) for identifier in chosen], chosen, head)


@lru_cache(maxsize=16)
def _select(table: Table, version: int, selection: Selection) -> list[int]:  # noqa: ARG001 - part of the cache's key
    identifiers = table.identifiers()
    if selection.ids is not None:
        identifiers = [identifier for identifier in identifiers if identifier in selection.ids]
    chosen = [identifier for identifier in identifiers if selection.has(table.state(identifier))]
    # By id first: the other orders keep it where they do not decide.
    chosen.sort()
    chosen.sort(key=_key(table, selection.order), reverse=selection.descending)
    return chosen


def _key(table: Table, order: str) -> Callable[[int], Any]:
    keys: dict[str, Callable[[int], Any]] = {
        "id": lambda identifier: identifier,
        "createdOn": lambda identifier: table.state(identifier).created,
        "modifiedOn": lambda identifier: table.state(identifier).modified,
        "name": lambda identifier: table.record(identifier).get("name") or "",
    }
    return keys[order]


def _selection(endpoint: Endpoint, query: Mapping[str, str]) -> Selection:
    order, descending = _order(endpoint, query)
    return Selection(
        active=_active(query),
        ids=_ids(query),
        created=_between(query, "createdOnOrAfter", "createdBefore"),
        modified=_between(query, "modifiedOnOrAfter", "modifiedBefore"),
        order=order,
        descending=descending,
    )


def _active(query: Mapping[str, str]) -> bool | None:
    text = query.get("active", "True")
    if text.lower() not in _ACTIVE:
        raise invalid("active", f"The value '{text}' is not one of True, Any, False.")
    return _ACTIVE[text.lower()]


def _ids(query: Mapping[str, str]) -> frozenset[int] | None:
    if "ids" not in query:
        return None
    texts = query["ids"].split(",")
    if len(texts) > MOST_IDS or not all(text.strip().isdecimal() for text in texts):
        raise invalid("ids", f"Up to {MOST_IDS} whole numbers, separated by commas.")
    return frozenset(map(int, texts))


def _between(query: Mapping[str, str], first: str, end: str) -> range:
    return range(_moment(query, first, -sys.maxsize), _moment(query, end, sys.maxsize))


def _moment(query: Mapping[str, str], name: str, default: int) -> int:
    if name not in query:
        return default
    try:
        return ticks.from_text(query[name])
    except ValueError:
        raise invalid(name, f"The value '{query[name]}' is not a date-time.") from None


def _order(endpoint: Endpoint, query: Mapping[str, str]) -> tuple[str, bool]:
    """Return the property and whether it descends, from `sort=-Name` or `orderBy` and `orderByDirection`."""
    if "sort" in query and "sort" in endpoint.parameters:
        # A plus sign that was not escaped arrives as a space.
        direction, name = query["sort"][:1], query["sort"].lstrip("+- ")
        return _sortable(endpoint, "sort", name), direction == "-"
    if "orderBy" in query and "orderBy" in endpoint.parameters:
        direction = query.get("orderByDirection", "asc").lower()
        if direction not in _DIRECTIONS:
            raise invalid("orderByDirection", f"The value '{direction}' is not one of {', '.join(_DIRECTIONS)}.")
        return _sortable(endpoint, "orderBy", query["orderBy"]), _DIRECTIONS[direction]
    return "id", False


def _sortable(endpoint: Endpoint, parameter: str, text: str) -> str:
    for name in endpoint.sortable:
        if name.lower() == text.lower():
            return name
    raise invalid(parameter, f"Cannot order by '{text}'.")
