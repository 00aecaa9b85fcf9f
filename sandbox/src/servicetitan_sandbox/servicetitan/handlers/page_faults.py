"""Faults that change a page instead of refusing it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.servicetitan.http.feed_tokens import renew_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_sandbox.models import Fault
    from servicetitan_sandbox.servicetitan.http.page import Page
    from servicetitan_sandbox.servicetitan.spec.endpoints import Endpoint
    from servicetitan_sandbox.servicetitan.state import Company

_UNKNOWN_FIELD = "novelty"
"""Name of the undocumented field when a fault does not give one."""


def apply_fault(company: Company, endpoint: Endpoint, page: Page, fault: Fault | None) -> Page:
    """Return the page with the fault in it.

    Args:
        company: The company that owns the records.
        endpoint: The endpoint that was called.
        page: The page without the fault.
        fault: The fault, if there is one.
    """
    if fault is None:
        return page
    if fault.kind == "shift" and page.identifiers:
        # Every record of the following pages moves up by one, so the reader never sees the first of the next page.
        company.table(endpoint.entity).delete(page.identifiers[0])
    change = _CHANGES.get(fault.kind)
    return change(page, fault) if change else page


def _wrong_type(page: Page, fault: Fault) -> Page:
    return page.change_records(lambda record: _change_field(record, fault.field or "", _change_type))


def _null_field(page: Page, fault: Fault) -> Page:
    first = replace(page, records=(page.records or ())[:1])
    changed = first.change_records(lambda record: _change_field(record, fault.field or "", lambda _: None))
    return replace(page, records=[*(changed.records or ()), *(page.records or ())[1:]])


def _unknown_field(page: Page, fault: Fault) -> Page:
    field = fault.field or _UNKNOWN_FIELD
    return page.change_records(lambda record: _add_field(record, field, {"since": 2026, "of": ["x"]}))


def _moving_feed(page: Page) -> Page:
    """Return the page with a token that no page has had before. It stands for the same position."""
    if page.head is None or "continueFrom" not in page.head:
        return page
    return replace(page, head={**page.head, "continueFrom": renew_token(str(page.head["continueFrom"]))})


_CHANGES: dict[str, Callable[[Page, Fault], Page]] = {
    "endless_feed": lambda page, _: page.with_more(),
    "null_field": _null_field,
    "moving_feed": lambda page, _: _moving_feed(page.with_more()),
    "unknown_field": _unknown_field,
    "wrong_type": _wrong_type,
}


def _change_type(value: object) -> object:
    """Return a number or boolean as text and a text as a number. Other values stay as they are."""
    if isinstance(value, str):
        return len(value)
    return exact_json.dumps(value).decode() if isinstance(value, bool | int | Decimal) else value


def _change_field(record: object, field: str, change: Callable[[object], object]) -> None:
    *outer, name = field.split(".")
    for container in _objects(record, outer):
        if name in container:
            container[name] = change(container[name])


def _add_field(record: object, field: str, value: object) -> None:
    *outer, name = field.split(".")
    for container in _objects(record, outer):
        container[name] = value


def _objects(value: object, names: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects at the end of a path of field names. Arrays on the way are searched, too."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, names)
    elif isinstance(value, dict):
        if names:
            yield from _objects(value.get(names[0]), names[1:])
        else:
            yield value
