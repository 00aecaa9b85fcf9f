"""Room for the pages that are in memory: they wait for each other before they are decompressed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOM_BYTES = 20 << 20
"""The pages of all streams that are in memory at the same time: four large ones. More would not be written sooner."""

SMALL_BYTES = 1 << 18
"""A page with fewer bytes takes no room: so small ones never wait."""

LONGEST_WAIT_SECONDS = 2.0
"""If for so long nothing was written, those that have room wait for something else than the output: then the next page
does not wait for them."""


class Place:
    """The room that one page takes. It is given back at the latest when nobody knows of it any more."""

    def __init__(self, room: Room, size: int) -> None:
        self._room = room
        self._size = size

    def give_back(self) -> None:
        """Give the room to another page."""
        size, self._size = self._size, 0
        if size:
            self._room.give_back(size)

    def __del__(self) -> None:
        self.give_back()


class Room:
    """Bounds the bytes of pages in memory. Safe to share between threads."""

    def __init__(
        self,
        writes: Callable[[], int],
        *,
        most_bytes: int = ROOM_BYTES,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        """Start empty.

        Args:
            writes: Returns a number that changes with each write, and is odd while one is under way.
            most_bytes: How many bytes there is room for. A single page may have more.
            longest_wait_seconds: How long a page waits while none is being written.
        """
        self._writes = writes
        self._most_bytes = most_bytes
        self._longest_wait_seconds = longest_wait_seconds
        self._taken = 0
        self._events = 0
        """How often a page has gone, or has come although there was no room."""
        # Not a plain lock: a place may be given back by the garbage collector, in a thread that has the lock.
        self._changed = threading.Condition(threading.RLock())

    def take(self, size: int) -> Place | None:
        """Wait until there is room for a page, and take it.

        Args:
            size: The bytes of the page.

        Returns:
            The place, or None for a small page, which needs none.
        """
        if size < SMALL_BYTES:
            return None
        with self._changed:
            while self._taken and self._taken + size > self._most_bytes:
                before = self._events, self._writes()
                self._changed.wait(self._longest_wait_seconds)
                if before == (self._events, self._writes()) and before[1] % 2 == 0:
                    self._events += 1  # one at a time
                    break
            self._taken += size
        return Place(self, size)

    def give_back(self, size: int) -> None:
        """Take note that a page is gone."""
        with self._changed:
            self._taken -= size
            self._events += 1
            self._changed.notify_all()
