"""The input of a company's runs: many small streams, of which all, some or none have changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from benchmarks.shapes import EXTRACTED, TWENTY_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from benchmarks.shapes import Json

MOST_ROWS = 100
STREAMS = tuple(f"stream_{number:03}" for number in range(155))
TENTH = 10
"""Of ten rows, or of about ten streams, one changes."""

NEW = "newer"
"""The text of a changed row."""

CHANGED_COLUMN = "str_2"

Rows = dict[int, bool]
"""The rows of a stream in a run: their ids, and whether each has changed."""


@dataclass(frozen=True)
class Run:
    """What a tap writes in one run.

    Attributes:
        rows: The rows that each stream brings. A stream with none has only its SCHEMA.
        version: The number of a complete snapshot; None for an incremental run.
        streams: All streams.
    """

    rows: dict[str, Rows]
    version: int | None
    streams: Sequence[str] = field(default=STREAMS)

    @property
    def digest(self) -> str:
        """A hash of the content, so that runs have files of their own."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def write(self, path: Path) -> None:
        """Write the messages: stream by stream a SCHEMA, RECORDs, an ACTIVATE_VERSION and a STATE."""
        tails = TWENTY_COLUMNS.tails(2 * MOST_ROWS)
        with path.open("wb") as file:
            bookmarks: Json = {}
            for stream in self.streams:
                file.writelines(self._messages(stream, tails, bookmarks))

    def _messages(self, stream: str, tails: Sequence[bytes], bookmarks: Json) -> Iterator[bytes]:
        rows = self.rows.get(stream, {})
        yield _line(TWENTY_COLUMNS.schema(stream))
        for key, is_changed in rows.items():
            record = orjson.loads(b'{"id":%d,%b' % (key, tails[key - 1]))
            if is_changed:
                record[CHANGED_COLUMN] = NEW
            yield _line(self._versioned({"type": "RECORD", "stream": stream, "record": record}))
        if self.version is not None:
            yield _line(self._versioned({"type": "ACTIVATE_VERSION", "stream": stream}))
        bookmarks[stream] = {"replication_key_value": EXTRACTED}
        yield _line({"type": "STATE", "value": {"bookmarks": bookmarks}})

    def _versioned(self, message: Json) -> Json:
        return message if self.version is None else {**message, "version": self.version}


def _line(message: Json) -> bytes:
    if message["type"] == "RECORD":
        message["time_extracted"] = EXTRACTED
    return orjson.dumps(message) + b"\n"


def rows_of(stream: str) -> int:
    """Return how many rows a stream has: 1 to 100."""
    return 1 + 37 * int(stream.rpartition("_")[2]) % MOST_ROWS


def snapshot(version: int, streams: Sequence[str] = STREAMS, changed: Collection[str] = ()) -> Run:
    """Return a run that brings all rows of all streams, of which every tenth has changed in some streams.

    Args:
        version: Tells the runs apart; a later one has a higher number.
        streams: The streams.
        changed: Those of them in which rows have changed.
    """
    rows = {
        stream: {key: stream in changed and key % TENTH == 1 for key in range(1, rows_of(stream) + 1)}
        for stream in streams
    }
    return Run(rows, version, streams)


def increment(busy: Sequence[str]) -> Run:
    """Return an incremental run in which some streams bring rows: as many as they have, half of them new ones."""
    rows = {stream: dict.fromkeys(_late_keys(rows_of(stream)), True) for stream in busy}
    return Run(rows, None)


def _late_keys(count: int) -> range:
    first = count // 2 + 1
    return range(first, first + count)
