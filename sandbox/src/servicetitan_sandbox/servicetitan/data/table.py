"""The records of one entity of one tenant: the original ones, and the changes since.

Unchanged records are generated when they are read, so that a table of a million records takes no memory for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.errors import ChangeError, UnknownRecordError
from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.change import make_change
from servicetitan_sandbox.servicetitan.data.change_order import ChangeOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from servicetitan_sandbox.servicetitan.data.generator import Generator

    Record = dict[str, Any]


class RecordState(NamedTuple):
    """The properties of a record that lists filter and order by. Times are in ticks.

    Attributes:
        active: Whether the record is active.
        created: When it was created.
        modified: When it was last changed, as the record says; None if it says null.
    """

    active: bool
    created: int
    modified: int | None


class _StoredRecord(NamedTuple):
    """A record that was changed, inserted or deleted."""

    json: bytes
    state: RecordState
    parent: int | None


class Table:
    """The records of an entity, by id and in the order of their last change.

    Args:
        generator: Makes the original records.
        schema: The JSON Schema of the records.
        size: How many original records there are.
        clock: Returns the time, in ticks.
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
        self.order = ChangeOrder(generator, size)
        """The order in which the records were last changed."""
        self._stored: dict[int, _StoredRecord] = {}
        """The changed and inserted records, as they are now."""
        self._deleted: dict[int, _StoredRecord] = {}
        self._tombstones: dict[int, bytes] = {}
        """The JSON that feeds show for deleted records with a tombstone."""
        self._last_change = 0
        self.version = 0
        """Increases with every change."""

    @property
    def has_active(self) -> bool:
        """Whether the records have the property `active`."""
        return self._generator.has_active

    def identifiers(self, parent: int | None = None) -> list[int]:
        """Return the ids of all records, active or not, in no particular order.

        Args:
            parent: Only the children of this record; None for all.
        """
        original = (self._generator.identifiers.of(number) for number in self._numbers(parent))
        unchanged = (
            identifier for identifier in original if identifier not in self._stored and identifier not in self._deleted
        )
        stored = (identifier for identifier, record in self._stored.items() if parent in {None, record.parent})
        return [*unchanged, *stored]

    def find(self, shown: object) -> int:
        """Return the id of the record whose id the API shows like this.

        Raises:
            UnknownRecordError: If there is no such record.
        """
        identifier = self.parse(shown)
        self.state(identifier)
        return identifier

    def parse(self, shown: object) -> int:
        """Return the id that the API shows like this. There need not be such a record.

        Raises:
            UnknownRecordError: If no id looks like this.
        """
        try:
            return self._generator.identity.parse(shown)
        except ValueError:
            raise UnknownRecordError(f"there is no record {shown}") from None

    def show(self, identifier: int) -> int | str:
        """Return an id as the API shows it."""
        return self._generator.identity.show(identifier)

    def parent(self, identifier: int) -> int | None:
        """Return the id of a record's parent; None if it has none.

        Raises:
            UnknownRecordError: If there is no such record.
        """
        if identifier in self._stored:
            return self._stored[identifier].parent
        number = self._original(identifier)
        return self._family.parent(number) if self._family else None

    def state(self, identifier: int) -> RecordState:
        """Return the state of a record.

        Raises:
            UnknownRecordError: If there is no such record.
        """
        if identifier in self._stored:
            return self._stored[identifier].state
        return self._original_state(self._original(identifier))

    def encode(self, identifier: int, hidden: frozenset[str] = frozenset()) -> bytes:
        """Return a record as JSON, without the hidden properties.

        Raises:
            UnknownRecordError: If there is no such record.
        """
        if identifier in self._stored:
            return _hide(self._stored[identifier].json, hidden)
        number = self._original(identifier)
        generator = self._generator
        times = {"created": generator.created(number), "modified": generator.modified(number)}
        return generator.record(number, active=generator.active(number), **times, hidden=hidden)

    def encode_for_feed(self, identifier: int, hidden: frozenset[str] = frozenset()) -> bytes:
        """Return a record as JSON for a feed, which also shows deleted records with a tombstone.

        Raises:
            UnknownRecordError: If there is no such record.
        """
        if identifier in self._tombstones:
            return _hide(self._tombstones[identifier], hidden)
        return self.encode(identifier, hidden)

    def record(self, identifier: int) -> Record:
        """Return a record.

        Raises:
            UnknownRecordError: If there is no such record.
        """
        record: Record = exact_json.loads(self.encode(identifier))
        return record

    def entries(self, first: int) -> Iterator[tuple[int, int]]:
        """Yield `(position, id)` of the records that feeds show, in the change order from a position on."""
        for position, identifier in self.order.entries(first):
            if identifier not in self._deleted or identifier in self._tombstones:
                yield position, identifier

    def insert(self, values: Mapping[str, Any] | None, parent: int | None = None) -> Record:
        """Add a record and return it.

        Args:
            values: Values of the record; the others are made up. A `modifiedOn` stays as it is given.
            parent: The id of its parent. By default the parent in the values, or any.

        Raises:
            ChangeError: If its id is taken or invalid, or a time is none.
        """
        number = self._size + self._inserted
        self._inserted += 1
        now = self._next_moment()
        record = exact_json.loads(self._generator.record(number, active=True, created=now, modified=now))
        if parent is not None and self._family and self._family.field:
            record[self._family.field] = self._family.identity.show(parent)
        record |= values or {}
        _check_times(record)
        identifier = self._identifier(record, self._generator.identifiers.of(number))
        if identifier in self._deleted or self._exists(identifier):
            raise ChangeError(f"record {identifier} exists, or existed and was deleted")
        if parent is None and self._family:
            parent = self._family.parent(number)
        return self._put(identifier, record, parent, created=now, now=now, own_time="modifiedOn" in (values or {}))

    def update(self, identifier: int, values: Mapping[str, Any] | None) -> Record:
        """Change a record and return it.

        Args:
            identifier: The record's id.
            values: The new values; a `modifiedOn` stays as it is given. None changes one field, as a user would.

        Raises:
            UnknownRecordError: If there is no such record.
            ChangeError: If the values hold another id, or a time is none.
        """
        return self._update(identifier, values, self._next_moment())

    def update_many(self, values: Mapping[str, Any] | None, count: int | None = None) -> int:
        """Change records in one moment, as an import would, and return how many: all have the same `modifiedOn`.

        Args:
            values: As for :meth:`update`.
            count: How many, in the order of their ids; None for all.

        Raises:
            ChangeError: If the values hold an id, or a time is none.
        """
        now = self._next_moment()
        chosen = sorted(self.identifiers())[:count]
        for identifier in chosen:
            self._update(identifier, values, now)
        return len(chosen)

    def _update(self, identifier: int, values: Mapping[str, Any] | None, now: int) -> Record:
        stored = self._current(identifier)
        record = exact_json.loads(stored.json)
        record |= make_change(self._schema, record, now, self._generator.own_fields) if values is None else values
        if self._identifier(record, identifier) != identifier:
            raise ChangeError("the id of a record cannot be changed")
        _check_times(record)
        own_time = "modifiedOn" in (values or {})
        return self._put(identifier, record, stored.parent, created=stored.state.created, now=now, own_time=own_time)

    def delete(self, identifier: int, *, tombstone: bool = False) -> None:
        """Remove a record for good.

        Args:
            identifier: The record's id.
            tombstone: Whether feeds show the record once more, as inactive.

        Raises:
            UnknownRecordError: If there is no such record.
        """
        stored = self._current(identifier)
        if tombstone:
            now = self._next_moment()
            self._tombstones[identifier] = exact_json.dumps(
                exact_json.loads(stored.json) | self._own({"active": False}, now)
            )
            self.order.add(identifier, now)
        self._deleted[identifier] = stored
        self._stored.pop(identifier, None)
        self.version += 1

    def deactivate(self, identifier: int) -> Record:
        """Set a record's `active` to false and return the record.

        Raises:
            UnknownRecordError: If there is no such record.
            ChangeError: If records of this entity have no `active`.
        """
        if not self._generator.has_active:
            raise ChangeError("records of this entity have no `active`")
        return self.update(identifier, {"active": False})

    def restore(self, identifier: int) -> Record:
        """Bring back a record that was deleted or deactivated, and return it.

        Raises:
            UnknownRecordError: If the record was neither deleted nor deactivated.
        """
        stored = self._deleted.get(identifier) or self._current(identifier)
        if identifier not in self._deleted and stored.state.active:
            raise UnknownRecordError(f"record {identifier} was neither deleted nor deactivated")
        self._deleted.pop(identifier, None)
        self._tombstones.pop(identifier, None)
        now = self._next_moment()
        record = exact_json.loads(stored.json) | self._own({"active": True}, now)
        return self._put(identifier, record, stored.parent, created=stored.state.created, now=now)

    def _numbers(self, parent: int | None) -> Iterable[int]:
        """Return the numbers of the original records: of all, or of one parent's children."""
        if parent is None or self._family is None:
            return range(self._size)
        number = self._family.identifiers.number(parent)
        is_original = number is not None and number < self._family.lineage.parents
        return self._family.lineage.children(number) if number is not None and is_original else ()

    def _current(self, identifier: int) -> _StoredRecord:
        """Return a record as it is now, original or stored."""
        if identifier in self._stored:
            return self._stored[identifier]
        return _StoredRecord(self.encode(identifier), self.state(identifier), self.parent(identifier))

    def _exists(self, identifier: int) -> bool:
        try:
            self.state(identifier)
        except UnknownRecordError:
            return False
        return True

    def _original(self, identifier: int) -> int:
        """Return the number of an original record.

        Raises:
            UnknownRecordError: If there is no such record.
        """
        number = self._generator.identifiers.number(identifier)
        if number is None or number >= self._size or identifier in self._deleted:
            raise UnknownRecordError(f"there is no record {identifier}")
        return number

    def _original_state(self, number: int) -> RecordState:
        generator = self._generator
        return RecordState(generator.active(number), generator.created(number), generator.modified(number))

    def _identifier(self, record: Record, default: int) -> int:
        """Return the id in a record; the default if records of this entity show no id.

        Raises:
            ChangeError: If the id is invalid.
        """
        try:
            return self.parse(record.get(self._generator.identity.field or "", default))
        except UnknownRecordError as error:
            raise ChangeError(str(error)) from None

    def _next_moment(self) -> int:
        # No two changes share a time, so that each can be told from the one before. A change of many records is one.
        self._last_change = max(self._clock(), self._last_change + 1)
        return self._last_change

    def _own(self, values: Record, now: int) -> Record:
        """Return those of the values and the time of the change for which the records have a property."""
        own = values | {"modifiedOn": ticks.to_text(now)}
        return {name: value for name, value in own.items() if name in self._generator.fields}

    def _put(  # noqa: PLR0913 - what there is to know of a record
        self,
        identifier: int,
        record: Record,
        parent: int | None,
        *,
        created: int,
        now: int,
        own_time: bool = False,
    ) -> Record:
        """Store a record that changes now, and return it with the time of the change, unless it has its own."""
        if not own_time:
            record |= self._own({}, now)
        if record.get("createdOn"):
            created = ticks.from_text(record["createdOn"])
        modified = _modified(record) if own_time else now
        state = RecordState(record.get("active") is not False, created, modified)
        self.order.add(identifier, now)
        self._stored[identifier] = _StoredRecord(exact_json.dumps(record), state, self._named_parent(record, parent))
        self.version += 1
        return record

    def _named_parent(self, record: Record, default: int | None) -> int | None:
        """Return the parent's id in a record; the default if the record holds none."""
        name = self._family.field if self._family else None
        if self._family is None or name is None or record.get(name) is None:
            return default
        return self._family.identity.parse(record[name])


def _check_times(record: Record) -> None:
    """Check the times that lists filter by.

    Raises:
        ChangeError: If one of them is neither a time nor null.
    """
    for name in ("createdOn", "modifiedOn"):
        value = record.get(name)
        try:
            if value is not None:
                ticks.from_text(value)
        except (TypeError, ValueError):
            raise ChangeError(f"`{name}` must be a time or null, not {value!r}") from None


def _modified(record: Record) -> int | None:
    return None if record["modifiedOn"] is None else ticks.from_text(record["modifiedOn"])


def _hide(record: bytes, hidden: frozenset[str]) -> bytes:
    if not hidden:
        return record
    return exact_json.dumps({name: value for name, value in exact_json.loads(record).items() if name not in hidden})
