"""The ids of records: whole numbers inside the sandbox, and numbers, UUIDs or texts in the API."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal
from uuid import UUID

_MARK = 0x5A174C3E9B214D08
"""The first half of every UUID."""

_TEXT_DIGITS = 20
"""Ids that are texts are padded with zeros, so that they sort as the numbers do."""


class Identifiers:
    """The ids of one entity. They rise with the record's number, with gaps, and some are beyond 2**53.

    Args:
        key: Identifies the entity. The same key makes the same ids.
    """

    _GAP = 10
    _HUGE_EVERY, _HUGE_AT = 23, 7
    _HUGE_FROM = 2**53

    def __init__(self, key: str) -> None:
        self._start = Random(key).randrange(10**6, 9 * 10**8) * self._GAP

    def of(self, number: int) -> int:
        """Return the id of a record, by its number (from 0)."""
        ordinary = self._start + number * self._GAP + number * 7919 % self._GAP
        # An odd number beyond 2**53 changes when it is converted to a float.
        return self._HUGE_FROM + 2 * ordinary + 1 if number % self._HUGE_EVERY == self._HUGE_AT else ordinary

    def number(self, identifier: int) -> int | None:
        """Return the number of the record with an id; None if no record can have it."""
        ordinary = (identifier - self._HUGE_FROM) // 2 if identifier > self._HUGE_FROM else identifier
        number = (ordinary - self._start) // self._GAP
        return number if number >= 0 and self.of(number) == identifier else None


IdKind = Literal["integer", "guid", "text"]


@dataclass(frozen=True, slots=True)
class Identity:
    """How the records of an entity show their ids.

    Attributes:
        field: The property that is unique to each record; None if there is none.
        kind: The type of its values.
    """

    field: str | None
    kind: IdKind = "integer"

    def show(self, identifier: int) -> int | str:
        """Return the value of the property for an id."""
        if self.kind == "guid":
            return str(UUID(int=_MARK << 64 | identifier))
        return f"{identifier:0{_TEXT_DIGITS}d}" if self.kind == "text" else identifier

    def encode(self, identifier: int) -> bytes:
        """Return the value of the property for an id, as JSON."""
        return b"%d" % identifier if self.kind == "integer" else b'"%b"' % str(self.show(identifier)).encode()

    def parse(self, shown: object) -> int:
        """Return the id for a value of the property, or for the text of a value.

        Raises:
            ValueError: If no id has this value.
        """
        if self.kind == "guid":
            return UUID(str(shown)).int & 2**64 - 1
        return int(str(shown))


BY_ID = Identity("id")
"""The usual way: an integer named `id`."""
