"""Random changes to a tenant's records while somebody reads them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from servicetitan_sandbox.servicetitan.data.list_order import place

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicetitan_sandbox.models import ListOrder, Unrest
    from servicetitan_sandbox.servicetitan.data.table import Table

_NEAR_START = 3
"""A deletion that shifts pages hits one of this many records at the start of a list."""

_SHIFTS = 0.6
"""Share of the changes that shift pages, where they are wanted."""


class Stirrer:
    """Makes the changes of an :class:`~servicetitan_sandbox.models.Unrest`.

    Nothing that was deleted or deactivated comes back, so a record that is there at the end of a run was there all the
    time since it was inserted.

    Args:
        unrest: What changes, and how much.
        table: Returns the records of an entity.
        parent: Returns the entity of an entity's parents; None if it has none.
        order: The order of the tenant's lists.
    """

    def __init__(
        self, unrest: Unrest, table: Callable[[str], Table], parent: Callable[[str], str | None], order: ListOrder
    ) -> None:
        self._unrest = unrest
        self._table = table
        self._parent = parent
        self._order = order
        self._dice = Random(unrest.seed)

    def stir(self) -> None:
        """Make the changes before one request."""
        for _ in range(self._dice.randint(0, self._unrest.most)):
            name = self._dice.choice(self._unrest.streams)
            if self._unrest.shifting and self._dice.random() < _SHIFTS:
                self._shift(name)
            else:
                self._dice.choice((self._insert, self._update, self._deactivate, self._delete))(name)

    def _shift(self, name: str) -> None:
        """Delete a record near the start of a list and insert one: later pages shift, and the totals stay the same."""
        table = self._table(name)
        if found := self._deletable(name):
            victim = self._dice.choice(sorted(found, key=place(table, self._order))[:_NEAR_START])
            siblings = table.parent(victim)
            table.delete(victim, tombstone=name in self._unrest.tombstones)
            table.insert(None, siblings)
        else:
            self._insert(name)

    def _insert(self, name: str) -> None:
        parents = self._parent(name)
        if parents is None:
            self._table(name).insert(None)
        elif found := sorted(self._table(parents).identifiers()):
            self._table(name).insert(None, self._dice.choice(found))

    def _update(self, name: str) -> None:
        table = self._table(name)
        if found := sorted(table.identifiers()):
            table.update(self._dice.choice(found), None)

    def _deactivate(self, name: str) -> None:
        table = self._table(name)
        found = sorted(identifier for identifier in table.identifiers() if table.state(identifier).active)
        if table.has_active and len(found) > self._unrest.fewest:
            table.deactivate(self._dice.choice(found))
        else:
            self._update(name)

    def _delete(self, name: str) -> None:
        if found := self._deletable(name):
            self._table(name).delete(self._dice.choice(found), tombstone=name in self._unrest.tombstones)

    def _deletable(self, name: str) -> list[int]:
        """Return the ids of the records of which one may go: none that nobody sees, because its parent is gone."""
        table, parents = self._table(name), self._parent(name)
        found = sorted(table.identifiers())
        if parents is not None:
            living = set(self._table(parents).identifiers())
            found = [identifier for identifier in found if table.parent(identifier) in living]
        return found if len(found) > self._unrest.fewest else []
