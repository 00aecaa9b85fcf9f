"""Repeats an attempt that failed in a way that may pass."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from tap_servicetitan.errors import PageTooHeavyError, RetriableError, UnavailableError
from tap_servicetitan.plugin_runtime.plurals import pluralize

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

T = TypeVar("T")

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 600.0
"""Longest pause to accept from a server. If it asks for more, the stream fails: the next run is the better retry."""

MOST_HEAVY_TRIES = 2
"""After so many tries that look as if a response was too heavy, a smaller one is asked for, if that is possible."""


def jittered_delay_seconds(retry: int) -> float:
    """Return how long to wait before a retry (0 is the first): exponential, with full jitter."""
    return random.uniform(0, min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**retry))  # noqa: S311


@dataclass(frozen=True, slots=True)
class Retrier:
    """Calls a function until it works, a bounded number of times."""

    max_retries: int
    logger: logging.Logger
    delay_seconds: Callable[[int], float] = jittered_delay_seconds
    sleep: Callable[[float], None] = time.sleep

    def call(
        self,
        attempt: Callable[[], T],
        hold: Callable[[float, RetriableError], None] | None = None,
        *,
        may_ask_for_less: bool = False,
    ) -> T:
        """Call a function, again after each RetriableError, and return its result.

        Args:
            attempt: The function.
            hold: Called with the seconds to wait and the refusal, instead of waiting here, when there were too many
                requests.
            may_ask_for_less: Whether the caller can ask for a smaller response when this one does not come.

        Raises:
            PageTooHeavyError: If the response looks too heavy for the server, and the caller can ask for less.
            UnavailableError: If every attempt raised a RetriableError, or the server asks for too long a pause.
        """
        heavy = 0
        for retry in count():
            try:
                return attempt()
            except RetriableError as error:
                heavy += error.is_heavy
                if may_ask_for_less and (heavy >= MOST_HEAVY_TRIES or (heavy and retry >= self.max_retries)):
                    raise PageTooHeavyError(str(error)) from error
                if retry >= self.max_retries:
                    raise UnavailableError(f"{error}, after {pluralize(self.max_retries, 'retry')}") from error
                pause = self._pause_seconds(retry, error)
                self.logger.warning("%s; retry %d of %d in %.1f s", error, retry + 1, self.max_retries, pause)
                if hold and error.throttled:
                    hold(pause, error)
                else:
                    self.sleep(pause)
        raise AssertionError  # count() has no end

    def _pause_seconds(self, retry: int, error: RetriableError) -> float:
        requested = error.retry_after_seconds
        if not requested:
            return self.delay_seconds(retry)  # also for 0: what was refused a moment ago would be refused again
        if requested > LONGEST_RETRY_AFTER_SECONDS:
            raise UnavailableError(f"{error}, which asks to wait {requested:.0f} s") from error
        return requested
