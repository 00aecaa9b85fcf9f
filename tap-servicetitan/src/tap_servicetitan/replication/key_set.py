"""The set of what one pass over a list has brought, in eight bytes an element."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable

COMPARED_AT_ONCE = 250_000
"""About how many numbers to compare with each other at a time. Each takes some 80 bytes meanwhile."""

_64_BITS = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class SetSummary:
    """What tells two sets apart. Two sets with equal summaries are equal, but for a chance of one in 2**64."""

    size: int
    """How many different elements there are."""
    checksum: int
    """The sum of their hashes, modulo 2**64."""


class HashSet:
    """Collects the hashes of elements. Repeats are found at the end."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def add(self, elements: Iterable[Hashable]) -> None:
        """Take elements, which may have come before."""
        # The hash of a number is that number. In a tuple it is mixed, so that sums of neighbours differ.
        self._hashes.extend(hash((element,)) for element in elements)

    @property
    def additions(self) -> int:
        """How many elements were taken, repeats included."""
        return len(self._hashes)

    def summarize(self) -> SetSummary:
        """Return the summary of the set."""
        return summarize(self._hashes)


def summarize(hashes: Collection[int]) -> SetSummary:
    """Return the summary of the set of some hashes. Compares only a part at a time, which bounds the memory."""
    parts = 1 + len(hashes) // COMPARED_AT_ONCE
    size = checksum = 0
    for part in range(parts):
        distinct = {number for number in hashes if number % parts == part}
        size += len(distinct)
        checksum += sum(distinct)
    return SetSummary(size, checksum & _64_BITS)
