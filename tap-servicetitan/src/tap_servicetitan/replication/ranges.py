"""Ranges of keys or of times, and what a full pass in parts has read of them. Pure.

A range is a pair of bounds, lower and upper. None is no bound. All bounds of a pass are of one kind: keys, or times as
the API writes them, whose texts are in the order of the times. One range ends where the next one begins: whether a key
at the bound belongs to the first one or to the second, is the same for all of them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_servicetitan.api.pages import KeyField
    from tap_servicetitan.replication.bookmark import OpenPass

    Range = tuple[KeyField | None, KeyField | None]

MOST_GAPS = 100
"""How many gaps a bookmark remembers. Of more, neighbours become one."""

MOST_SWEPT = 50
"""How many ranges a run lets the target sweep: each is a part of its statement. The others stay gaps."""


def unite(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges in order, as few as cover the same.

    >>> unite([(7, 9), (3, 5), (5, 6), (None, 2)])
    [(None, 2), (3, 6), (7, 9)]
    """
    united: list[Range] = []
    for low, high in sorted(ranges, key=lambda bounds: _low(bounds[0])):
        if _high(high) <= _low(low):
            continue  # nothing is in it
        if united and _low(low) <= _high(united[-1][1]):
            begin, end = united[-1]
            united[-1] = begin, max(end, high, key=_high)
        else:
            united.append((low, high))
    return united


def without(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """Return what is left of some ranges without others.

    >>> without([(None, 5), (8, None)], [(2, 3), (4, 9)])
    [(None, 2), (3, 4), (9, None)]
    """
    left = unite(ranges)
    for low, high in unite(taken):
        left = [part for whole in left for part in _cut(whole, low, high)]
    return left


def thin_out(ranges: Sequence[Range], most: int) -> tuple[Range, ...]:
    """Return so many ranges at most, in order. Of more, neighbours become one, with what is between them.

    >>> thin_out([(1, 2), (3, 4), (5, 6)], 2)
    ((1, 4), (5, 6))
    """
    thinned = list(ranges)
    while len(thinned) > most:
        thinned = [(pair[0][0], pair[-1][1]) for pair in (thinned[at : at + 2] for at in range(0, len(thinned), 2))]
    return tuple(thinned)


def around(keys: Sequence[KeyField], key: KeyField) -> Range:
    """Return the range of a key: from the one before it on.

    Args:
        keys: All keys, in order.
        key: One of them, or one that is between two of them.
    """
    place = bisect_left(keys, _low(key), key=_low)
    return (keys[place - 1] if place else None), key


def keys_within(keys: Sequence[KeyField], within: Range) -> Sequence[KeyField]:
    """Return those of some keys in order that are in a range: its upper bound belongs to it, its lower one does not.

    >>> keys_within([1, 2, 10, "a"], (1, 10)), keys_within([1, 2], (None, 1)), keys_within([1, 2], (2, None))
    ([2, 10], [1], [])
    """
    low, high = within
    return keys[bisect_right(keys, _low(low), key=_low) : bisect_right(keys, _high(high), key=_low)]


def ranges_left(begun: OpenPass) -> list[Range]:
    """Return what a pass has still to read, in order: first what no run has read, then the gaps."""
    return [*([] if begun.is_read else [(begun.position, None)]), *map(_pair, begun.gaps)]


def after_reading(begun: OpenPass, read: Iterable[Range], *, is_read: bool = False) -> OpenPass:
    """Return the gaps of a pass after a run that has read ranges of it, of which nothing has been swept.

    Args:
        begun: The pass before that run.
        read: The ranges that the run has read.
        is_read: Whether every range has been read by now.
    """
    position = begun.position
    new = [] if begun.is_read else without(read, [] if position is None else [(None, position)])
    gaps = unite([*map(_pair, begun.gaps), *new])
    return replace(begun, gaps=thin_out(gaps, MOST_GAPS), sweeps=True, is_read=is_read or begun.is_read)


def fit_to(begun: OpenPass, *, sweeps: bool) -> OpenPass:
    """Return a pass for a run that sweeps what it reads, or for one that does not.

    Of what other runs have read, nothing counts as swept.
    """
    if begun.sweeps == sweeps:
        return begun
    if not sweeps:
        return replace(begun, sweeps=False, gaps=())
    gaps = () if begun.position is None else ((None, begun.position),)
    return replace(begun, sweeps=True, gaps=gaps, is_read=False)


def after_sweeping(read: OpenPass, swept: Iterable[Range]) -> OpenPass:
    """Return a pass after the target has swept ranges of it."""
    return replace(read, gaps=thin_out(without(map(_pair, read.gaps), swept), MOST_GAPS))


def _pair(bounds: Sequence[KeyField | None]) -> Range:
    low, high = bounds
    return low, high


def _low(bound: KeyField | None) -> tuple[Any, ...]:
    """Return what tells where a range begins, for comparisons."""
    return (0,) if bound is None else (1, isinstance(bound, str), bound)


def _high(bound: KeyField | None) -> tuple[Any, ...]:
    """Return what tells where a range ends, for comparisons."""
    return (2,) if bound is None else (1, isinstance(bound, str), bound)


def _cut(whole: Range, low: KeyField | None, high: KeyField | None) -> list[Range]:
    """Return what is left of a range without what is between two bounds."""
    begin, end = whole
    if _high(high) <= _low(begin) or _high(end) <= _low(low):
        return [whole]
    left: list[Range] = []
    if _low(begin) < _low(low):
        left.append((begin, low))
    if _high(high) < _high(end):
        left.append((high, end))
    return left
