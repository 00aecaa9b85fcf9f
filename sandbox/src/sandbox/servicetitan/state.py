"""Everything that the local ServiceTitan remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.models import SIZES
from sandbox.servicetitan.access import RateLimit, Tokens
from sandbox.servicetitan.endpoints import REFERENCES, STREAMS, schema
from sandbox.servicetitan.faults import Faults
from sandbox.servicetitan.generate import Generator, Identifiers
from sandbox.servicetitan.table import Table

if TYPE_CHECKING:
    from sandbox.models import Tenant

_MOST_REFERENCES = 1000


class UnknownTenantError(LookupError):
    """There is no such tenant."""


class UnknownStreamError(LookupError):
    """There is no such stream."""


class Company:
    """A tenant with its records and its rate limit.

    Args:
        tenant: What was asked for.

    Raises:
        UnknownStreamError: If a size is given for a stream that does not exist.
    """

    def __init__(self, tenant: Tenant) -> None:
        for stream in tenant.sizes:
            _require_stream(stream)
        self.tenant = tenant
        self.rate_limit = RateLimit(tenant.requests_per_second)
        self._tables: dict[str, Table] = {}

    def table(self, stream: str) -> Table:
        """Return the records of a stream. They are prepared on the first call.

        Raises:
            UnknownStreamError: If there is no such stream.
        """
        _require_stream(stream)
        if stream not in self._tables:
            size = self._size(stream)
            references = {name: ids for name, other in REFERENCES.items() if (ids := self._ids(other))}
            generator = Generator(schema(stream), self._key(stream), size, references)
            self._tables[stream] = Table(generator, schema(stream), size)
        return self._tables[stream]

    def _ids(self, stream: str) -> list[int]:
        identifiers = Identifiers(self._key(stream))
        return [identifiers.of(number) for number in range(min(self._size(stream), _MOST_REFERENCES))]

    def _size(self, stream: str) -> int:
        return self.tenant.sizes.get(stream, SIZES[stream])

    def _key(self, stream: str) -> str:
        return f"{self.tenant.seed}/{self.tenant.tenant_id}/{stream}"


def _require_stream(stream: str) -> None:
    if stream not in STREAMS:
        raise UnknownStreamError(f"there is no stream {stream}; there are {', '.join(STREAMS)}")


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
