"""A page of records and its JSON, and the query parameters that most pages have."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.servicetitan.http.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


_ZONE = re.compile(rb'(\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z(?=")')
"""Finds the zone of a time, as the API writes it."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of records.

    Attributes:
        records: The records as JSON; None for an answer without records.
        identifiers: Their ids.
        head: The other properties of the answer; None for a bare array.
    """

    records: Sequence[bytes] | None
    identifiers: Sequence[int] = ()
    head: Mapping[str, object] | None = field(default_factory=dict)

    def with_more(self) -> Page:
        """Return this page with `hasMore` set."""
        return self if self.head is None else replace(self, head={**self.head, "hasMore": True})

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing but that there are no records."""
        return self.records is not None and not self.records and not (self.head or {}).get("hasMore")

    def without_zones(self) -> Page:
        """Return this page with times that do not say that they are UTC."""
        if self.records is None:
            return self
        return replace(self, records=[_ZONE.sub(rb"\1", record) for record in self.records])

    def change_records(self, change: Callable[[Any], None]) -> Page:
        """Return this page with each record changed.

        Args:
            change: Changes a record in place.
        """
        if self.records is None:
            return self
        records = [exact_json.loads(record) for record in self.records]
        for record in records:
            change(record)
        return replace(self, records=[exact_json.dumps(record) for record in records])

    def encode(self) -> bytes:
        """Return the body of the answer."""
        if self.records is None:
            return exact_json.dumps(self.head)
        records = b"[%b]" % b",".join(self.records)
        if self.head is None:
            return records
        return b'{%b"data":%b}' % (exact_json.dumps(self.head)[1:-1] + b"," * bool(self.head), records)


def flag(query: Mapping[str, str], name: str) -> bool:
    """Return a boolean parameter, False by default.

    Raises:
        Problem: If it is neither true nor false.
    """
    text = query.get(name, "false").lower()
    if text not in {"true", "false"}:
        raise invalid(name, f"The value '{query[name]}' is not valid.")
    return text == "true"


def whole_number(query: Mapping[str, str], name: str, default: int, allowed: range) -> int:
    """Return a whole number parameter.

    Raises:
        Problem: If it is not a whole number, or not in the allowed range.
    """
    text = query.get(name, str(default))
    if not text.isdecimal() or int(text) not in allowed:
        raise invalid(name, f"The value '{text}' is not between {allowed[0]} and {allowed[-1]}.")
    return int(text)
