"""A tenant of the local ServiceTitan, and a run of the tap against it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from servicetitan_sandbox.client.control import Fault, Tenant
from support.servicetitan import new_number
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.specs.spec import DECIMAL_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicetitan_sandbox.client.processes import ServiceTitan
    from servicetitan_sandbox.models import FaultKind
    from tap_servicetitan.plugin_runtime.errors import PluginError
    from tap_servicetitan.specs.spec import StreamSpec

Message = dict[str, Any]

FEW = {
    "activities": 25,
    "business_units": 3,
    "campaigns": 12,
    "employees": 4,
    "job_types": 12,
    "technicians": 12,
    "timesheets": 25,
}
"""Records per stream: enough for several pages of five."""


READ_MEMBER = "x-read"


@dataclass
class Run:
    """The output of one run of the tap, and how it ended."""

    messages: list[Message]
    error: PluginError | None
    lines: list[bytes] = field(default_factory=list)
    """The messages as they came, with the digits that the API sent."""

    def of(self, kind: str, stream: str | None = None) -> list[Message]:
        """Return the messages of a kind, of one stream or of all, without those that tell how reading ended."""
        return [
            message
            for message in self.messages
            if message["type"] == kind and stream in {None, message.get("stream")} and READ_MEMBER not in message
        ]

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Return the records of a stream."""
        return [message["record"] for message in self.of("RECORD", stream)]

    @property
    def types(self) -> list[str]:
        """The types of the messages, without those that tell how reading ended."""
        return [message["type"] for message in self.messages if READ_MEMBER not in message]

    @property
    def ends(self) -> dict[str, dict[str, Any]]:
        """How reading each stream ended, as the messages tell."""
        return {stream: end for message in self.messages for stream, end in message.get(READ_MEMBER, {}).items()}

    @property
    def state(self) -> dict[str, Any]:
        """The last state, also if it came with how reading ended."""
        states = [message["value"] for message in self.messages if message["type"] == "STATE"]
        return states[-1] if states and states[-1]["bookmarks"] else {}

    def up_to(self, count: int) -> Run:
        """Return what is left of the run if it was killed after so many messages."""
        return Run(self.messages[:count], self.error, self.lines[:count])


@dataclass
class Company:
    """A tenant of the local ServiceTitan, and the settings that reach it."""

    server: ServiceTitan
    tenant: Tenant
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The tenant's id."""
        return self.tenant.tenant_id

    @property
    def config(self) -> dict[str, Any]:
        """Settings of the tap."""
        return {
            **self.tenant.model_dump(include={"tenant_id", "client_id", "client_secret", "app_key"}),
            "api_url": self.server.api_url,
            "auth_url": self.server.auth_url,
            "page_size": 5,
            "max_retries": 3,
            **self.settings,
        }

    @property
    def owner(self) -> dict[str, str]:
        """What each bookmark says of whose it is."""
        return {"tenant": self.id, "environment": "production"}

    def set_fault(self, kind: FaultKind, **what: Any) -> None:  # noqa: ANN401 - the fault's own fields
        """Set a fault for this tenant only."""
        self.server.control.set_fault(Fault(kind=kind, tenant=self.id, **what))

    def requests(self, stream: str) -> list[dict[str, Any]]:
        """Return this tenant's requests for a stream."""
        return [
            request
            for request in self.server.control.requests()
            if request["tenant"] == self.id and request["stream"] == stream
        ]


class Sync(Protocol):
    """Runs the tap in this process, for the named streams, else the ones selected by default, else all."""

    def __call__(
        self,
        config: dict[str, Any],
        *streams: str,
        state: dict[str, Any] | None = None,
        specs: Sequence[StreamSpec] = STREAMS,
    ) -> Run:
        """Run the tap and return its output and how it ended."""


def documented_path(spec: StreamSpec) -> str:
    """Return a path that shows all records of a stream, with the name of its part of the response, if it has one."""
    return f"{spec.list_path}#{spec.list_part}" if spec.list_part else spec.paths[-1]


def unpacked(spec: StreamSpec, outer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records of a stream: what the API sends, or what is in an array of it, with the other fields."""
    if spec.unpack is None:
        return outer
    others = [{name: value for name, value in each.items() if name != spec.unpack} for each in outer]
    return [rest | record for each, rest in zip(outer, others, strict=True) for record in each.get(spec.unpack) or []]


_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")


def comparable(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a value without what the tap adds: numbers beside those that came as text, and zones of times."""
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, dict):
        return {name: comparable(item) for name, item in value.items() if not name.endswith(DECIMAL_SUFFIX)}
    return f"{value}Z" if isinstance(value, str) and _WITHOUT_ZONE.fullmatch(value) else value


def as_text(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with numbers that have a fraction as text, as runs of the tap return them."""
    if isinstance(value, dict):
        return {name: as_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_text(inner) for inner in value]
    return str(value) if isinstance(value, Decimal) else value


def add_company(server: ServiceTitan, **tenant: Any) -> Company:  # noqa: ANN401 - the tenant's own fields
    """Add a tenant that no other test uses."""
    identifier = str(new_number())
    values = {
        "tenant_id": identifier,
        "client_id": f"client-{identifier}",
        "client_secret": f"secret-{secrets.token_hex(8)}",
        "app_key": f"key-{secrets.token_hex(8)}",
        "sizes": FEW,
        "feed_page_size": 5,
        # Not what these tests are about, and a test is faster than a company is allowed to be.
        "requests_per_second": 10_000,
        # A list is frozen as of a second that is over. With a clock that is in a hurry nobody has to wait for it.
        "seconds_per_request": 1,
        **tenant,
    }
    company = Company(server, Tenant(**values), {"requests_per_second": 1000})
    server.control.add_tenant(company.tenant)
    return company
