"""A change to a record as its users would make it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.generator import OWN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RAISE = Decimal("1.25")
_REMARK = " (changed)"


def changed(
    schema: Mapping[str, Any], record: Mapping[str, Any], now: int, kept: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the one property that changes, with its new value: an amount, a name or text, a time, or what there is.

    Args:
        schema: The JSON Schema of the record.
        record: The record.
        now: The time of the change, in ticks.
        kept: Properties that say which record it is.
    """
    kept = kept.union(OWN_FIELDS)
    properties = {name: part for name, part in schema["properties"].items() if name not in kept}
    for is_kind, change in _CHANGES:
        for name, part in properties.items():
            if is_kind(name, part):
                return {name: change(record.get(name), now)}
    return {}


def _is(part: Mapping[str, Any], kind: str) -> bool:
    return kind in part.get("type", ())


_CHANGES: tuple[tuple[Callable[[str, Any], bool], Callable[[Any, int], object]], ...] = (
    (lambda _, part: part.get("format") == "decimal", lambda old, _: (old or 0) + _RAISE),
    (lambda name, _: name in {"name", "memo"}, lambda old, _: (old or "") + _REMARK),
    (lambda _, part: part.get("format") == "date-time", lambda _, now: ticks.to_text(now)),
    (
        lambda _, part: _is(part, "string") and not part.keys() & {"format", "examples"},
        lambda old, _: (old or "") + _REMARK,
    ),
    (lambda _, part: _is(part, "number"), lambda old, _: (old or 0) + 1),
    (lambda _, part: _is(part, "boolean"), lambda old, _: not old),
    (lambda _, part: _is(part, "integer"), lambda old, _: (old or 0) + 1),
)
