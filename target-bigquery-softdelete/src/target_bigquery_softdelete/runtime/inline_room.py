"""How much converted data the streams of a run may hold in memory, in the hope that statements can carry it."""

from __future__ import annotations

import threading

MOST_HELD_BYTES = 48 << 20
"""Bytes of records, as they came, that all streams together hold converted. Beyond it they go to files."""


class InlineRoom:
    """The room of one run."""

    def __init__(self, most_bytes: int) -> None:
        """Begin with all of it.

        Args:
            most_bytes: The longest text of rows that a statement may carry. 0 if none may.
        """
        self.most_bytes = most_bytes
        self._held = 0
        self._lock = threading.Lock()

    def take(self, size: int, held: int) -> bool:
        """Return whether a stream may hold another block, and count it.

        Args:
            size: How long its records are.
            held: What the stream holds already.
        """
        # Records name their properties, so their text is mostly longer than that of the rows.
        if held + size > 2 * self.most_bytes:
            return False
        with self._lock:
            if self._held + size > MOST_HELD_BYTES:
                return False
            self._held += size
            return True

    def give_back(self, size: int) -> None:
        """Count what is held no longer."""
        with self._lock:
            self._held -= size
