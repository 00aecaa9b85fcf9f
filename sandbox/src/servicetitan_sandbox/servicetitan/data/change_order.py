"""The order in which the records of an entity were last changed. Export feeds follow it."""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.servicetitan.data.generator import Generator


class ChangeOrder:
    """A log of changes. The original records come first, and each later change adds an entry at the end.

    Only the last entry of a record counts. Positions never change, so a feed needs to remember nothing but a position.

    Args:
        generator: Makes the original records.
        size: How many original records there are.
    """

    def __init__(self, generator: Generator, size: int) -> None:
        self._generator = generator
        self._size = size
        self._changes: list[tuple[int, int]] = []
        """(time, id) of each change."""
        self._positions: dict[int, int] = {}
        """The last position of each changed record."""

    @property
    def end(self) -> int:
        """The position after the last entry."""
        return self._size + len(self._changes)

    def add(self, identifier: int, now: int) -> None:
        """Add a change. Its time (ticks) must not be before that of any other change."""
        self._positions[identifier] = self.end
        self._changes.append((now, identifier))

    def position_since(self, moment: int) -> int:
        """Return the position of the first change at a time (ticks) or later."""
        position = bisect_left(range(self._size), moment, key=self._generator.modified)
        if position < self._size:
            return position
        return self._size + bisect_left(self._changes, (moment,))

    def entries(self, first: int) -> Iterator[tuple[int, int]]:
        """Yield `(position, id)` from a position on, also of records that were deleted since."""
        numbers = range(min(first, self._size), self._size)
        originals = ((number, self._generator.identifiers.of(number)) for number in numbers)
        offsets = range(max(first - self._size, 0), len(self._changes))
        changes = ((self._size + offset, self._changes[offset][1]) for offset in offsets)
        for position, identifier in chain(originals, changes):
            if self._positions.get(identifier, position) == position:
                yield position, identifier
