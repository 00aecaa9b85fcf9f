"""The clock of a tenant's server: the times of its changes and its `Date` headers."""

from __future__ import annotations

from servicetitan_sandbox.servicetitan.data import ticks


class Clock:
    """Real time, and what the server is ahead of it.

    Args:
        ahead: How far it is ahead at the start, in seconds; negative if it is behind.
        seconds_per_request: How far it moves on with each request, in addition to real time.
    """

    def __init__(self, ahead: float, seconds_per_request: float) -> None:
        self._ahead = int(ahead * ticks.SECOND)
        self._per_request = int(seconds_per_request * ticks.SECOND)

    def now(self) -> int:
        """Return the time, in ticks."""
        return ticks.now() + self._ahead

    def count_request(self) -> None:
        """Move on as a request does."""
        self._ahead += self._per_request

    def advance(self, seconds: float) -> None:
        """Move on by some seconds."""
        self._ahead += int(seconds * ticks.SECOND)
