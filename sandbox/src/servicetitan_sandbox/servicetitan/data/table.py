"""One entity of one tenant: the records it started with, and what was changed since.

Records that were never changed are made when they are asked for, so a table of a million takes no memory for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.change import changed
from servicetitan_sandbox.servicetitan.data.change_order import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from servicetitan_sandbox.servicetitan.data.generator import Generator

    Record = dict[str, Any]


class UnknownRecordError(LookupError):
    """There is no such record, or not in the state that the change needs."""


class ChangeError(ValueError):
    """A change that cannot be made to a record."""


class State(NamedTuple):
    """What lists select and order by; times are ticks."""

    active: bool
    created: int
    modified: int


class _Row(NamedTuple):
    """A record that was changed, inserted or deleted."""

    encoded: bytes
    state: State
    parent: int | None


class Table:
    """The records, by id and in the order of their last change.

    Args:
        generator: Makes the original records.
        schema: The JSON Schema of the records.
        size: Number of the original records.
        clock: Tells the time, in ticks.
    """

    def __init__(
        self, generator: Generator, schema: dict[str, Any], size: int, clock: Callable[[], int] = ticks.now
    ) -> None:
        self._clock = clock
        self._generator = generator
        self._family = generator.family
        self._schema = schema
        self._size = size
        self._inserted = 0
        self.order = Order(generator, size)
        """In which order the records were last changed."""
        self._rows: dict[int, _Row] = {}
        """The records that were changed or inserted, as they are now."""
        self._deleted: dict[int, _Row] = {}
        self._tombstones: dict[int, bytes] = {}
        """What feeds show of the deleted records whose deletion they announce."""
        self._last_change = 0
        self.version = 0
        """Rises with every change."""

    def identifiers(self, parent: int | None = None) -> list[int]:
        """Return the ids of all records, active or not, in no particular order; of one parent's when it is given."""
        original = (self._generator.identifiers.of(number) for number in self._numbers(parent))
        untouched = (each for each in original if each not in self._rows and each not in self._deleted)
        touched = (each for each, row in self._rows.items() if parent in {None, row.parent})
        return [*untouched, *touched]

    def find(self, shown: object) -> int:
        """Return the id of the record that shows this, as the API does or as text.

        Raises:
            UnknownRecordError: If there is none.
        """
        identifier = self.parse(shown)
        self.state(identifier)
        return identifier

    def parse(self, shown: object) -> int:
        """Return the id that a record shows like this, whether there is one or not.

        Raises:
            UnknownRecordError: If no record can show this.
        """
        try:
            return self._generator.identity.parse(shown)
        except ValueError:
            raise UnknownRecordError(f"there is no record {shown}") from None

    def shown(self, identifier: int) -> int | str:
        """Return what a record shows of its id."""
        return self._generator.identity.show(identifier)

    def parent(self, identifier: int) -> int | None:
        """Return the id of the parent of a record; None if it has none.

        Raises:
            UnknownRecordError: If there is no record with this id.
        """
        if identifier in self._rows:
            return self._rows[identifier].parent
        number = self._original(identifier)
        return self._family.parent(number) if self._family else None

    def state(self, identifier: int) -> State:
        """Return the state of a record.

        Raises:
            UnknownRecordError: If there is none with this id.
        """
        if identifier in self._rows:
            return self._rows[identifier].state
        return self._original_state(self._original(identifier))

    def encoded(self, identifier: int, hidden: frozenset[str] = frozenset()) -> bytes:
        """Return a record as JSON, without the hidden properties.

        Raises:
            UnknownRecordError: If there is none with this id.
        """
        if identifier in self._rows:
            return _without(self._rows[identifier].encoded, hidden)
        number = self._original(identifier)
        return self._generator.record(number, **self._original_state(number)._asdict(), hidden=hidden)

    def announced(self, identifier: int, hidden: frozenset[str] = frozenset()) -> bytes:
        """Return a record as a feed shows it: also a deleted one whose deletion is announced.

        Raises:
            UnknownRecordError: If there is none with this id.
        """
        if identifier in self._tombstones:
            return _without(self._tombstones[identifier], hidden)
        return self.encoded(identifier, hidden)

    def record(self, identifier: int) -> Record:
        """Return a record.

        Raises:
            UnknownRecordError: If there is none with this id.
        """
        record: Record = exact_json.loads(self.encoded(identifier))
        return record

    def entries(self, position: int) -> Iterator[tuple[int, int]]:
        """Yield `(position, id)` of the order from a position on, of the records that feeds show."""
        for place, identifier in self.order.entries(position):
            if identifier not in self._deleted or identifier in self._tombstones:
                yield place, identifier

    def insert(self, values: Mapping[str, Any] | None, parent: int | None = None) -> Record:
        """Add a record, made up except for the values given.

        Args:
            values: The values.
            parent: The id of its parent; without it, the one that the values name, or any.

        Raises:
            ChangeError: If its id is taken or cannot be one.
        """
        number = self._size + self._inserted
        self._inserted += 1
        now = self._next_moment()
        record = exact_json.loads(self._generator.record(number, active=True, created=now, modified=now))
        if parent is not None and self._family and self._family.field:
            record[self._family.field] = self._family.identity.show(parent)
        record |= values or {}
        identifier = self._identifier(record, self._generator.identifiers.of(number))
        if identifier in self._deleted or self._exists(identifier):
            raise ChangeError(f"record {identifier} exists, or existed and was deleted")
        if parent is None and self._family:
            parent = self._family.parent(number)
        return self._put(identifier, record, parent, created=now, now=now)

    def update(self, identifier: int, values: Mapping[str, Any] | None) -> Record:
        """Change a record: set the values given, or without any change one field as its users would.

        Raises:
            UnknownRecordError: If there is none with this id.
            ChangeError: If the values hold another id.
        """
        row = self._row(identifier)
        record = exact_json.loads(row.encoded)
        now = self._next_moment()
        record |= changed(self._schema, record, now, self._generator.own_fields) if values is None else values
        if self._identifier(record, identifier) != identifier:
            raise ChangeError("the id of a record cannot be changed")
        return self._put(identifier, record, row.parent, created=row.state.created, now=now)

    def delete(self, identifier: int, *, tombstone: bool = False) -> None:
        """Remove a record for good.

        Args:
            identifier: Its id.
            tombstone: Whether feeds show it once more, as one that is not active.

        Raises:
            UnknownRecordError: If there is none with this id.
        """
        row = self._row(identifier)
        if tombstone:
            now = self._next_moment()
            self._tombstones[identifier] = exact_json.dumps(
                exact_json.loads(row.encoded) | self._own({"active": False}, now)
            )
            self.order.add(identifier, now)
        self._deleted[identifier] = row
        self._rows.pop(identifier, None)
        self.version += 1

    def deactivate(self, identifier: int) -> Record:
        """Set a record's `active` to false.

        Raises:
            UnknownRecordError: If there is none with this id.
            ChangeError: If records of this entity have no such state.
        """
        if not self._generator.has_active:
            raise ChangeError("records of this entity have no `active`")
        return self.update(identifier, {"active": False})

    def restore(self, identifier: int) -> Record:
        """Bring back a record that was deleted or deactivated.

        Raises:
            UnknownRecordError: If it was neither.
        """
        row = self._deleted.get(identifier) or self._row(identifier)
        if identifier not in self._deleted and row.state.active:
            raise UnknownRecordError(f"record {identifier} was neither deleted nor deactivated")
        self._deleted.pop(identifier, None)
        self._tombstones.pop(identifier, None)
        now = self._next_moment()
        record = exact_json.loads(row.encoded) | self._own({"active": True}, now)
        return self._put(identifier, record, row.parent, created=row.state.created, now=now)

    def _numbers(self, parent: int | None) -> Iterable[int]:
        """Return the numbers of the original records, of one parent's when it is given."""
        if parent is None or self._family is None:
            return range(self._size)
        number = self._family.identifiers.number(parent)
        is_original = number is not None and number < self._family.lineage.parents
        return self._family.lineage.children(number) if number is not None and is_original else ()

    def _row(self, identifier: int) -> _Row:
        if identifier in self._rows:
            return self._rows[identifier]
        return _Row(self.encoded(identifier), self.state(identifier), self.parent(identifier))

    def _exists(self, identifier: int) -> bool:
        try:
            self.state(identifier)
        except UnknownRecordError:
            return False
        return True

    def _original(self, identifier: int) -> int:
        number = self._generator.identifiers.number(identifier)
        if number is None or number >= self._size or identifier in self._deleted:
            raise UnknownRecordError(f"there is no record {identifier}")
        return number

    def _original_state(self, number: int) -> State:
        generator = self._generator
        return State(generator.active(number), generator.created(number), generator.modified(number))

    def _identifier(self, record: Record, default: int) -> int:
        """Return the id that a record shows; the default if its records show none.

        Raises:
            ChangeError: If it cannot be one.
        """
        try:
            return self.parse(record.get(self._generator.identity.field or "", default))
        except UnknownRecordError as error:
            raise ChangeError(str(error)) from None

    def _next_moment(self) -> int:
        # No two changes share a time, so that every change can be told from the one before.
        self._last_change = max(self._clock(), self._last_change + 1)
        return self._last_change

    def _own(self, values: Record, now: int) -> Record:
        """Return the values, and the time of the change, as far as the records have such properties."""
        own = values | {"modifiedOn": ticks.to_text(now)}
        return {name: value for name, value in own.items() if name in self._generator.fields}

    def _put(self, identifier: int, record: Record, parent: int | None, *, created: int, now: int) -> Record:
        record |= self._own({}, now)
        if record.get("createdOn"):
            created = ticks.from_text(record["createdOn"])
        state = State(record.get("active") is not False, created, now)
        self.order.add(identifier, now)
        self._rows[identifier] = _Row(exact_json.dumps(record), state, self._named_parent(record, parent))
        self.version += 1
        return record

    def _named_parent(self, record: Record, default: int | None) -> int | None:
        """Return the id of the parent that a record names; the default if it names none."""
        name = self._family.field if self._family else None
        if self._family is None or name is None or record.get(name) is None:
            return default
        return self._family.identity.parse(record[name])


def _without(encoded: bytes, hidden: frozenset[str]) -> bytes:
    if not hidden:
        return encoded
    return exact_json.dumps({name: value for name, value in exact_json.loads(encoded).items() if name not in hidden})
