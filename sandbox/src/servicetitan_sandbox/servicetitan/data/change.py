"""A change to a record, as a user of ServiceTitan would make it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.generator import OWN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RAISE = Decimal("1.25")
_REMARK = " (changed)"


def make_change(
    schema: Mapping[str, Any], record: Mapping[str, Any], now: int, kept: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the property that changes, with its new value. An amount is preferred, then a name, a time and so on.

    Args:
        schema: The JSON Schema of the record.
        record: The record.
        now: The time of the change, in ticks.
        kept: Properties that identify the record.
    """
    kept = kept.union(OWN_FIELDS)
    properties = {name: field for name, field in schema["properties"].items() if name not in kept}
    for fits, change in _CHANGES:
        for name, field in properties.items():
            if fits(name, field):
                return {name: change(record.get(name), now)}
    return {}


def _is(field: Mapping[str, Any], kind: str) -> bool:
    return kind in field.get("type", ())


_CHANGES: tuple[tuple[Callable[[str, Any], bool], Callable[[Any, int], object]], ...] = (
    (lambda _, field: field.get("format") == "decimal", lambda old, _: (old or 0) + _RAISE),
    (lambda name, _: name in {"name", "memo"}, lambda old, _: (old or "") + _REMARK),
    (lambda _, field: field.get("format") == "date-time", lambda _, now: ticks.to_text(now)),
    (
        lambda _, field: _is(field, "string") and not field.keys() & {"format", "examples"},
        lambda old, _: (old or "") + _REMARK,
    ),
    (lambda _, field: _is(field, "number"), lambda old, _: (old or 0) + 1),
    (lambda _, field: _is(field, "boolean"), lambda old, _: not old),
    (lambda _, field: _is(field, "integer"), lambda old, _: (old or 0) + 1),
)
"""Which properties can change, the preferred ones first, and how."""
