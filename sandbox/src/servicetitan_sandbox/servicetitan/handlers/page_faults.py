"""Faults that change a page instead of refusing it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.servicetitan.handlers import feeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_sandbox.models import Fault
    from servicetitan_sandbox.servicetitan.http.page import Page
    from servicetitan_sandbox.servicetitan.spec.endpoints import Endpoint
    from servicetitan_sandbox.servicetitan.state import Company

_NOVELTY = "novelty"
"""The field that no document knows, when a fault does not name one."""


def disturb(company: Company, endpoint: Endpoint, page: Page, fault: Fault | None) -> Page:
    """Return the page as the fault leaves it.

    Args:
        company: Whose data it is.
        endpoint: What was asked.
        page: The page.
        fault: The fault, if there is one.
    """
    if fault is None:
        return page
    if fault.kind == "shift" and page.identifiers:
        # Every row of the following pages moves up by one, so that the first of the next page is never seen.
        company.table(endpoint.entity).delete(page.identifiers[0])
    change = _CHANGES.get(fault.kind)
    return change(page, fault) if change else page


def _wrong_type(page: Page, fault: Fault) -> Page:
    return page.changed(lambda record: _set_everywhere(record, fault.field or "", _of_another_type))


def _unknown_field(page: Page, fault: Fault) -> Page:
    return page.changed(lambda record: _add_everywhere(record, fault.field or _NOVELTY, {"since": 2026, "of": ["x"]}))


_CHANGES: dict[str, Callable[[Page, Fault], Page]] = {
    "endless_feed": lambda page, _: page.endless(),
    "moving_feed": lambda page, _: feeds.moving(page.endless()),
    "unknown_field": _unknown_field,
    "wrong_type": _wrong_type,
}


def _of_another_type(value: object) -> object:
    """Return a number or boolean as text, a text as a number, and what has no other form as it is."""
    if isinstance(value, str):
        return len(value)
    return exact_json.dumps(value).decode() if isinstance(value, bool | int | Decimal) else value


def _set_everywhere(record: object, field: str, change: Callable[[object], object]) -> None:
    *outer, name = field.split(".")
    for place in _objects(record, outer):
        if name in place:
            place[name] = change(place[name])


def _add_everywhere(record: object, field: str, value: object) -> None:
    *outer, name = field.split(".")
    for place in _objects(record, outer):
        place[name] = value


def _objects(value: object, names: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects at the end of a path of names, also those in arrays on the way."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, names)
    elif isinstance(value, dict):
        if names:
            yield from _objects(value.get(names[0]), names[1:])
        else:
            yield value
