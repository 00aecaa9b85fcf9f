"""Lists: one numbered page, or all records where a list has no pages."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.errors import UnknownRecordError
from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.list_order import place
from servicetitan_sandbox.servicetitan.http.page import Page, flag, whole_number
from servicetitan_sandbox.servicetitan.http.problems import Problem, invalid
from servicetitan_sandbox.servicetitan.spec.documents import FILTERED_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from servicetitan_sandbox.models import ListOrder, PageCap, Tenant
    from servicetitan_sandbox.servicetitan.data.table import RecordState, Table
    from servicetitan_sandbox.servicetitan.spec.endpoints import Endpoint
    from servicetitan_sandbox.servicetitan.state import Company

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE = 5000
MOST_IDS = 50

_PAGES = range(1, 2**31)
_ANY_TIME = range(1 - sys.maxsize, sys.maxsize)
_ACTIVE = {"true": True, "false": False, "any": None}
_STATES = {"activeonly": True, "inactiveonly": False, "all": None}
_USUAL_ORDERS = ("id", "createdOn", "modifiedOn")
_DIRECTIONS = {"asc": False, "ascending": False, "desc": True, "descending": True}


@dataclass(frozen=True, slots=True)
class Selection:
    """The filters and the order of a list.

    Attributes:
        parent: The id of the parent; None for all parents.
        active: The value of `active`; None for both.
        ids: The ids to look up; None for all.
        created: When records were created, in ticks.
        modified: When records were last changed, in ticks; None for any time, also none at all.
        values: Required values, by property.
        orders: Properties to order by, the most important first, each with True for descending.
        order: The order that the tenant's lists have.
    """

    parent: int | None
    active: bool | None
    ids: frozenset[int] | None
    created: range
    modified: range | None
    values: tuple[tuple[str, str], ...]
    orders: tuple[tuple[str, bool], ...]
    order: ListOrder

    def has(self, state: RecordState) -> bool:
        """Return whether the filters accept a record with this state."""
        in_time = self.modified is None or (state.modified is not None and state.modified in self.modified)
        return self.active in {None, state.active} and state.created in self.created and in_time


def page(
    company: Company, endpoint: Endpoint, query: Mapping[str, str], parent: int | None = None, *, back: int = 0
) -> Page:
    """Return the page that the query asks for.

    Args:
        company: The company that owns the records.
        endpoint: The list, with its response format and the fields it can be sorted by.
        query: The query parameters.
        parent: The id of the parent; None for all parents.
        back: Shift the records by this many pages towards the start.

    Raises:
        Problem: If a parameter is wrong.
    """
    table, tenant = company.table(endpoint.entity), company.tenant
    _check_period(query, tenant.longest_period_days)
    selection = _selection(table, endpoint, _heeded(query, tenant), parent, tenant.order)
    # A parent's list is short. If it were remembered, a round of them would push out the long lists.
    select = _remembered if parent is None else _select
    identifiers = select(table, table.version, selection)
    number = whole_number(query, "page", 1, _PAGES)
    # An answer that does not say whether there is more has to be whole.
    documented = endpoint.query.get("pageSize", {}).get("most", LARGEST_PAGE)
    cap = company.page_cap(endpoint.entity) if endpoint.response_format == "pages" else None
    size, most = _sizes(query, cap, documented)
    if "page" not in endpoint.query:
        number, size, most = 1, max(len(identifiers), 1), None
    first = max(number - 1 - back, 0) * size
    chosen = identifiers[first : first + size][:most]
    head: dict[str, object] = {
        "page": number,
        "pageSize": size,
        "hasMore": number * size < len(identifiers),
        "totalCount": len(identifiers) if flag(query, "includeTotal") and not tenant.omits_total else None,
    }
    heads = {"pages": head, "data": {}, "array": None}
    records = [table.encode(identifier, endpoint.hidden) for identifier in chosen]
    return Page(records, chosen, heads[endpoint.response_format])


def _heeded(query: Mapping[str, str], tenant: Tenant) -> Mapping[str, str]:
    """Return the parameters that the tenant's lists do not ignore."""
    ignored = {"createdBefore"} if tenant.ignores_created_before else set()
    ignored |= {"modifiedBefore"} if tenant.ignores_modified_before else set()
    return {name: value for name, value in query.items() if name not in ignored}


def _check_period(query: Mapping[str, str], longest_days: int | None) -> None:
    """Refuse a period that is too long.

    Raises:
        Problem: If it is.
    """
    if longest_days is None or "fromUtc" not in query:
        return
    length = _moment(query, "toUtc", sys.maxsize) - ticks.from_text(query["fromUtc"])
    if length > longest_days * ticks.DAY:
        raise invalid("toUtc", f"The period must not be longer than {longest_days} days.")


def _sizes(query: Mapping[str, str], cap: PageCap | None, documented: int) -> tuple[int, int | None]:
    """Return the size by which pages are cut, and the most records on one; None if it is the same.

    Raises:
        Problem: If the size is invalid, or more than the documents or the cap allow.
    """
    refuses = cap is not None and cap.manner == "refuse"
    allowed = range(1, min(documented, cap.size) + 1) if cap and refuses else range(1, documented + 1)
    size = whole_number(query, "pageSize", min(DEFAULT_PAGE_SIZE, allowed[-1]), allowed)
    if cap is None or refuses:
        return size, None
    if cap.manner == "heavy":
        if size > cap.size:
            raise Problem(504, "")
        return size, None
    return (min(size, cap.size), None) if cap.manner == "silent" else (size, cap.size)


def _select(table: Table, version: int, selection: Selection) -> list[int]:  # noqa: ARG001 - part of the cache's key
    identifiers = table.identifiers(selection.parent)
    if selection.ids is not None:
        identifiers = [identifier for identifier in identifiers if identifier in selection.ids]
    chosen = [identifier for identifier in identifiers if selection.has(table.state(identifier))]
    for name, value in selection.values:
        chosen = [identifier for identifier in chosen if table.record(identifier).get(name) == value]
    # By id first: sorting is stable, so ties in the other orders stay in the order of their ids.
    chosen.sort(key=place(table, selection.order))
    for name, descending in reversed(selection.orders):
        chosen.sort(key=_key(table, name), reverse=descending)
    return chosen


_remembered = lru_cache(maxsize=16)(_select)


def _key(table: Table, order: str) -> Callable[[int], Any]:
    keys: dict[str, Callable[[int], Any]] = {
        "id": lambda identifier: identifier,
        "createdOn": lambda identifier: table.state(identifier).created,
        "modifiedOn": lambda identifier: _comparable(table.state(identifier).modified),
    }
    return keys.get(order) or (lambda identifier: _comparable(table.record(identifier).get(order)))


def _comparable(value: object) -> tuple[bool, object]:
    return value is not None, value


def _selection(
    table: Table, endpoint: Endpoint, query: Mapping[str, str], parent: int | None, order: ListOrder
) -> Selection:
    modified = _between(query, ("modifiedOnOrAfter",), "modifiedAfter", ("modifiedBefore",), "modifiedOnOrBefore")
    orders = _orders(endpoint, query)
    return Selection(
        parent=parent,
        active=_active(endpoint, query),
        ids=_ids(table, query),
        created=_between(query, ("createdOnOrAfter", "fromUtc"), "createdAfter", ("createdBefore", "toUtc"), ""),
        modified=None if modified == _ANY_TIME else modified,
        values=tuple((name, query[name]) for name in FILTERED_FIELDS if name in query),
        orders=orders if order == "as_asked" else (),
        order=order,
    )


def _active(endpoint: Endpoint, query: Mapping[str, str]) -> bool | None:
    """Return the value of `active` to filter by, from whichever parameter the endpoint has for it; None for both."""
    if "active" in endpoint.query:
        return _ACTIVE[query.get("active", endpoint.query["active"].get("default", "True")).lower()]
    if "activeState" in endpoint.query:
        return _STATES[query.get("activeState", "ActiveOnly").lower()]
    if "includeInactive" in endpoint.query:
        return None if flag(query, "includeInactive") else True
    return True if flag(query, "activeOnly") else None


def _ids(table: Table, query: Mapping[str, str]) -> frozenset[int] | None:
    if "ids" not in query:
        return None
    texts = query["ids"].split(",")
    try:
        if len(texts) <= MOST_IDS:
            return frozenset(table.parse(text) for text in texts)
    except UnknownRecordError:
        pass
    raise invalid("ids", f"Up to {MOST_IDS} ids, separated by commas.")


def _between(
    query: Mapping[str, str], from_names: tuple[str, ...], after: str, before_names: tuple[str, ...], until: str
) -> range:
    """Return the range of ticks that the filters by time leave.

    Args:
        query: The query parameters.
        from_names: Parameters with the first moment.
        after: The parameter with the moment before the first.
        before_names: Parameters with the moment after the last.
        until: The parameter with the last moment.
    """
    first = max([_moment(query, name, -sys.maxsize) for name in from_names] + [_moment(query, after, -sys.maxsize) + 1])
    end = min(
        [_moment(query, name, sys.maxsize) for name in before_names] + [_moment(query, until, sys.maxsize - 1) + 1]
    )
    return range(first, end)


def _moment(query: Mapping[str, str], name: str, default: int) -> int:
    return ticks.from_text(query[name]) if name in query else default


def _orders(endpoint: Endpoint, query: Mapping[str, str]) -> tuple[tuple[str, bool], ...]:
    """Return the order that `sort=-Name,+Id`, or another spelling of it, asks for."""
    if "sort" in query:
        return tuple(_order(endpoint.query["sort"]["fields"], text) for text in query["sort"].split(","))
    if "orderBy" in query:
        direction = query.get("orderByDirection", "asc").lower()
        if direction not in _DIRECTIONS:
            raise invalid("orderByDirection", f"The value '{direction}' is not one of {', '.join(_DIRECTIONS)}.")
        return ((_sortable("orderBy", _USUAL_ORDERS, query["orderBy"]), _DIRECTIONS[direction]),)
    if flag(query, "descending"):
        return (("id", True),)
    return ()


def _order(fields: Sequence[str], text: str) -> tuple[str, bool]:
    # A plus sign that was not escaped arrives as a space.
    return _sortable("sort", fields, text.lstrip("+- ")), text.startswith("-")


def _sortable(parameter: str, fields: Sequence[str], text: str) -> str:
    for name in fields:
        if name.lower() == text.lower():
            return name
    raise invalid(parameter, f"Cannot order by '{text}'.")
