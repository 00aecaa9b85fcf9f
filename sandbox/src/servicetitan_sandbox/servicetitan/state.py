"""The state of the local ServiceTitan: companies with their records, tokens, faults, and the request log."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from servicetitan_sandbox.errors import UnknownRecordError, UnknownStreamError, UnknownTenantError
from servicetitan_sandbox.models import ALL_STREAMS, OTHER_AREAS, SIZES
from servicetitan_sandbox.servicetitan.data.clock import Clock
from servicetitan_sandbox.servicetitan.data.generator import Family, Generator
from servicetitan_sandbox.servicetitan.data.identity import Identifiers
from servicetitan_sandbox.servicetitan.data.lineage import Lineage, count_children
from servicetitan_sandbox.servicetitan.data.report import DAY, FIELDS, Report
from servicetitan_sandbox.servicetitan.data.table import Table
from servicetitan_sandbox.servicetitan.data.unrest import Stirrer
from servicetitan_sandbox.servicetitan.http.access import Crowd, RateLimit, Tokens
from servicetitan_sandbox.servicetitan.http.faults import Faults
from servicetitan_sandbox.servicetitan.http.pace import Pace
from servicetitan_sandbox.servicetitan.http.report_runs import ReportRuns
from servicetitan_sandbox.servicetitan.spec import endpoints
from servicetitan_sandbox.servicetitan.spec.endpoints import REFERENCES, REPORTS

if TYPE_CHECKING:
    from servicetitan_sandbox.models import Fault, PageCap, ReportChange, Tenant, Unrest

_MOST_REFERENCES = 1000
_DEFAULT_SIZES = range(3, 9)
"""How many records an entity starts with unless a size is given. The number depends on the entity's name."""


class Company:
    """A tenant with its records, its reports and its limits.

    Args:
        tenant: The tenant's settings.

    Raises:
        UnknownStreamError: If the settings name an unknown entity or area.
    """

    def __init__(self, tenant: Tenant) -> None:
        for name in (*tenant.sizes, *(tenant.largest_page.keys() - {ALL_STREAMS})):
            _require(name)
        named = (*tenant.not_enabled, *(tenant.scopes or ()), *tenant.served_at_once, *tenant.area_seconds)
        for area in (*named, *(tenant.most_at_once.keys() - {OTHER_AREAS})):
            _require_area(area)
        self.tenant = tenant
        self.clock = Clock(tenant.clock_skew_seconds, tenant.seconds_per_request)
        self._stirrer: Stirrer | None = None
        self.rate_limit = RateLimit(tenant.requests_per_second)
        self.crowd = Crowd(tenant.most_at_once)
        self.pace = Pace(tenant)
        self.report_runs = ReportRuns(
            tenant.report_seconds,
            count_pages=tenant.report_pages_are_runs,
            hides_pause=tenant.report_hides_pause,
        )
        self._tables: dict[str, Table] = {}
        self._references: dict[str, list[int]] = {}
        self._report_changes: dict[int, tuple[int, ReportChange]] = {}
        """The last change of each changed report, and its time in ticks."""

    def meet_request(self) -> None:
        """Do what happens before a request is answered: the clock moves on, and records change."""
        self.clock.count_request()
        if self._stirrer:
            self._stirrer.stir()

    def set_unrest(self, unrest: Unrest | None) -> None:
        """Let records change before each request from now on; None stops that.

        Raises:
            UnknownStreamError: If it names an unknown entity.
        """
        for name in (*unrest.streams, *unrest.tombstones) if unrest else ():
            _require(name)
        entities = endpoints.entities()
        self._stirrer = None
        if unrest:
            self._stirrer = Stirrer(unrest, self.table, lambda name: entities[name].parent, self.tenant.order)

    def page_cap(self, name: str) -> PageCap | None:
        """Return the cap on the pages of an entity's lists."""
        caps = self.tenant.largest_page
        return caps.get(name) or caps.get(ALL_STREAMS)

    def table(self, name: str) -> Table:
        """Return the records of an entity. The first call prepares them.

        Raises:
            UnknownStreamError: If there is no such entity.
        """
        _require(name)
        if name not in self._tables:
            schema, size = endpoints.schema(name), self._size(name)
            references = {field: ids for field, other in REFERENCES.items() if (ids := self._ids(other))}
            identity, family = endpoints.identity(name), self._family(name)
            generator = Generator(schema, self._key(name), size, references, identity=identity, family=family)
            self._tables[name] = Table(generator, schema, size, self.clock.now)
        return self._tables[name]

    def descend(self, entities: tuple[str, ...], shown: tuple[str, ...]) -> int | None:
        """Follow the ids in a path from the outermost record to the innermost, and return the id of that.

        Args:
            entities: The records' entities, outermost first.
            shown: The records' ids as in the path.

        Raises:
            UnknownRecordError: If a record does not exist, or does not belong to the record before it.
        """
        parent: int | None = None
        for name, text in zip(entities, shown, strict=True):
            identifier = self.table(name).find(text)
            if parent is not None and self.table(name).parent(identifier) != parent:
                raise UnknownRecordError(f"there is no record {text} at this place")
            parent = identifier
        return parent

    def parent_of(self, name: str, shown: object) -> int | None:
        """Return the id of the parent that is given for a new record; None if none is given.

        Args:
            name: The new record's entity.
            shown: The parent's id as the API shows it, or None.

        Raises:
            UnknownRecordError: If there is no such parent.
        """
        parent = endpoints.entities()[name].parent if shown is not None and name in endpoints.entities() else None
        return self.table(parent).find(shown) if parent else None

    def parents(self, name: str) -> list[int | str | None]:
        """Return the ids of the parents of an entity's records as the API shows them, in the order of the records' ids.

        The parents may have been deleted.

        Raises:
            UnknownStreamError: If there is no such entity.
        """
        table = self.table(name)
        parent = endpoints.entities()[name].parent
        found = [table.parent(identifier) for identifier in sorted(table.identifiers())]
        show = endpoints.identity(parent).show if parent else None
        return [None if show is None or identifier is None else show(identifier) for identifier in found]

    def report(self, identifier: int) -> Report:
        """Return a report as it is now. Every other report takes a range of days."""
        by_day = sorted(self.table(REPORTS).identifiers()).index(identifier) % 2 == 0
        _, change = self._report_changes.get(identifier, (0, None))
        fields = change.fields if change and change.fields is not None else (DAY, *FIELDS) if by_day else FIELDS
        key = f"{self.tenant.seed}/{self.tenant.tenant_id}/{identifier}/{change.seed if change else 0}"
        units = self.table("business_units").identifiers()
        return Report(key, tuple(fields), by_day, units, as_text=self.tenant.report_cells_as_text)

    def report_modified(self, identifier: int) -> int:
        """Return when a report was last changed, in ticks."""
        if identifier in self._report_changes:
            return self._report_changes[identifier][0]
        return self.table(REPORTS).state(identifier).modified or 0

    def change_report(self, shown: object, change: ReportChange) -> None:
        """Give a report other fields or other rows from now on.

        Raises:
            UnknownRecordError: If there is no such report.
        """
        self._report_changes[self.table(REPORTS).find(shown)] = self.clock.now(), change

    def _family(self, name: str) -> Family | None:
        entity = endpoints.entities()[name]
        parents = self._size(entity.parent) if entity.parent else 0
        if entity.parent is None or not parents:
            return None
        lineage = Lineage(parents, self._size(name))
        identity = endpoints.identity(entity.parent)
        return Family(lineage, Identifiers(self._key(entity.parent)), identity, entity.parent_field)

    def _ids(self, name: str) -> list[int]:
        if name not in self._references:
            identifiers = Identifiers(self._key(name))
            numbers = range(min(self._size(name), _MOST_REFERENCES))
            self._references[name] = [identifiers.of(number) for number in numbers]
        return self._references[name]

    def _size(self, name: str) -> int:
        if name in self.tenant.sizes or name in SIZES:
            return self.tenant.sizes.get(name, SIZES.get(name, 0))
        entity = endpoints.entities()[name]
        if entity.parent and entity.only_by_parent:
            return count_children(self._size(entity.parent))
        return _DEFAULT_SIZES[crc32(name.encode()) % len(_DEFAULT_SIZES)]

    def _key(self, name: str) -> str:
        return f"{self.tenant.seed}/{self.tenant.tenant_id}/{name}"


def _require(name: str) -> None:
    if name not in endpoints.entities():
        raise UnknownStreamError(f"there is no stream {name}; `Control.entity` returns the stream of a path")


def _require_area(area: str) -> None:
    if area not in endpoints.areas():
        raise UnknownStreamError(f"there is no area {area}; the areas are {', '.join(sorted(endpoints.areas()))}")


class State:
    """The companies, tokens, faults and the request log of one server."""

    def __init__(self) -> None:
        self.companies: dict[str, Company] = {}
        self.tokens = Tokens()
        self.faults = Faults()
        self.log: list[dict[str, object]] = []

    def company(self, tenant_id: str) -> Company:
        """Return the company of a tenant.

        Raises:
            UnknownTenantError: If there is no such tenant.
        """
        if tenant_id not in self.companies:
            raise UnknownTenantError(f"there is no tenant {tenant_id}")
        return self.companies[tenant_id]

    def set_fault(self, fault: Fault) -> int:
        """Set a fault and return its id.

        Raises:
            UnknownStreamError: If the fault names an unknown stream, so that no request would ever meet it.
        """
        if fault.stream is not None:
            _require(fault.stream)
        return self.faults.set(fault)
