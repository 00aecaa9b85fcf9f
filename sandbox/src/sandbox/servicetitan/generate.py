"""The records that a stream starts with, made from its JSON Schema, one at a time and in no order.

Each property has a pool of values that are already JSON, and a record is a join of one value from each pool. The
lengths of the pools are different primes, and record `i` takes value `i % length` of each, so that whole records
repeat only after the product of all lengths. It makes 60,000 records and more a second on one core.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from sandbox import exact
from sandbox.servicetitan import ticks
from sandbox.servicetitan.values import PERSON_FIELDS, Sampler
from sandbox.servicetitan.vocabulary import PEOPLE, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MISSING = 0.03
"""Share of the properties that a record leaves out."""

OWN_FIELDS = ("id", "active", "createdOn", "modifiedOn")
"""Properties that every record has: they are not drawn but follow from its number."""

_FIRST = ticks.from_text("2019-01-01")
_LAST = ticks.from_text("2025-12-31")
_LONGEST_LIFE = 400
"""Days from a record's creation to its last change, at most."""

_INACTIVE_EVERY = 17


class Identifiers:
    """The ids of one stream: they rise with the record's number, with gaps, and some are beyond 2**53.

    Args:
        key: What tells the stream from all others.
    """

    _GAP = 10
    _HUGE_EVERY, _HUGE_AT = 23, 7
    _HUGE_FROM = 2**53

    def __init__(self, key: str) -> None:
        self._start = Random(key).randrange(10**6, 9 * 10**8) * self._GAP

    def of(self, number: int) -> int:
        """Return the id of a record, by its number from 0 on."""
        ordinary = self._start + number * self._GAP + number * 7919 % self._GAP
        # An odd number beyond 2**53 changes when it goes through a float.
        return self._HUGE_FROM + 2 * ordinary + 1 if number % self._HUGE_EVERY == self._HUGE_AT else ordinary

    def number(self, identifier: int) -> int | None:
        """Return the number of the record with this id; None when no record can have it."""
        ordinary = (identifier - self._HUGE_FROM) // 2 if identifier > self._HUGE_FROM else identifier
        number = (ordinary - self._start) // self._GAP
        return number if number >= 0 and self.of(number) == identifier else None


class Generator:
    """Makes the records of one stream of one tenant.

    Args:
        schema: The stream's JSON Schema.
        key: What tells the stream from all others; the same key and size make the same records.
        size: How many records the stream starts with; it spreads them over the years.
        references: The ids that exist, by the name of the property that refers to them.
    """

    def __init__(self, schema: dict[str, Any], key: str, size: int, references: Mapping[str, Sequence[int]]) -> None:
        self.identifiers = Identifiers(key)
        self.has_active = "active" in schema["properties"]
        self._step = max(1, min(ticks.DAY, (_LAST - _FIRST) // max(size, 1)) // ticks.SECOND) * ticks.SECOND
        self._pools = _pools(schema, Sampler(Random(key), references))

    def record(self, number: int, *, active: bool, created: int, modified: int) -> bytes:
        """Return the record as JSON, with the given state and times (ticks)."""
        fields = b"".join([pool[number % length] for pool, length in self._pools])
        state = b'"active":%b,' % (b"true" if active else b"false") if self.has_active else b""
        return b'{"id":%d,%b%b"createdOn":"%b","modifiedOn":"%b"}' % (
            self.identifiers.of(number),
            fields,
            state,
            ticks.to_text(created).encode(),
            ticks.to_text(modified).encode(),
        )

    def active(self, number: int) -> bool:
        """Return whether the record starts as active."""
        return not self.has_active or number % _INACTIVE_EVERY != _INACTIVE_EVERY - 1

    def modified(self, number: int) -> int:
        """Return when the record was last changed, in ticks. It rises with the number."""
        jitter = number * 2_654_435_761 % self._step
        # Some times are whole seconds, as people and imports write them.
        return _FIRST + number * self._step + (jitter if number % 5 else jitter // ticks.SECOND * ticks.SECOND)

    def created(self, number: int) -> int:
        """Return when the record was created, in ticks: at its last change or before."""
        days = number * 7 % _LONGEST_LIFE if number % 3 else 0
        return self.modified(number) - days * ticks.DAY


def _pools(schema: dict[str, Any], sampler: Sampler) -> list[tuple[list[bytes], int]]:
    properties = {name: part for name, part in schema["properties"].items() if name not in OWN_FIELDS}
    is_about_people = {"firstName", "lastName"} <= properties.keys()
    lengths = _primes_after(PEOPLE)
    pools = []
    for name, part in properties.items():
        length = PEOPLE if is_about_people and name in PERSON_FIELDS else next(lengths)
        people = vocabulary().people if length == PEOPLE else [None] * length
        pools.append(([_member(sampler, name, sampler.value(name, part, person)) for person in people], length))
    return pools


def _member(sampler: Sampler, name: str, value: object) -> bytes:
    if name != "name" and sampler.random.random() < MISSING:
        return b""
    return b"%b:%b," % (exact.dumps(name), exact.dumps(value))


def _primes_after(number: int) -> Iterator[int]:
    while True:
        number += 1
        if all(number % divisor for divisor in range(2, int(number**0.5) + 1)):
            yield number
