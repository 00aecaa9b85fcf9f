"""Tells the threads of a run that it has ended."""

from __future__ import annotations

from threading import Event

from tap_servicetitan.errors import RunCancelledError


class Cancellation:
    """A flag that all threads of a run share. It is set once, when the run ends early."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        """Cancel the run: end every pause, now and from now on."""
        self._event.set()

    def sleep(self, seconds: float) -> None:
        """Pause.

        Raises:
            RunCancelledError: If the run is cancelled before the pause is over.
        """
        if self._event.wait(seconds):
            raise RunCancelledError
