"""Composes the STATE that is true so far. Pure: it knows what was read and what was written, and does no I/O.

A STATE message covers every record before it. It may leave the target only when all those records are in their tables.
Singer states are kept by stream (`{"bookmarks": {stream: ...}}`), so each stream's bookmark is released on its own: one
slow or failed stream holds back only its own.
"""

from __future__ import annotations

import copy
from typing import Any

State = dict[str, Any]

BOOKMARKS = "bookmarks"
_REST = ""
"""Stands for everything of a state that belongs to no stream. No stream has an empty name."""
_DROPPED = object()
"""Stands for the bookmark of a stream that the last state does not have any more."""


class StateComposer:
    """Holds back bookmarks until their records are written."""

    def __init__(self) -> None:
        self._released: State | None = None
        self._held: dict[str, Any] = {}
        self._streams: set[str] = set()
        self._unwritten: set[str] = set()
        self._emitted: State | None = None

    def record_read(self, stream: str) -> None:
        """Note that a record of the stream was read and is not written yet."""
        self._streams.add(stream)
        self._unwritten.add(stream)

    def stream_seen(self, stream: str) -> None:
        """Note that the stream exists, so that its bookmark is known to be its own."""
        self._streams.add(stream)

    def state_read(self, state: State) -> None:
        """Take a STATE message. Later ones replace earlier ones."""
        state = copy.deepcopy(state)
        bookmarks = state.get(BOOKMARKS)
        self._held = {_REST: state}
        if isinstance(bookmarks, dict):
            dropped = dict.fromkeys(self._bookmarks(), _DROPPED)
            self._held = {**dropped, **bookmarks, _REST: {**state, BOOKMARKS: {}}}
        self._release()

    def written(self, stream: str) -> None:
        """Note that every record of the stream that was read so far is written."""
        self._unwritten.discard(stream)
        self._release()

    def next_state(self) -> State | None:
        """Return the state that is true now, or nothing when it was returned before."""
        if self._released is None or self._released == self._emitted:
            return None
        self._emitted = copy.deepcopy(self._released)
        return copy.deepcopy(self._released)

    def _release(self) -> None:
        for name in [name for name in self._held if self._is_true(name)]:
            self._take(name, self._held.pop(name))

    def _is_true(self, name: str) -> bool:
        # What belongs to no known stream may speak of any of them.
        return name not in self._unwritten if name in self._streams else not self._unwritten

    def _take(self, name: str, part: Any) -> None:  # noqa: ANN401 - a bookmark is any JSON
        bookmarks = self._bookmarks()
        if name != _REST:
            others = {other: value for other, value in bookmarks.items() if other != name}
            bookmarks = others if part is _DROPPED else {**others, name: part}
            self._released = {**(self._released or {}), BOOKMARKS: bookmarks}
        elif BOOKMARKS in part:
            self._released = {**part, BOOKMARKS: bookmarks}
        else:
            self._released = part

    def _bookmarks(self) -> dict[str, Any]:
        bookmarks: dict[str, Any] = (self._released or {}).get(BOOKMARKS, {})
        return bookmarks
