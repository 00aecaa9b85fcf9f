"""Measures where the time of a run goes: waiting for the source, staging its rows, and BigQuery."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_bigquery_softdelete.plugin_runtime.compat import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class TimeSpent:
    """The seconds of a run, each counted once."""

    source: float
    """Waiting for the next line of the input."""
    staging: float
    """Converting and loading rows, as far as the run waited for it."""
    bigquery: float
    """All else: lease, checks, merges."""

    @property
    def columns(self) -> dict[str, int]:
        """The same in milliseconds, as columns of the audit log."""
        parts = {"source_ms": self.source, "staging_ms": self.staging, "bigquery_ms": self.bigquery}
        return {name: round(seconds * 1000) for name, seconds in parts.items()}

    @override
    def __str__(self) -> str:
        total = self.source + self.staging + self.bigquery
        return (
            f"took {total:.1f} s: waiting for the source {self.source:.1f} s, staging {self.staging:.1f} s, "
            f"BigQuery {self.bigquery:.1f} s"
        )


class Stopwatch:
    """Runs from its making. Safe to use from several threads.

    Where streams are finished side by side, a second in which one of four stages its rows is a quarter of a second of
    staging. What is loaded while the run reads on costs nothing.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """Start it.

        Args:
            seconds: Returns seconds that never go backwards.
        """
        self._seconds = seconds
        self._lock = threading.Lock()
        self._began = self._last = seconds()
        self._source = self._staging = 0.0
        self._waiting = 0
        self._stagers = 0
        self._streams = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for the source in the block."""
        self._change(waiting=1)
        try:
            yield
        finally:
            self._change(waiting=-1)

    @contextmanager
    def staging(self) -> Iterator[None]:
        """Convert or load rows in the block."""
        self._change(stagers=1)
        try:
            yield
        finally:
            self._change(stagers=-1)

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Finish one of several streams in the block, in a thread of its own."""
        self._change(streams=1)
        try:
            yield
        finally:
            self._change(streams=-1)

    def read(self) -> TimeSpent:
        """Return what was spent so far. It goes on running."""
        with self._lock:
            self._count()
            passed = self._last - self._began
            return TimeSpent(self._source, self._staging, passed - self._source - self._staging)

    def _change(self, *, waiting: int = 0, stagers: int = 0, streams: int = 0) -> None:
        with self._lock:
            self._count()
            self._waiting += waiting
            self._stagers += stagers
            self._streams += streams

    def _count(self) -> None:
        """Add the time since the last change to what was done in it."""
        now = self._seconds()
        passed, self._last = now - self._last, now
        if self._waiting:
            self._source += passed
        elif self._stagers:
            self._staging += passed * self._stagers / max(self._stagers, self._streams)
