"""Clocks, waiting and threads of the claims, as one object, so that a simulation can play nights in virtual time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.compat import override

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable


class Timing(Protocol):
    """The clocks of a machine, and what depends on them."""

    def utc_now(self) -> dt.datetime:
        """Return what the machine's clock shows (UTC). It may be wrong, and it may jump."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until an event is set, at most so long. Return whether it is set."""

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Start a thread that does not keep the process alive."""


class RealTiming(Timing):
    """The real ones."""

    @override
    def utc_now(self) -> dt.datetime:
        return utc_now()

    @override
    def monotonic(self) -> float:
        # Where the system can tell, the seconds go on while it is suspended: claims expire meanwhile, too.
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()

    @override
    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)

    @override
    def start(self, name: str, work: Callable[[], None]) -> None:
        threading.Thread(target=work, name=name, daemon=True).start()


REAL_TIMING = RealTiming()
