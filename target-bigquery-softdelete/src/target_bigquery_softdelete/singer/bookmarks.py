"""Follows the bookmarks in the STATE messages. Pure: it compares, and does no I/O.

A bookmark that moves while a snapshot is read says that the tap goes on from there after a crash. A bookmark that was
there before the stream began says that the tap reads only what came after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.singer.state import BOOKMARKS
from target_bigquery_softdelete.singer.version_numbers import whole_version

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_bigquery_softdelete.singer.state import State


class Bookmarks:
    """The last bookmark of each stream, as far as the tap has sent one."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}
        self._last_whole: State | None = None

    def note_state(self, state: State, streams: Collection[str]) -> Collection[str]:
        """Note a STATE message, and return the names of the streams whose bookmark has changed.

        Args:
            state: Its value.
            streams: The streams so far. A state without bookmarks may be that of any of them.
        """
        has_changed, self._last_whole = state != self._last_whole, state
        bookmarks = state.get(BOOKMARKS) if isinstance(state, dict) else None
        if not isinstance(bookmarks, dict):
            return streams if has_changed else ()
        moved = [stream for stream, value in bookmarks.items() if self._last.get(stream) != value]
        self._last = bookmarks
        return moved

    def can_resume(self, stream: str) -> bool:
        """Return whether the last STATE has a bookmark of the stream to read on from: an object with any value."""
        bookmark = self._last.get(stream)
        return isinstance(bookmark, dict) and any(value is not None for value in bookmark.values())

    def version(self, stream: str) -> int | None:
        """Return the version that the last bookmark of the stream names: the tap goes on with it.

        The pipelinewise taps keep it there: https://github.com/transferwise/pipelinewise-tap-mysql.
        """
        bookmark = self._last.get(stream)
        return whole_version(bookmark.get("version")) if isinstance(bookmark, dict) else None
