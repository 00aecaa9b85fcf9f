"""A request, as far as the endpoints, the faults and the log need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.servicetitan.endpoints import ENDPOINTS, TENANT, Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_LOGGED_HEADERS = ("accept", "accept-encoding", "connection", "content-type", "user-agent")


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Attributes:
        method: The HTTP method.
        path: The path as it came.
        query: The query parameters.
        headers: The headers, with lower-case names.
        client_port: The port it came from, which tells connections apart.
        tenant: The tenant in the path; empty if there is none.
        endpoint: What the path stands for; None if it is unknown.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client_port: int
    tenant: str
    endpoint: Endpoint | None

    @classmethod
    def of(cls, request: Request) -> Call:
        """Return what a request asks for."""
        path = request.url.path
        match = TENANT.search(path)
        return cls(
            method=request.method,
            path=path,
            query=dict(request.query_params),
            headers=dict(request.headers),
            client_port=request.client.port if request.client else 0,
            tenant=match[0] if match else "",
            endpoint=ENDPOINTS.get(TENANT.sub("{tenant}", path, count=1)),
        )

    @property
    def stream(self) -> str | None:
        """Name of the stream that is asked for."""
        return self.endpoint.stream if self.endpoint else None

    @property
    def authorization(self) -> str:
        """The header `Authorization`."""
        return self.headers.get("authorization", "")

    @property
    def undocumented(self) -> list[str]:
        """Names of query parameters that the API does not document for this path."""
        known = self.endpoint.parameters | self.endpoint.ignored if self.endpoint else frozenset[str]()
        return sorted(self.query.keys() - known)

    def entry(self, page: int | None, status: int, fault: str | None) -> dict[str, object]:
        """Return the entry of the request log. It holds no secret."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": status,
            "tenant": self.tenant or None,
            "stream": self.stream,
            "page": page,
            "undocumented": self.undocumented,
            "fault": fault,
            "headers": {name: self.headers[name] for name in _LOGGED_HEADERS if name in self.headers},
            "client_port": self.client_port,
        }
