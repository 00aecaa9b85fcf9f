"""How the threads of a run learn that it is over."""

from __future__ import annotations

from threading import Event


class HaltedError(Exception):
    """The run is over: what a worker was about to do is not needed any more."""


class Halt:
    """Tells the workers of a run that it is over."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        """End every pause, now and from now on."""
        self._event.set()

    def sleep(self, seconds: float) -> None:
        """Pause.

        Raises:
            HaltedError: If the run is over before the pause is.
        """
        if self._event.wait(seconds):
            raise HaltedError
