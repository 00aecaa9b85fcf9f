"""How much of a company's time limit the tap may read. Pure."""

from __future__ import annotations

import math

LEFT_SHARE = 1 / 2
"""Share of the time limit that is left, at most, for the start and for what the target writes after the last record."""

MOST_LEFT_SECONDS = 600.0
"""No more than this is left: the target writes on the way, too, so what there is to write at the end does not grow."""


def most_read_seconds(limit_seconds: float) -> int:
    """Return after how many seconds the tap has to stop reading, so that the run ends within its limit.

    >>> [most_read_seconds(60 * minutes) for minutes in (120, 20, 0.4)]
    [6600, 600, 12]
    """
    left = min(limit_seconds * LEFT_SHARE, MOST_LEFT_SECONDS)
    return max(1, math.floor(limit_seconds - left))
