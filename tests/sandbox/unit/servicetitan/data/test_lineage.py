"""Every child has one parent, and every parent finds its children."""

from __future__ import annotations

import pytest

from servicetitan_sandbox.servicetitan.data.lineage import Lineage, count_children


@pytest.mark.parametrize(("parents", "size"), [(1, 20), (3, 17), (5, 8), (8, 12), (9, 100)])
def test_every_child_has_one_parent(parents: int, size: int) -> None:
    lineage = Lineage(parents, size)
    found = {child: parent for parent in range(parents) for child in lineage.children(parent)}

    assert found == {child: lineage.parent(child) for child in range(size)}
    assert sum(1 for parent in range(parents) for _ in lineage.children(parent)) == size
    assert count_children(parents) == sum(1 for child in range(10 * parents) if _parent_of(child) < parents)


def _parent_of(child: int) -> int:
    """Return the parent of a child when there are more parents than children."""
    return Lineage(10**6, 10**6).parent(child)
