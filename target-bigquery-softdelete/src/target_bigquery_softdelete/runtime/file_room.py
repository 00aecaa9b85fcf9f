"""How much the local files of a run may take on its disk, which on Cloud Run is memory."""

from __future__ import annotations

import threading

FILE_BYTES = 64 << 20
"""Size at which a Parquet file is loaded. Larger files need fewer load jobs, smaller ones are loaded earlier."""

MOST_OPEN_BYTES = 128 << 20
"""Each file that is being written may have its share of this, or `FILE_BYTES` if that is less."""

MOST_WAITING_BYTES = 256 << 20
"""Size of all files together that wait for their load. When it is reached, reading waits."""


class FileRoom:
    """The room of one run. Safe to use from several threads."""

    def __init__(self) -> None:
        """Begin with all of it."""
        self._open = 0
        self._waiting = 0
        self._changed = threading.Condition()

    def open(self) -> None:
        """Count a file that is being written."""
        with self._changed:
            self._open += 1

    def close(self) -> None:
        """Count it no longer."""
        with self._changed:
            self._open -= 1

    def is_full(self, size: int) -> bool:
        """Return whether a file that is being written has become as large as it may.

        Args:
            size: Its size in bytes.
        """
        with self._changed:
            return size >= min(FILE_BYTES, MOST_OPEN_BYTES // max(1, self._open))

    def wait_for_load(self, size: int) -> None:
        """Count a file that waits for its load. If others already wait with all that may, wait for them first.

        Args:
            size: Its size in bytes.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._waiting + size <= MOST_WAITING_BYTES)
            self._waiting += size

    def end_load(self, size: int) -> None:
        """Count it no longer: it is loaded, or never will be."""
        with self._changed:
            self._waiting -= size
            self._changed.notify_all()
