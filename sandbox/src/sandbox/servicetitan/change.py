"""A change to a record as its users would make it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.servicetitan import ticks
from sandbox.servicetitan.generate import OWN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RAISE = Decimal("1.25")
_REMARK = " (changed)"


def changed(schema: Mapping[str, Any], record: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Return the one property that changes, with its new value: an amount, a name or text, or a time.

    Raises:
        ValueError: If the stream has no property of these kinds.
    """
    properties = {name: part for name, part in schema["properties"].items() if name not in OWN_FIELDS}
    for is_kind, change in _CHANGES:
        for name, part in properties.items():
            if is_kind(name, part):
                return {name: change(record.get(name), now)}
    raise ValueError("no property of this stream can be changed without saying how")


_CHANGES: tuple[tuple[Callable[[str, Any], bool], Callable[[Any, int], object]], ...] = (
    (lambda _, part: part.get("format") == "decimal", lambda old, _: (old or 0) + _RAISE),
    (lambda name, _: name in {"name", "memo"}, lambda old, _: (old or "") + _REMARK),
    (lambda _, part: part.get("format") == "date-time", lambda _, now: ticks.to_text(now)),
)
