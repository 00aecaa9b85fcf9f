"""Which record belongs to which: every parent has none to three children, by numbers alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHILDREN = (2, 0, 3, 1)
"""How many children the parents of a block have, one after the other."""

_FIRST = (0, 2, 2, 5)
"""The place of each parent's first child among the children of the block."""

_PARENT = (0, 0, 2, 2, 2, 3)
"""The place of each child's parent in the block."""


def children_in_all(parents: int) -> int:
    """Return how many children a number of parents has."""
    blocks, rest = divmod(parents, len(_CHILDREN))
    return blocks * len(_PARENT) + _FIRST[rest]


@dataclass(frozen=True, slots=True)
class Lineage:
    """The children of a number of parents. Where there are more children than needed, they go round once more.

    Attributes:
        parents: How many parents there are; at least one.
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
