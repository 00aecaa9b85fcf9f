"""The order in which records were last changed: what an export feed goes along."""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.servicetitan.data.generator import Generator


class Order:
    """A log: the original records come first, each later change adds an entry at the end.

    Of a record only its last entry counts. Positions never change, so a position is all that a feed has to remember.

    Args:
        generator: Makes the original records.
        size: Number of the original records.
    """

    def __init__(self, generator: Generator, size: int) -> None:
        self._generator = generator
        self._size = size
        self._changes: list[tuple[int, int]] = []
        """(time, id) of each change."""
        self._positions: dict[int, int] = {}
        """Each changed record's last place in the log."""

    @property
    def end(self) -> int:
        """The position after the last entry."""
        return self._size + len(self._changes)

    def add(self, identifier: int, now: int) -> None:
        """Add a change at a time (ticks) that no change had before."""
        self._positions[identifier] = self.end
        self._changes.append((now, identifier))

    def position_since(self, moment: int) -> int:
        """Return the place of the first change at that time (ticks) or later."""
        position = bisect_left(range(self._size), moment, key=self._generator.modified)
        if position < self._size:
            return position
        return self._size + bisect_left(self._changes, (moment,))

    def entries(self, position: int) -> Iterator[tuple[int, int]]:
        """Yield `(position, id)` from a position on, also of records that are gone since."""
        numbers = range(min(position, self._size), self._size)
        originals = ((number, self._generator.identifiers.of(number)) for number in numbers)
        first = max(position - self._size, 0)
        changes = ((self._size + offset, self._changes[offset][1]) for offset in range(first, len(self._changes)))
        for place, identifier in chain(originals, changes):
            if self._positions.get(identifier, place) == place:
                yield place, identifier
