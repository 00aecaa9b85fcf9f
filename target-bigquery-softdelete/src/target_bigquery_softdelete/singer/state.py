"""Composes the STATE that is safe to emit. Pure: it tracks reads and writes, and does no I/O.

A STATE message covers every record before it. The target may emit it only when all those records are in their tables.
A Singer state has a bookmark for each stream (`{"bookmarks": {stream: ...}}`), and each bookmark is released
separately: a slow or failed stream that has a bookmark of its own holds back only that.

A stream without one hangs on another's: a tap reads the children of a record when it reads the record, and remembers
only the parent's place. Which bookmark covers it, the messages do not say. As long as such a stream has records that
are not written, no bookmark is released, unless the tap says that no other stream's covers them.
"""

from __future__ import annotations

from typing import Any

import msgspec

State = Any
"""The value of a STATE message: any JSON. Only an object with an object of bookmarks is taken apart."""

BOOKMARKS = "bookmarks"
PARTITIONS = "partitions"
"""Where the Singer SDK keeps what a stream has for each of its parents. A parent that is not read again has no say."""
_NO_PLACE = frozenset(
    {
        PARTITIONS,
        "progress_markers",
        "replication_key",
        "replication_key_signpost",
        "starting_replication_value",
        "version",
    }
)
"""Fields of a bookmark that do not say how far a stream was read."""
_REST = "\0"
"""Key for the parts of a state that belong to no stream. No stream has such a name."""
_NULL = msgspec.Raw(b"null")
"""A state that is null. None stands for no state."""
_DROPPED = object()
"""Value for the bookmark of a stream that the last state no longer contains."""


def says_place(bookmark: object) -> bool:
    """Return whether a bookmark says by itself where its stream goes on.

    >>> [says_place(bookmark) for bookmark in ({}, {"value": None}, {"partitions": [{"context": {"id": 1}}]})]
    [False, False, False]
    >>> [says_place(bookmark) for bookmark in ({"version": 7}, {"replication_key": "id"}, {"replication_key_value": 7})]
    [False, False, True]
    """
    parts = [bookmark]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += [value for name, value in part.items() if name not in _NO_PLACE]
        elif isinstance(part, list):
            parts += part
        elif part is not None and part is not False and part != "" and part is not _DROPPED:
            return True
    return False


def _copy(state: State) -> State:
    """Return a copy of a state, made without recursion: it may be nested deeper than Python's stack."""
    copied = [state]
    containers: list[Any] = [copied]
    while containers:
        container = containers.pop()
        for place, value in list(container.items() if isinstance(container, dict) else enumerate(container)):
            if isinstance(value, (dict, list)):
                container[place] = value.copy()
                containers.append(container[place])
    return copied[0]


class StateComposer:
    """Holds back each bookmark until the records that it covers are written."""

    def __init__(self) -> None:
        self._released: State | None = None
        self._held: dict[str, Any] = {}
        self._silent: dict[str, Any] = {}
        """Bookmarks that were held when the tap began to leave them out of its states."""
        self._placed: set[str] = set()
        """Streams that have a bookmark of their own in the last state."""
        self._independent: set[str] = set()
        """Streams whose records no other stream's bookmark covers, as the tap says."""
        self._streams: set[str] = set()
        self._unwritten: set[str] = set()
        self._tableless: set[str] = set()
        """Streams that begin, and have no table yet. With a bookmark, the next run would take its rows for lost."""
        self._written: set[str] = set()
        """Streams of which everything was written at some time of this run."""
        self._emitted: bytes | None = None
        """The last state that was emitted, as text: 0 and false are equal in Python, and not in JSON."""

    def note_record(self, stream: str) -> None:
        """Note that a record of the stream was read and is not written yet."""
        self._streams.add(stream)
        self._unwritten.add(stream)

    def note_stream(self, stream: str, *, is_independent: bool = False) -> None:
        """Note that the stream exists, so that the bookmark with its name belongs to it.

        Args:
            stream: Its name.
            is_independent: Whether no bookmark but its own covers its records, even while it has none.
        """
        self._streams.add(stream)
        if is_independent:
            self._independent.add(stream)

    def note_tableless(self, stream: str) -> None:
        """Note that a stream that begins has no table, so that its bookmark must wait for that."""
        self._tableless.add(stream)

    def note_state(self, state: State) -> None:
        """Note a STATE message. It replaces earlier ones."""
        state = _NULL if state is None else _copy(state)
        bookmarks = state.get(BOOKMARKS) if isinstance(state, dict) else None
        named = bookmarks if isinstance(bookmarks, dict) else {}
        held = {name: part for name, part in self._held.items() if name != _REST and part is not _DROPPED}
        can_hold = isinstance(state, dict) and isinstance(bookmarks, (dict, type(None)))
        silent = {**self._silent, **held} if can_hold else {}  # a state of another shape has no room for them
        self._silent = {name: part for name, part in silent.items() if name not in named}
        self._held = {_REST: state}
        self._placed = set()
        if isinstance(bookmarks, dict):
            dropped = dict.fromkeys((*self._bookmarks(), *self._silent), _DROPPED)
            self._held = {**dropped, **bookmarks, _REST: {**state, BOOKMARKS: {}}}
            self._placed = {name for name, value in bookmarks.items() if says_place(value)}
        self._release()

    def mark_written(self, stream: str) -> None:
        """Note that all records of the stream read so far are written, and that it has a table."""
        self._unwritten.discard(stream)
        self._tableless.discard(stream)
        self._written.add(stream)
        self._release()

    def next_state(self) -> State | None:
        """Return the state that is safe to emit now, or None if it was already returned."""
        if self._released is None:
            return None
        text = msgspec.json.encode(self._released)
        if text == self._emitted:
            return None
        self._emitted = text
        return _copy(self._released)

    def _release(self) -> None:
        for name in [name for name in self._held if self._is_releasable(name)]:
            self._release_part(name, self._held.pop(name))
        if not self._unwritten:
            for name in self._silent.keys() - self._streams - self._written:
                self._release_part(name, self._silent.pop(name))

    def _is_releasable(self, name: str) -> bool:
        if self._held[name] is _DROPPED and name not in self._written:
            # The old bookmark of a stream that is not in this run, or that has yet to come, says where to go on. It is
            # not given up because the tap is silent about it.
            return False
        if name not in self._streams:
            return not self._unwritten  # a part that belongs to no known stream may cover the records of any stream
        is_held = name in self._unwritten or name in self._tableless
        return not is_held and self._unwritten <= self._placed | self._independent

    def _release_part(self, name: str, part: Any) -> None:  # noqa: ANN401 - a bookmark is any JSON
        bookmarks = self._bookmarks()
        if name != _REST:
            others = {other: value for other, value in bookmarks.items() if other != name}
            bookmarks = others if part is _DROPPED else {**others, name: part}
            self._released = {**(self._released if isinstance(self._released, dict) else {}), BOOKMARKS: bookmarks}
        elif isinstance(part, dict) and isinstance(part.get(BOOKMARKS), dict):
            self._released = {**part, BOOKMARKS: bookmarks}
        elif isinstance(part, dict) and part.get(BOOKMARKS) is None:
            kept = {stream: value for stream, value in bookmarks.items() if stream not in self._written}
            self._released = {**part, BOOKMARKS: kept} if kept else part
        else:
            self._released = part

    def _bookmarks(self) -> dict[str, Any]:
        bookmarks = self._released.get(BOOKMARKS) if isinstance(self._released, dict) else None
        return bookmarks if isinstance(bookmarks, dict) else {}
