"""A company whose records change between the runs of a pipe, and what its tables must have in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.servicetitan.data import ticks
from support.servicetitan import Client
from target_bigquery_softdelete.schema.naming import column_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.tap.harness import Company

Key = tuple[int | str, ...]


@dataclass(frozen=True)
class Entity:
    """Records that change, and the stream that reads them."""

    stream: str
    name: str
    """The sandbox's name of the records."""
    text: str
    """The property that changes."""
    parent: Entity | None = None
    """The entity that has these records as lists, for children."""
    parent_field: str | None = None
    """The property with the parent's id, which is part of the key."""

    @property
    def column(self) -> str:
        """The column of the property that changes."""
        return column_name(self.text)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of the key."""
        return ("customer_id", "id") if self.parent_field else ("id",)


JOB_NOTES = Entity("job_notes", "jpm_job_notes", "text")
APPOINTMENTS = Entity("appointments", "jpm_appointments", "specialInstructions")
CONTACTS = Entity("contacts", "crm_contacts", "title")
CUSTOMERS = Entity("customers", "crm_customers", "name")
NOTES = Entity("customer_notes", "crm_customers_notes", "text", CUSTOMERS, "customerId")
TECHNICIANS = Entity("technicians", "technicians", "name")
CAMPAIGNS = Entity("campaigns", "campaigns", "name")
LOADED = (JOB_NOTES, APPOINTMENTS, CONTACTS, NOTES, TECHNICIANS, CAMPAIGNS)
"""Those that are loaded: a feed that is read in full as a feed, another one that is as a list, a list without a feed,
the lists of many parents, and two short lists. None of the long ones has arrays or objects: the local BigQuery compares
these one by one, in Python."""
ENTITIES = (CUSTOMERS, *LOADED)
"""Those that change."""


@dataclass
class _Records:
    """The records of an entity: which there are, and what happened to them."""

    order: list[int | str]
    """All that were ever there."""
    parents: dict[int | str, int | str] = field(default_factory=dict)
    gone: set[int | str] = field(default_factory=set)
    touched: set[int | str] = field(default_factory=set)
    """Those that were changed or added."""


class ChangingCompany:
    """Changes the records of a company, as a seed says.

    Args:
        company: The company.
        seed: What the changes are drawn by.
    """

    def __init__(self, company: Company, seed: int) -> None:
        self.company = company
        self._control, self._tenant = company.server.control, company.id
        self._random = Random(seed)
        self._changes = 0
        self._records = {entity.name: _Records(self._control.ids(company.id, entity.name)) for entity in ENTITIES}
        for entity in ENTITIES:
            if entity.parent:
                records = self._records[entity.name]
                parents = self._control.parents(company.id, entity.name)
                records.parents = {
                    child: parent for child, parent in zip(records.order, parents, strict=True) if parent is not None
                }
        client = Client(company.server, company.tenant)
        pages = client.feed("/crm/v2/tenant/{tenant}/export/customers")
        self.parents: list[int] = [record["id"] for page in pages for record in page["data"]]
        """The customers in the order of their feed, without those that came later."""

    @property
    def touched_parents(self) -> set[int | str]:
        """The customers that have changed, or came later: their lists may be read at any time."""
        records = self._records[CUSTOMERS.name]
        return records.touched | records.gone

    def change(self, count: int, *, deletes: bool) -> None:
        """Change so many records of each entity, add some, and delete some."""
        for entity in ENTITIES:
            for _ in range(count):
                self._update(entity)
            for _ in range(max(count // 3, 1)):
                self._insert(entity)
                if deletes:
                    self._delete(entity)

    def _new_text(self) -> str:
        self._changes += 1
        return f"change {self._changes}"

    def _choose(self, entity: Entity) -> int | str:
        records = self._records[entity.name]
        gone_parents = self._records[entity.parent.name].gone if entity.parent else set()
        while True:
            chosen = self._random.choice(records.order)
            if chosen not in records.gone and records.parents.get(chosen) not in gone_parents:
                return chosen

    def _update(self, entity: Entity) -> None:
        chosen = self._choose(entity)
        self._control.update(self._tenant, entity.name, chosen, {entity.text: self._new_text()})
        self._records[entity.name].touched.add(chosen)
        self._show_change_of(entity, chosen)

    def _insert(self, entity: Entity) -> None:
        parent = self._choose(entity.parent) if entity.parent else None
        added = self._control.insert(self._tenant, entity.name, {entity.text: self._new_text()}, parent)["id"]
        records = self._records[entity.name]
        records.order.append(added)
        records.touched.add(added)
        if parent is not None:
            records.parents[added] = parent
        self._show_change_of(entity, added)

    def _delete(self, entity: Entity) -> None:
        chosen = self._choose(entity)
        self._control.delete(self._tenant, entity.name, chosen)
        self._records[entity.name].gone.add(chosen)

    def _show_change_of(self, entity: Entity, child: int | str) -> None:
        """Change the parent of a record, too: only that shows that the list is another one."""
        if entity.parent is None:
            return
        parent = self._records[entity.name].parents[child]
        self._control.update(self._tenant, entity.parent.name, parent, {entity.parent.text: self._new_text()})
        self._records[entity.parent.name].touched.add(parent)

    def has_changed(self, entity: Entity, key: Key) -> bool:
        """Return whether a record that is there was changed or added."""
        return key[-1] in self._records[entity.name].touched

    def is_gone(self, entity: Entity, key: Key) -> bool:
        """Return whether a record was deleted, or its parent was."""
        parents = self._records[entity.parent.name].gone if entity.parent else set()
        return key[-1] in self._records[entity.name].gone or key[0] in parents

    def truth(self, entity: Entity) -> Iterator[tuple[Key, tuple[object, ...]]]:
        """Yield the key of each record that the API shows, and the values that a change touches."""
        values = self._control.values(self._tenant, entity.name, "id", entity.text, "modifiedOn")
        records = self._records[entity.name]
        gone = self._records[entity.parent.name].gone if entity.parent else set()
        for identifier, text, modified in values:
            if entity.parent is None:
                yield (identifier,), (text, _microseconds(modified))
            elif (parent := records.parents[identifier]) not in gone:
                yield (parent, identifier), (text, _microseconds(modified))

    def requested_parents(self) -> list[int]:
        """Return the customers whose notes were asked for since this was last called, and forget all requests."""
        requests = self.company.requests(NOTES.name)
        self._control.clear_requests()
        return [int(request["path"].split("/")[-2]) for request in requests]


def _microseconds(moment: Any) -> int | None:  # noqa: ANN401 - any JSON
    """Return a time as the table has it: microseconds since 1970, the rest cut off."""
    return None if moment is None else ticks.from_text(moment) // 10
