"""A table that a target keeps up to date from the tap's messages, as plain Python.

It does what the messages say and guards against nothing: it upserts by key, `_sdc_deleted_at` marks a row deleted, and
an ACTIVATE_VERSION after the last record of its version marks the rows whose keys have not come since the first one.
So do ranges that the tap says that it has read, for the rows in them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from support.tap.harness import READ_MEMBER
from tap_servicetitan.specs.spec import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from support.tap.harness import Message

Key = tuple[Any, ...]


@dataclass(slots=True)
class Row:
    """A row."""

    record: dict[str, Any]
    live: bool


@dataclass
class Table:
    """The rows of one stream, from run to run."""

    rows: dict[Key, Row] = field(default_factory=dict)

    @property
    def live(self) -> dict[Key, dict[str, Any]]:
        """The records of the rows that are not marked deleted."""
        return {key: row.record for key, row in self.rows.items() if row.live}

    def run(self, messages: Iterable[Message], stream: str) -> set[Key]:
        """Apply the messages of one run, and return the keys that it marked deleted.

        Args:
            messages: All messages of the run.
            stream: The stream whose table this is.
        """
        before = self.live.keys()
        present: set[Key] = set()
        names: list[str] = []
        records: Counter[int | None] = Counter()
        activated: dict[int, int] = {}
        for message in _of_stream(messages, stream):
            self._sweep(message, stream, records, present)
            if message["type"] == "SCHEMA":
                names = message["key_properties"]
            elif message["type"] == "RECORD":
                present = _still_present(message, records, present)
                present.add(self._write(message["record"], names))
                records[message.get("version")] += 1
            elif message["type"] == "ACTIVATE_VERSION":
                activated.setdefault(message["version"], records[message["version"]])
        if _has_snapshot(activated, records):
            self._mark_absent(present)
        return set(before - self.live.keys())

    def _sweep(self, message: Message, stream: str, records: Counter[int | None], present: set[Key]) -> None:
        """Mark what is gone from ranges, if a message says that they were read."""
        if swept := message.get(READ_MEMBER, {}).get(stream, {}).get("swept"):
            assert set(records) <= {None, swept["version"]}
            self._mark_absent(present, swept)

    def _write(self, record: dict[str, Any], names: list[str]) -> Key:
        """Write a record, and return its key."""
        key = tuple(record.get(name) for name in names)
        if record.get(DELETED_AT) is None:
            self.rows[key] = Row(record, live=True)
        elif key in self.rows:
            self.rows[key].live = False
        else:
            self.rows[key] = Row(record, live=False)
        return key

    def _mark_absent(self, present: set[Key], swept: Message | None = None) -> None:
        for key, row in self.rows.items():
            is_read = swept is None or any(_is_in(row.record[swept["property"]], bounds) for bounds in swept["ranges"])
            row.live = row.live and (key in present or not is_read)


def _of_stream(messages: Iterable[Message], stream: str) -> Iterator[Message]:
    return (message for message in messages if message.get("stream") == stream or READ_MEMBER in message)


def _is_in(value: Any, bounds: Message) -> bool:  # noqa: ANN401 - a key or a time
    """Return whether a value is in a range. Times of a test have one form."""
    return value is not None and (
        ("after" not in bounds or value > bounds["after"])
        and ("to" not in bounds or value <= bounds["to"])
        and ("from" not in bounds or _seconds(value) >= _seconds(bounds["from"]))
        and ("before" not in bounds or _seconds(value) < _seconds(bounds["before"]))
    )


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _still_present(message: Message, records: Counter[int | None], present: set[Key]) -> set[Key]:
    """Return the keys that count as present: none when a snapshot begins, as what only changes brought is gone."""
    begins = message.get("version") is not None and not records[message["version"]]
    return set() if begins else present


def _has_snapshot(activated: dict[int, int], records: Counter[int | None]) -> bool:
    """Return whether a version was activated after its last record, or one without any in a run without any."""
    complete = any(count and count == records[version] for version, count in activated.items())
    return complete or (bool(activated) and not records.total())
