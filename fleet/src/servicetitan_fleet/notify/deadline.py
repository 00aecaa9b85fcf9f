"""The time that is left for messages. It becomes short when the run is stopped: the machine ends it soon."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

SECONDS = 120.0
SECONDS_AFTER_STOP = 4.0
"""Cloud Run kills a process ten seconds after it has asked it to end."""


class Deadline:
    """When to stop trying. Safe to use from several threads."""

    def __init__(self, is_stopped: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Start the time.

        Args:
            is_stopped: Whether the run was stopped.
            seconds: How long there is while it is not.
        """
        self._is_stopped = is_stopped
        self._seconds = seconds
        self._is_short = False
        self.start()

    def start(self) -> None:
        """Start the time anew: what came before the messages does not count."""
        self._end = time.monotonic() + self._seconds

    @property
    def remaining(self) -> float:
        """Seconds that are left; 0 or less: none."""
        if not self._is_short and self._is_stopped():
            self._is_short = True
            self._end = min(self._end, time.monotonic() + SECONDS_AFTER_STOP)
        return self._end - time.monotonic()

    def wait(self, seconds: float) -> bool:
        """Wait, and return whether the time was enough. It does not wait when it is not."""
        end = time.monotonic() + seconds
        while (needed := end - time.monotonic()) > 0:
            if self.remaining < needed:
                return False
            time.sleep(min(0.1, needed))
        return self.remaining > 0

    def call(self, work: Callable[[], T], seconds: float) -> T:
        """Call a function that may hang, and return its result.

        Args:
            work: The function. It goes on in a thread of its own if it hangs.
            seconds: How long to wait; less if less is left, so that there is time for what follows.

        Raises:
            PluginError: If it has not ended by then. Its own errors are passed on.
        """
        results = queue.SimpleQueue[tuple[T, None] | tuple[None, BaseException]]()

        def run() -> None:
            try:
                results.put((work(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised below
                results.put((None, error))

        threading.Thread(target=run, name="deadline-call", daemon=True).start()
        try:
            result, error = results.get(timeout=max(0.0, min(seconds, self.remaining / 2)))
        except queue.Empty:
            raise PluginError("the storage does not answer") from None
        if error:
            raise error
        return result  # type: ignore[return-value] # there was no error
