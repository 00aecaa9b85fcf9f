"""Follows the bookmarks in the STATE messages. Pure: it compares, and does no I/O.

A bookmark that moves while a snapshot is read says that the tap goes on from there after a crash. A bookmark that was
there before the stream began says that the tap reads only what came after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.singer.state import BOOKMARKS

if TYPE_CHECKING:
    from target_bigquery_softdelete.singer.state import State


class Bookmarks:
    """The last bookmark of each stream, as far as the tap has sent one."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}

    def note_state(self, state: State) -> list[str]:
        """Note a STATE message, and return the names of the streams whose bookmark has changed."""
        bookmarks = state.get(BOOKMARKS)
        if not isinstance(bookmarks, dict):
            return []
        moved = [stream for stream, value in bookmarks.items() if self._last.get(stream) != value]
        self._last = bookmarks
        return moved

    def can_resume(self, stream: str) -> bool:
        """Return whether the last STATE has a bookmark of the stream to read on from: an object with any value."""
        bookmark = self._last.get(stream)
        return isinstance(bookmark, dict) and any(value is not None for value in bookmark.values())
