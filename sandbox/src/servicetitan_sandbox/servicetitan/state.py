"""Everything that the local ServiceTitan remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from servicetitan_sandbox.models import SIZES
from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.generator import Family, Generator
from servicetitan_sandbox.servicetitan.data.identity import Identifiers
from servicetitan_sandbox.servicetitan.data.lineage import Lineage, children_in_all
from servicetitan_sandbox.servicetitan.data.table import Table, UnknownRecordError
from servicetitan_sandbox.servicetitan.handlers.reports import Runs
from servicetitan_sandbox.servicetitan.http.access import RateLimit, Tokens
from servicetitan_sandbox.servicetitan.http.faults import Faults
from servicetitan_sandbox.servicetitan.spec import endpoints
from servicetitan_sandbox.servicetitan.spec.endpoints import REFERENCES

if TYPE_CHECKING:
    from servicetitan_sandbox.models import Fault, Tenant

_MOST_REFERENCES = 1000
_FEW = range(3, 9)
"""How many records an entity starts with for which nothing else is said."""


class UnknownTenantError(LookupError):
    """There is no such tenant."""


class UnknownStreamError(LookupError):
    """There is no such entity."""


class Company:
    """A tenant with its records, its reports and its limits.

    Args:
        tenant: What was asked for.

    Raises:
        UnknownStreamError: If it names an entity or an area that does not exist.
    """

    def __init__(self, tenant: Tenant) -> None:
        for name in tenant.sizes:
            _require(name)
        for area in tenant.not_enabled | (tenant.scopes or frozenset()):
            _require_area(area)
        self.tenant = tenant
        self.rate_limit = RateLimit(tenant.requests_per_second)
        self.runs = Runs(tenant.report_seconds, count_pages=tenant.report_pages_are_runs)
        self._tables: dict[str, Table] = {}
        self._references: dict[str, list[int]] = {}

    def now(self) -> int:
        """Return the time that the server believes it is, in ticks."""
        return ticks.now() + int(self.tenant.clock_skew_seconds * ticks.SECOND)

    def table(self, name: str) -> Table:
        """Return the records of an entity. They are prepared on the first call.

        Raises:
            UnknownStreamError: If there is no such entity.
        """
        _require(name)
        if name not in self._tables:
            schema, size = endpoints.schema(name), self._size(name)
            references = {field: ids for field, other in REFERENCES.items() if (ids := self._ids(other))}
            identity, family = endpoints.identity(name), self._family(name)
            generator = Generator(schema, self._key(name), size, references, identity=identity, family=family)
            self._tables[name] = Table(generator, schema, size, self.now)
        return self._tables[name]

    def descend(self, entities: tuple[str, ...], shown: tuple[str, ...]) -> int | None:
        """Return the id of the last of several records, each of which belongs to the one before.

        Args:
            entities: The entities that they are of, outermost first.
            shown: What they show of their ids.

        Raises:
            UnknownRecordError: If one is not there, or belongs to another.
        """
        parent: int | None = None
        for name, text in zip(entities, shown, strict=True):
            identifier = self.table(name).find(text)
            if parent is not None and self.table(name).parent(identifier) != parent:
                raise UnknownRecordError(f"there is no record {text} at this place")
            parent = identifier
        return parent

    def parent_of(self, name: str, shown: object) -> int | None:
        """Return the id of the record that a new record of an entity is to belong to; None if nothing is said.

        Raises:
            UnknownRecordError: If there is no such record.
        """
        parent = endpoints.entities()[name].parent if shown is not None and name in endpoints.entities() else None
        return self.table(parent).find(shown) if parent else None

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
            return children_in_all(self._size(entity.parent))
        return _FEW[crc32(name.encode()) % len(_FEW)]

    def _key(self, name: str) -> str:
        return f"{self.tenant.seed}/{self.tenant.tenant_id}/{name}"


def _require(name: str) -> None:
    if name not in endpoints.entities():
        raise UnknownStreamError(f"there is no stream {name}; `sandbox.control.entity` names the one of a path")


def _require_area(area: str) -> None:
    if area not in endpoints.areas():
        raise UnknownStreamError(f"there is no area {area}; there are {', '.join(sorted(endpoints.areas()))}")


class State:
    """The companies, tokens, faults and the log of requests."""

    def __init__(self) -> None:
        self.companies: dict[str, Company] = {}
        self.tokens = Tokens()
        self.faults = Faults()
        self.log: list[dict[str, object]] = []

    def company(self, tenant_id: str) -> Company:
        """Return a tenant's company.

        Raises:
            UnknownTenantError: If there is no such tenant.
        """
        if tenant_id not in self.companies:
            raise UnknownTenantError(f"there is no tenant {tenant_id}")
        return self.companies[tenant_id]

    def set_fault(self, fault: Fault) -> int:
        """Let something go wrong from now on, and return the fault's id.

        Raises:
            UnknownStreamError: If it is to meet an entity that does not exist: it would never do.
        """
        if fault.stream is not None:
            _require(fault.stream)
        return self.faults.set(fault)
