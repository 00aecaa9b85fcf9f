"""Generates the records that an entity starts with from its JSON Schema. Any record can be made, in any order.

Each property has a pool of values that are already JSON, and a record joins one value from each pool. The lengths of
the pools are different primes, and record `i` takes value `i % length` of each, so that whole records repeat only after
the product of all lengths. This makes more than 60,000 records a second on one core. Entities with few records have
short pools, so that a company with every entity is ready at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice, repeat
from random import Random
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.identity import BY_ID, Identifiers
from servicetitan_sandbox.servicetitan.data.sampler import PERSON_FIELDS, Sampler
from servicetitan_sandbox.servicetitan.data.vocabulary import PEOPLE, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from servicetitan_sandbox.servicetitan.data.identity import Identity
    from servicetitan_sandbox.servicetitan.data.lineage import Lineage

MISSING = 0.03
"""Share of the properties that a record leaves out."""

OWN_FIELDS = ("id", "active", "createdOn", "modifiedOn")
"""Properties that are not drawn from a pool but follow from the record's number, where the records have them."""

_FIRST = ticks.from_text("2019-01-01")
_LAST = ticks.from_text("2025-12-31")
_LONGEST_LIFE = 400
"""Most days between a record's creation and its last change."""

_INACTIVE_EVERY = 17

_SMALL_POOL = 11
"""Length of the pools, a prime, when there are fewer records than that."""


@dataclass(frozen=True, slots=True)
class Family:
    """The parents of an entity's records.

    Attributes:
        lineage: Which record belongs to which parent, by number.
        identifiers: The ids of the parents.
        identity: How the parents show their ids.
        field: The property of the children that holds the parent's id; None if there is none.
    """

    lineage: Lineage
    identifiers: Identifiers
    identity: Identity
    field: str | None

    def parent(self, number: int) -> int:
        """Return the id of a record's parent, by the record's number."""
        return self.identifiers.of(self.lineage.parent(number))


class Generator:
    """Makes the original records of one entity of one tenant.

    Args:
        schema: The JSON Schema of the records.
        key: Identifies the entity. The same key and size make the same records.
        size: How many original records there are. They are spread evenly over the years.
        references: Existing ids, by the name of the property that refers to them.
        identity: How the records show their ids.
        family: The parents; None if the records have none.
    """

    def __init__(  # noqa: PLR0913 - all that makes one entity differ from another
        self,
        schema: dict[str, Any],
        key: str,
        size: int,
        references: Mapping[str, Sequence[int]],
        *,
        identity: Identity = BY_ID,
        family: Family | None = None,
    ) -> None:
        self.identifiers = Identifiers(key)
        self.identity = identity
        self.family = family
        self.fields = frozenset(schema["properties"])
        self.has_active = "active" in self.fields
        self._step = max(1, min(ticks.DAY, (_LAST - _FIRST) // max(size, 1)) // ticks.SECOND) * ticks.SECOND
        id_fields = {identity.field, family.field if family else None} - {None}
        self.own_fields = frozenset(name for name in id_fields if name) | {*schema["required"]}
        drawn = {name: field for name, field in schema["properties"].items() if name not in id_fields.union(OWN_FIELDS)}
        self._pools = tuple(_pools(drawn, Sampler(Random(key), references), frozenset(schema["required"]), size))
        self._views: dict[frozenset[str], _View] = {}

    def record(
        self, number: int, *, active: bool, created: int, modified: int, hidden: frozenset[str] = frozenset()
    ) -> bytes:
        """Return a record as JSON, with the given state and times (ticks) and without the hidden properties."""
        view = self._views.get(hidden) or self._view(hidden)
        own = {
            b"id": self.identity.encode(self.identifiers.of(number)),
            b"parent": self._parent(number),
            b"drawn": b"".join([pool[number % length] for pool, length in view.pools]),
            b"active": b"true" if active else b"false",
            b"created": ticks.to_text(created).encode(),
            b"modified": ticks.to_text(modified).encode(),
        }
        return b"{%b}" % (view.template % own)[1:]

    def _parent(self, number: int) -> bytes:
        family = self.family
        return family.identity.encode(family.parent(number)) if family and family.field else b""

    def _view(self, hidden: frozenset[str]) -> _View:
        """Return the template and pools for records without the hidden properties. A comma precedes every member."""
        shown = self.fields - hidden
        own = ((self.identity.field, b"%(id)b"), (self.family and self.family.field, b"%(parent)b"))
        head = b"".join(b',"%b":%b' % (name.encode(), value) for name, value in own if name in shown and name)
        tail = b"".join(member for name, member in _STATE_MEMBERS if name in shown)
        pools = [(pool, length) for name, pool, length in self._pools if name in shown]
        self._views[hidden] = _View(head + b"%(drawn)b" + tail, pools)
        return self._views[hidden]

    def active(self, number: int) -> bool:
        """Return whether an original record is active."""
        return not self.has_active or number % _INACTIVE_EVERY != _INACTIVE_EVERY - 1

    def modified(self, number: int) -> int:
        """Return when an original record was last changed, in ticks. The time rises with the number."""
        jitter = number * 2_654_435_761 % self._step
        # Some times are whole seconds, as in records that people or imports write.
        return _FIRST + number * self._step + (jitter if number % 5 else jitter // ticks.SECOND * ticks.SECOND)

    def created(self, number: int) -> int:
        """Return when an original record was created, in ticks: at its last change or earlier."""
        days = number * 7 % _LONGEST_LIFE if number % 3 else 0
        return self.modified(number) - days * ticks.DAY


@dataclass(frozen=True, slots=True)
class _View:
    template: bytes
    pools: list[tuple[list[bytes], int]]


_STATE_MEMBERS = (
    ("active", b',"active":%(active)b'),
    ("createdOn", b',"createdOn":"%(created)b"'),
    ("modifiedOn", b',"modifiedOn":"%(modified)b"'),
)


def _pools(
    properties: dict[str, Any], sampler: Sampler, present: frozenset[str], size: int
) -> Iterator[tuple[str, list[bytes], int]]:
    """Yield each property's name, its pool of JSON members, and the length of the pool."""
    describes_people = {"firstName", "lastName"} <= properties.keys()
    lengths = repeat(_SMALL_POOL) if size < _SMALL_POOL else _primes_after(PEOPLE)
    people_length = _SMALL_POOL if size < _SMALL_POOL else PEOPLE
    for name, field in properties.items():
        describes_person = describes_people and name in PERSON_FIELDS
        length = people_length if describes_person else next(lengths)
        people = vocabulary().people[:length] if describes_person else [None] * length
        always = name in present or name == "name"
        if always and "examples" in field:
            # In turn, so that even a few records have all of them.
            values = list(islice(cycle(field["examples"]), length))
        else:
            values = [sampler.value(name, field, person, always=always) for person in people]
        yield name, [_member(sampler, name, value, always=always) for value in values], length


def _member(sampler: Sampler, name: str, value: object, *, always: bool) -> bytes:
    if not always and sampler.random.random() < MISSING:
        return b""
    return b",%b:%b" % (exact_json.dumps(name), exact_json.dumps(value))


def _primes_after(number: int) -> Iterator[int]:
    while True:
        number += 1
        if all(number % divisor for divisor in range(2, int(number**0.5) + 1)):
            yield number
