"""A request to the API, parsed: what the handlers, the faults and the request log need of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from servicetitan_sandbox.servicetitan.http import parameters
from servicetitan_sandbox.servicetitan.spec import endpoints

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.requests import Request

    from servicetitan_sandbox.servicetitan.spec.endpoints import Endpoint

_LOGGED_HEADERS = ("accept", "accept-encoding", "connection", "content-type", "user-agent")


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Attributes:
        method: The HTTP method.
        path: The path as received.
        query: The query parameters. Repeated ones have their values joined with commas.
        headers: The headers, with lower-case names.
        client_port: The client's port, which tells connections apart.
        tenant: The tenant in the path; empty if there is none.
        endpoint: The endpoint at this path; None if there is none.
        parents: The ids of the parents in the path.
        body: The body.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client_port: int
    tenant: str
    endpoint: Endpoint | None
    parents: tuple[str, ...]
    body: bytes

    @classmethod
    def of(cls, request: Request, body: bytes) -> Call:
        """Return the call of a request."""
        path = request.url.path
        match = endpoints.TENANT.search(path)
        endpoint, parents = endpoints.find(path)
        query = request.query_params
        return cls(
            method=request.method,
            path=path,
            query={name: ",".join(query.getlist(name)) for name in query},
            headers=dict(request.headers),
            client_port=request.client.port if request.client else 0,
            tenant=match[0] if match else "",
            endpoint=endpoint,
            parents=parents,
            body=body,
        )

    def without(self, names: Collection[str]) -> Call:
        """Return this call without some of its query parameters."""
        return replace(self, query={name: value for name, value in self.query.items() if name not in names})

    @property
    def stream(self) -> str | None:
        """Name of the entity that the endpoint serves."""
        return self.endpoint.entity if self.endpoint else None

    @property
    def form(self) -> Mapping[str, str]:
        """The fields of a form in the body."""
        return dict(parse_qsl(self.body.decode(errors="replace")))

    @property
    def area(self) -> str:
        """The area of the API, such as `crm`: the first part of the path."""
        return self.path.split("/")[1]

    @property
    def authorization(self) -> str:
        """The `Authorization` header."""
        return self.headers.get("authorization", "")

    def log_entry(self, page: int | None, status: int, fault: str | None) -> dict[str, object]:
        """Return the call's entry in the request log. It holds no secrets."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": status,
            "tenant": self.tenant or None,
            "stream": self.stream,
            "page": page,
            "body": self.body.decode(errors="replace") if self.endpoint and self.body else None,
            "undocumented": parameters.find_undocumented(self.endpoint, self.query) if self.endpoint else [],
            "missing": parameters.find_missing(self.endpoint, self.query) if self.endpoint else [],
            "fault": fault,
            "headers": {name: self.headers[name] for name in _LOGGED_HEADERS if name in self.headers},
            "client_port": self.client_port,
        }
