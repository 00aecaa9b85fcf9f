"""Random streams for tests.

Each seed is a source that changes from run to run, and a tap that repeats itself, announces its snapshots rightly or
wrongly, and dies.
"""

from __future__ import annotations

import base64
import datetime as dt
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.singer import DECIMAL, INTEGER, STRING, TIMESTAMP, activate, record, schema
from support.target.model import DELETED_AT, FLAW, Limits, encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from random import Random

    from support.target.model import Key, Message

LIMITS = Limits(rows=3, fraction=0.5)
# The model judges each run alone, and a killed run marks rows that the audit log does not know of.
SETTINGS = {"max_delete_rows": LIMITS.rows, "max_delete_fraction": LIMITS.fraction, "max_delete_days": 0}

FLAWED = {"id": 999, "c": "k999"}
"""Key of the record that never fits."""

KEYS: tuple[dict[str, Any], ...] = ({"id": INTEGER}, {"c": STRING}, {"id": INTEGER, "c": STRING})

COLUMNS: dict[str, tuple[dict[str, Any], Callable[[Random], Any]]] = {
    "t": (STRING, lambda dice: dice.choice(["", "a", "O'Brien", 'back`tick "', "ünï\u2028", "NULL", "\\n"])),
    "s": (INTEGER, lambda dice: dice.choice([0, 1, -1, 2**63 - 1, -(2**63)])),
    "h": ({"type": ["number", "null"]}, lambda dice: dice.choice([0.0, 0.1, 1e300, -2.5])),
    "price": (DECIMAL, lambda dice: Decimal(dice.choice(["0", "0.1", "12345678901234567890.123456789", "-7.50"]))),
    "end": ({"type": ["boolean", "null"]}, lambda dice: dice.random() < 0.5),
    "later": (TIMESTAMP, lambda dice: dt.datetime(2024, 5, dice.randint(1, 3), 1, 2, 3, 456789, tzinfo=dt.UTC)),
    "select": ({"type": ["string", "null"], "format": "date"}, lambda dice: dt.date(1999, 12, dice.randint(29, 31))),
    "tags": ({"type": ["array", "null"], "items": STRING}, lambda dice: dice.choices(["x", "y"], k=dice.randint(0, 2))),
    "item_1": ({"type": ["object", "null"]}, lambda dice: dice.choice([{}, {"a": [1, None]}, {"a": {"b": "c"}}])),
    "group": (
        {"type": ["object", "null"], "properties": {"s": STRING, "t": INTEGER}},
        lambda dice: {"s": dice.choice(["Main", None]), "t": dice.randint(1, 2)},
    ),
}
"""Columns by name: their JSON Schema, and a function that makes a value. Names are those of aliases, keywords."""


class Source:
    """One stream: rows that change, and the messages of a tap about them."""

    def __init__(self, name: str, dice: Random, *, flawed: bool = False) -> None:
        self.name = name
        self._flawed = flawed
        self._dice = dice
        self._key = dice.choice(KEYS)
        self._columns = dice.sample(sorted(COLUMNS), dice.randint(1, 5))
        self._rows: dict[Key, dict[str, Any]] = {}
        self._gone: list[Key] = []
        self._version = 0
        self._snapshots = dice.random() < 0.7

    @property
    def key(self) -> list[str]:
        """Names of the key columns."""
        return list(self._key)

    def messages(self) -> list[Message]:
        """Let the source change, and return the messages of one run of the tap."""
        self._change()
        if self._dice.random() < 0.3:
            self._change_columns()
        first = self._schema()
        said = self._snapshot() if self._snapshots else self._changes()
        if self._snapshots and self._dice.random() < 0.2:  # a tap that reads the changes first, and then everything
            said = [*self._changes(), *said]
        if self._dice.random() < 0.15:  # the same once more, or with another column
            self._columns = sorted({*self._columns, self._dice.choice(sorted(COLUMNS))})
            said.insert(self._dice.randint(0, len(said)), self._schema())
        return [first, *self._flaw(), *said]

    def _schema(self) -> Message:
        flaw = {FLAW: INTEGER} if self._flawed else {}
        columns = {name: COLUMNS[name][0] for name in self._columns}
        return schema(self.name, {**self._key, **columns, **flaw}, self._key)

    def _flaw(self) -> list[Message]:
        values = {**{name: FLAWED[name] for name in self._key}, FLAW: "none of its kind"}
        return [record(self.name, values, self._version or None)] if self._flawed else []

    def _change(self) -> None:
        dice = self._dice
        for key in [key for key in self._rows if dice.random() < 0.25]:
            self._gone.append(key)
            del self._rows[key]
        if dice.random() < 0.1:
            self._gone += self._rows
            self._rows = {}
        for key in [key for key in self._rows if dice.random() < 0.4]:
            self._rows[key] = self._values(key)
        for _ in range(dice.randint(0, 5)):
            number = dice.randint(1, 12)
            key = tuple({"id": number, "c": f"k{number}"}[name] for name in self._key)
            self._rows[key] = self._values(key)

    def _change_columns(self) -> None:
        other = sorted(set(COLUMNS) - set(self._columns))
        if len(self._columns) > 1 and self._dice.random() < 0.4:
            self._columns.pop()
        elif other:
            self._columns.append(self._dice.choice(other))
        self._rows = {key: self._values(key) if self._dice.random() < 0.5 else row for key, row in self._rows.items()}

    def _values(self, key: Key) -> dict[str, Any]:
        values = {name: COLUMNS[name][1](self._dice) for name in self._columns if self._dice.random() < 0.85}
        absent = {name: None for name in self._columns if name not in values and self._dice.random() < 0.5}
        return {**dict(zip(self._key, key, strict=True)), **values, **absent}

    def _records(self, keys: Iterable[Key], version: int | None) -> list[Message]:
        records = [record(self.name, self._said(self._rows[key]), version) for key in keys]
        self._dice.shuffle(records)
        repeated = [message for message in records if self._dice.random() < 0.2]
        return [*records, *repeated]

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name in self._key or name in self._columns}

    def _snapshot(self) -> list[Message]:
        dice = self._dice
        self._version += 1
        records = self._records(self._rows, self._version)
        end = activate(self.name, self._version)
        kind = dice.choice(["complete"] * 5 + ["early", "twice", "none", "late record"])
        if kind == "late record" and records:
            return [*records[:-1], end, records[-1]]
        return {"early": [end, *records], "twice": [end, *records, end], "none": records}.get(kind, [*records, end])

    def _changes(self) -> list[Message]:
        changed = self._records([key for key in self._rows if self._dice.random() < 0.6], None)
        gone = [
            record(self.name, {**dict(zip(self._key, key, strict=True)), DELETED_AT: dt.datetime.now(dt.UTC)})
            for key in self._gone
            if key not in self._rows and self._dice.random() < 0.8
        ]
        return [*changed, *gone]


def interleaved(streams: dict[str, list[Message]], dice: Random) -> list[Message]:
    """Return the messages of several streams in one order, each stream's own order kept, with STATE between them.

    The bookmark of a stream is how many of its messages came before the STATE.
    """
    left = {name: list(reversed(messages)) for name, messages in streams.items()}
    sent = dict.fromkeys(streams, 0)
    mixed: list[Message] = []
    while any(left.values()):
        name = dice.choice([name for name, messages in left.items() if messages])
        for _ in range(min(dice.randint(1, 8), len(left[name]))):
            mixed.append(left[name].pop())
            sent[name] += 1
        if dice.random() < 0.2 or not any(left.values()):
            mixed.append({"type": "STATE", "value": {"bookmarks": {name: at for name, at in sent.items() if at}}})
    return mixed


def as_batches(messages: Iterable[Message], dice: Random, folder: Path) -> Iterator[Message]:
    """Yield the same messages, with some of the records that follow one another in a BATCH message or in its file."""
    for number, (kind, group) in enumerate(groupby(messages, lambda message: (message["type"], message.get("stream")))):
        if kind[0] != "RECORD" or dice.random() < 0.5:
            yield from group
            continue
        for version, records in groupby(group, lambda message: message.get("version")):
            lines = b"".join(b"%s\n" % line for line in encoded(message["record"] for message in records))
            if dice.random() < 0.5:
                address = f"data:;base64,{base64.b64encode(lines).decode()}"
            else:
                address = str(folder / f"{number}-{version}.jsonl")
                Path(address).write_bytes(lines)
            yield {
                "type": "BATCH",
                "stream": kind[1],
                "encoding": {"format": "jsonl"},
                "manifest": [address],
                "version": version,
            }


def of_stream(messages: Iterable[Message], name: str) -> list[Message]:
    """Return the messages of one stream."""
    return [message for message in messages if message.get("stream") == name]
