"""Notices when the answers of a module take longer than they used to."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

ANSWERS = 8
"""So many answers together tell something: single ones take as long as they like."""

SLOWER = 2.0
"""How many times as long as usual they take, on average, when the module has too much to do."""

SLOW_SECONDS = 1.0
"""Answers that take less than this on average are fast, whatever is usual."""

WEIGHT = 1 / 64
"""How much the last answer counts in what is usual. So what stays slow becomes usual in the end."""

SMALL_BYTES = 1 << 18
"""Answers with fewer bytes are alike, whatever was asked for. Larger ones are compared with those of their own path."""


class Pace:
    """Compares each answer with what is usual for answers like it."""

    def __init__(self) -> None:
        self._usual: dict[str, float] = {}
        self._known: Counter[str] = Counter()
        self._ratios: list[float] = []
        self._seconds: list[float] = []

    def has_slowed(self, path: str, seconds: float, size: int) -> bool:
        """Take note of an answer, and return whether the last ones were slow.

        Args:
            path: What was asked for.
            seconds: How long the answer took.
            size: How many bytes it has.
        """
        ratio = self._compare("" if size < SMALL_BYTES else path, seconds)
        if ratio is None:
            return False
        self._ratios.append(ratio)
        self._seconds.append(seconds)
        if len(self._ratios) < ANSWERS:
            return False
        is_slow = fmean(self._ratios) > SLOWER and fmean(self._seconds) > SLOW_SECONDS
        self._ratios.clear()
        self._seconds.clear()
        return is_slow

    def _compare(self, kind: str, seconds: float) -> float | None:
        """Return how many times as long as usual an answer took; None while nothing is usual yet."""
        usual = self._usual.setdefault(kind, seconds)
        self._known[kind] += 1
        known = self._known[kind]
        self._usual[kind] = usual + (seconds - usual) * max(WEIGHT, 1 / known)
        return seconds / usual if known > ANSWERS // 2 and usual else None
