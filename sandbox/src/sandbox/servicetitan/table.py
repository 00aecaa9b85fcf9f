"""One stream of one tenant: the records it started with, and what was changed since.

Records that were never changed are made when they are asked for, so a table of a million takes no memory for them.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox import exact
from sandbox.servicetitan import ticks
from sandbox.servicetitan.change import changed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.servicetitan.generate import Generator

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


class Table:
    """The records, by id and in the order of their last change.

    That order is a log: the original records come first, each later change adds an entry at the end, and only a
    record's last entry counts. Positions in it never change, so a position is all that a feed has to remember.

    Args:
        generator: Makes the original records.
        schema: The stream's JSON Schema.
        size: Number of the original records.
    """

    def __init__(self, generator: Generator, schema: dict[str, Any], size: int) -> None:
        self._generator = generator
        self._schema = schema
        self._size = size
        self._inserted = 0
        self._changes: list[tuple[int, int]] = []
        """(time, id) of each change."""
        self._positions: dict[int, int] = {}
        """Each changed record's last place in the log."""
        self._states: dict[int, State] = {}
        self._encoded: dict[int, bytes] = {}
        """The records that were changed or inserted, as they are now."""
        self._deleted: dict[int, Record] = {}
        self._last_change = 0
        self.version = 0
        """Rises with every change."""

    def identifiers(self) -> list[int]:
        """Return the ids of all records, active or not, in no particular order."""
        original = (self._generator.identifiers.of(number) for number in range(self._size))
        untouched = (each for each in original if each not in self._encoded and each not in self._deleted)
        return [*untouched, *self._encoded]

    def state(self, identifier: int) -> State:
        """Return the state of a record.

        Raises:
            UnknownRecordError: If there is none with this id.
        """
        if identifier in self._states:
            return self._states[identifier]
        return self._original_state(self._original(identifier))

    def encoded(self, identifier: int) -> bytes:
        """Return a record as JSON.

        Raises:
            UnknownRecordError: If there is none with this id.
        """
        if identifier in self._encoded:
            return self._encoded[identifier]
        number = self._original(identifier)
        return self._generator.record(number, **self._original_state(number)._asdict())

    def record(self, identifier: int) -> Record:
        """Return a record.

        Raises:
            UnknownRecordError: If there is none with this id.
        """
        record: Record = exact.loads(self.encoded(identifier))
        return record

    def position_since(self, moment: int) -> int:
        """Return the place in the log of the first change at that time (ticks) or later."""
        position = bisect_left(range(self._size), moment, key=self._generator.modified)
        if position < self._size:
            return position
        return self._size + bisect_left(self._changes, (moment,))

    def entries(self, position: int) -> Iterator[tuple[int, int]]:
        """Yield `(position, id)` of the log from a position on: of each record only its last entry."""
        originals = (
            (number, self._generator.identifiers.of(number)) for number in range(min(position, self._size), self._size)
        )
        first = max(position - self._size, 0)
        changes = ((self._size + offset, self._changes[offset][1]) for offset in range(first, len(self._changes)))
        for place, identifier in chain(originals, changes):
            if self._positions.get(identifier, place) == place and identifier not in self._deleted:
                yield place, identifier

    @property
    def end(self) -> int:
        """The position after the last entry of the log."""
        return self._size + len(self._changes)

    def insert(self, values: Mapping[str, Any] | None) -> Record:
        """Add a record, made up except for the values given.

        Raises:
            ChangeError: If its id is taken.
        """
        number = self._size + self._inserted
        self._inserted += 1
        now = self._next_moment()
        record = exact.loads(self._generator.record(number, active=True, created=now, modified=now))
        record |= values or {}
        identifier = record["id"]
        if identifier in self._deleted or self._exists(identifier):
            raise ChangeError(f"record {identifier} exists, or existed and was deleted")
        return self._put(record, now)

    def update(self, identifier: int, values: Mapping[str, Any] | None) -> Record:
        """Change a record: set the values given, or without any change one field as its users would.

        Raises:
            UnknownRecordError: If there is none with this id.
            ChangeError: If the values hold another id.
        """
        record = self.record(identifier)
        now = self._next_moment()
        record |= changed(self._schema, record, now) if values is None else values
        if record["id"] != identifier:
            raise ChangeError("the id of a record cannot be changed")
        return self._put(record, now)

    def delete(self, identifier: int) -> None:
        """Remove a record for good.

        Raises:
            UnknownRecordError: If there is none with this id.
        """
        self._deleted[identifier] = self.record(identifier)
        self._encoded.pop(identifier, None)
        self._states.pop(identifier, None)
        self.version += 1

    def deactivate(self, identifier: int) -> Record:
        """Set a record's `active` to false.

        Raises:
            UnknownRecordError: If there is none with this id.
            ChangeError: If records of this stream have no such state.
        """
        if not self._generator.has_active:
            raise ChangeError("records of this stream have no `active`")
        return self.update(identifier, {"active": False})

    def restore(self, identifier: int) -> Record:
        """Bring back a record that was deleted or deactivated.

        Raises:
            UnknownRecordError: If it was neither.
        """
        if identifier not in self._deleted and self.state(identifier).active:
            raise UnknownRecordError(f"record {identifier} was neither deleted nor deactivated")
        record = self._deleted.pop(identifier, None) or self.record(identifier)
        if self._generator.has_active:
            record["active"] = True
        return self._put(record, self._next_moment())

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

    def _next_moment(self) -> int:
        # No two changes share a time, so that every change can be told from the one before.
        self._last_change = max(ticks.now(), self._last_change + 1)
        return self._last_change

    def _put(self, record: Record, now: int) -> Record:
        record["modifiedOn"] = ticks.to_text(now)
        identifier = record["id"]
        self._positions[identifier] = self.end
        self._changes.append((now, identifier))
        created = ticks.from_text(record["createdOn"]) if record.get("createdOn") else now
        self._states[identifier] = State(record.get("active") is not False, created, now)
        self._encoded[identifier] = exact.dumps(record)
        self.version += 1
        return record
