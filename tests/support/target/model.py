"""The contract of a row (the table in the README) as plain Python: what a table must hold after a run of messages.

It shares no code with the target. Values in the messages are Python's own (`datetime`, `Decimal`); `encoded` writes
them as a tap would.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = tuple[Any, ...]
Message = dict[str, Any]

DELETED_AT = "_sdc_deleted_at"

FLAW = "flaw"
"""A property of records that do not fit their schema. They go to the quarantine."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encoded(messages: Iterable[Message]) -> list[bytes]:
    """Return messages as lines of input."""
    return [_ENCODER.encode(message) for message in messages]


@dataclass
class Row:
    """One row. `written` names the merge that last wrote it: rows of one merge share one time."""

    columns: dict[str, Any]
    operation: str
    written: tuple[int, int]

    @property
    def live(self) -> bool:
        """Whether the row is not marked deleted."""
        return self.operation != "DELETE"


@dataclass(frozen=True)
class Limits:
    """The limits of the guard."""

    rows: int
    fraction: float


@dataclass
class Table:
    """One table, from run to run."""

    limits: Limits
    rows: dict[Key, Row] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    """Every column that the table ever had, with the value of rows in which it was never written."""
    runs: int = 0
    steps: list[Table] = field(default_factory=list, repr=False)
    """The table before the last run, and after each merge of it."""

    def run(self, messages: Iterable[Message]) -> bool:
        """Apply the messages of one stream in one run. Return whether the guard allowed it."""
        self.runs += 1
        self.steps = [self.copy()]
        run = _Run(self)
        for message in messages:
            run.take(message)
        return run.end()

    def copy(self) -> Table:
        """Return the table as it is now."""
        return Table(self.limits, copy.deepcopy(self.rows), dict(self.columns), self.runs)


class _Run:
    def __init__(self, table: Table) -> None:
        self.table = table
        self.merges = 0
        self.live_before = sum(row.live for row in table.rows.values())
        self.marked = 0
        self.refused = False
        self.schema: Message | None = None
        self.key: list[str] = []
        self.columns: dict[str, Any] = {}
        self.staged: dict[Key, Message] = {}
        self.present: set[Key] = set()
        self.records: dict[int | None, int] = {}
        self.activated: dict[int, int] = {}
        self.activations: Counter[int] = Counter()
        self.since_schema: Counter[int | None] = Counter()

    def take(self, message: Message) -> None:
        if message["type"] == "SCHEMA":
            self.since_schema.clear()
            self.new_schema(message)
        elif message["type"] == "RECORD":
            version = message.get("version")
            if version is not None and set(self.records) == {None}:
                self.merge_changes()
            key = tuple(message["record"][name] for name in self.key)
            if FLAW not in message["record"]:
                self.staged[key] = message["record"]
            self.present.add(key)
            self.records[version] = self.records.get(version, 0) + 1
            self.since_schema[version] += 1
        elif message["type"] == "ACTIVATE_VERSION":
            self.activate(message["version"])

    def activate(self, version: int) -> None:
        """Note that a version is declared complete. Of two messages, one before and one after the records, the last."""
        self.activations[version] += 1
        if self.activations[version] == 1 or (self.activations[version], self.activated[version]) == (2, 0):
            is_end = self.activations[version] == 1 or self.since_schema[version]
            self.activated[version] = self.records.get(version, 0) if is_end else 0

    def new_schema(self, message: Message) -> None:
        if message == self.schema:
            return
        self.schema = message
        if self.staged:  # what came before is merged as it was announced
            self.merge(sweep=False)
        self.key = message["key_properties"]
        self.columns = {name: _empty(schema) for name, schema in message["schema"]["properties"].items()}

    def merge_changes(self) -> None:
        """Merge what came before a snapshot. It says nothing about what the snapshot contains."""
        if self.staged:
            self.merge(sweep=False)
        self.present = set()

    def end(self) -> bool:
        """Merge the rest, and return whether the guard has allowed everything."""
        if self.activated and not self.records:
            empty = not any(row.live for row in self.table.rows.values())
            self.merge(sweep=empty)
            return empty
        self.merge(sweep=self.complete())
        return not self.refused

    def complete(self) -> bool:
        """Whether some version was activated after all of its records, of which there was at least one."""
        return any(before and before == self.records.get(version, 0) for version, before in self.activated.items())

    def merge(self, *, sweep: bool) -> None:
        self.merges += 1
        live = {key for key, row in self.table.rows.items() if row.live}
        deleted = {key for key, values in self.staged.items() if values.get(DELETED_AT) is not None}
        missing = live - self.present if sweep else set()
        marks = (live & deleted) | missing
        self.guard(len(marks))
        if self.staged:
            self.table.columns = {**self.table.columns, **self.columns}
        for key, values in self.staged.items():
            self.write(key, values)
        self.staged = {}
        for key in set() if self.refused else missing:
            self.mark(self.table.rows[key])
        self.table.steps.append(self.table.copy())

    def guard(self, marks: int) -> None:
        """Refuse to mark rows, from now on, if these and those before are too many of the rows that were live."""
        limits, total = self.table.limits, self.marked + marks
        if marks and self.live_before and total > limits.rows and total > limits.fraction * self.live_before:
            self.refused = True
        self.marked += 0 if self.refused else marks

    def write(self, key: Key, values: Message) -> None:
        row = self.table.rows.get(key)
        given = {name: values.get(name) for name in self.columns}
        new = {name: self.columns[name] if value is None else value for name, value in given.items()}
        deleted = values.get(DELETED_AT) is not None
        if row is None:
            operation = "DELETE" if deleted else "INSERT"
            self.table.rows[key] = Row({**self.table.columns, **new}, operation, self.time())
        elif deleted:
            if row.live and not self.refused:
                self.mark(row)
        elif not row.live or any(self.value(row, name) != value for name, value in new.items()):
            row.columns.update(new)
            row.operation, row.written = "UPDATE", self.time()

    def value(self, row: Row, name: str) -> Any:  # noqa: ANN401 - any column
        return row.columns.get(name, self.table.columns[name])

    def mark(self, row: Row) -> None:
        row.operation, row.written = "DELETE", self.time()

    def time(self) -> tuple[int, int]:
        return self.table.runs, self.merges


def _empty(schema: dict[str, Any]) -> Any:  # noqa: ANN401 - NULL, except that BigQuery has no NULL array
    return [] if "items" in schema else None
