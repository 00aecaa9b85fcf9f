"""Which child belongs to which parent, by number. Each parent has zero to three children."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHILDREN = (2, 0, 3, 1)
"""How many children each parent of a block of four has."""

_FIRST = (0, 2, 2, 5)
"""The index of each parent's first child among the children of the block."""

_PARENT = (0, 0, 2, 2, 2, 3)
"""The index of each child's parent in the block."""


def count_children(parents: int) -> int:
    """Return how many children a number of parents has in total."""
    blocks, rest = divmod(parents, len(_CHILDREN))
    return blocks * len(_PARENT) + _FIRST[rest]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Distributes children over parents. Surplus children are distributed in another round.

    Attributes:
        parents: How many parents there are, at least one.
        size: How many children there are.
    """

    parents: int
    size: int

    def parent(self, child: int) -> int:
        """Return the number of a child's parent."""
        block, place = divmod(child, len(_PARENT))
        return (block * len(_CHILDREN) + _PARENT[place]) % self.parents

    def children(self, parent: int) -> Iterator[int]:
        """Yield the numbers of a parent's children."""
        for turn in range(parent, self.size * len(_CHILDREN), self.parents):
            block, place = divmod(turn, len(_CHILDREN))
            first = block * len(_PARENT) + _FIRST[place]
            if first >= self.size:
                return
            yield from range(first, min(first + _CHILDREN[place], self.size))
