"""The order in which a tenant's lists come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from servicetitan_sandbox.models import ListOrder
    from servicetitan_sandbox.servicetitan.data.table import Table


def place(table: Table, order: ListOrder) -> Callable[[int], Any]:
    """Return a function that returns the place of a record, by its id, in a list: lower places come first.

    `as_asked` is the order of a list that nobody asked to sort.
    """
    return lambda identifier: _PLACES[order](table, identifier)


_PLACES: Mapping[ListOrder, Callable[[Table, int], Any]] = {
    "as_asked": lambda _, identifier: identifier,
    "inactive_first": lambda table, identifier: (table.state(identifier).active, identifier),
    "newest_first": lambda table, identifier: (-table.state(identifier).created, -identifier),
    "shuffled": lambda _, identifier: (crc32(b"%d" % identifier), identifier),
}
