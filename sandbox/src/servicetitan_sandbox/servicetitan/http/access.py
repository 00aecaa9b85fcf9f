"""Access to the API: client credentials, tokens, the app key, scopes, and the rate limit."""

from __future__ import annotations

import hmac
import secrets
import sys
import time
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_sandbox.errors import TokenError
from servicetitan_sandbox.models import OTHER_AREAS
from servicetitan_sandbox.servicetitan.http.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from servicetitan_sandbox.models import Tenant

_WINDOW_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Grant:
    tenant_id: str
    expires: float


class Tokens:
    """Issues bearer tokens for client credentials, and remembers their tenants until they expire."""

    def __init__(self) -> None:
        self._grants: dict[str, _Grant] = {}

    def issue(self, form: Mapping[str, str], tenants: Iterable[Tenant]) -> dict[str, object]:
        """Return the answer to a request for a token.

        Raises:
            TokenError: If the form asks for another grant, or no tenant has these credentials.
        """
        if form.get("grant_type") != "client_credentials":
            raise TokenError("unsupported_grant_type")
        tenant = _tenant_of(form.get("client_id", ""), form.get("client_secret", ""), tenants)
        token = secrets.token_urlsafe(48)
        self._grants[token] = _Grant(tenant.tenant_id, time.monotonic() + tenant.token_seconds)
        return {"access_token": token, "expires_in": tenant.token_seconds, "token_type": "Bearer"}

    def tenant_id(self, authorization: str) -> str:
        """Return the tenant of the token in an `Authorization` header.

        Raises:
            Problem: 401 if it holds no valid token.
        """
        grant = self._grants.get(authorization.removeprefix("Bearer "))
        if grant is None or grant.expires <= time.monotonic():
            raise Problem(401, "The access token is missing, unknown or expired.")
        return grant.tenant_id

    def revoke(self, authorization: str) -> None:
        """Expire the token in an `Authorization` header now."""
        self._grants.pop(authorization.removeprefix("Bearer "), None)


def _tenant_of(client_id: str, client_secret: str, tenants: Iterable[Tenant]) -> Tenant:
    for tenant in tenants:
        if tenant.client_id == client_id and hmac.compare_digest(tenant.client_secret.encode(), client_secret.encode()):
            return tenant
    raise TokenError("invalid_client")


def check(tenant: Tenant, tenant_in_path: str, app_key: str) -> None:
    """Check that the app key is right and that the token belongs to the tenant in the path.

    Raises:
        Problem: 401 for a wrong app key, 403 for another tenant's path.
    """
    if not hmac.compare_digest(tenant.app_key.encode(), app_key.encode()):
        raise Problem(401, "The application key is missing or not valid.")
    if tenant.tenant_id != tenant_in_path:
        raise Problem(403, "The application has no access to this tenant.")


def check_scope(tenant: Tenant, area: str) -> None:
    """Check that the tenant has an area of the API, and that the application may read it.

    Raises:
        Problem: 404 if the tenant has not enabled the area, 403 if the application lacks a scope for it.
    """
    if area in tenant.not_enabled:
        raise Problem(404, "The tenant has not enabled this.")
    if tenant.scopes is not None and area not in tenant.scopes:
        raise Problem(403, "The application lacks a scope for this module.")


class RateLimit:
    """Counts one tenant's requests over the last second.

    Args:
        per_second: How many requests are served in a second.
    """

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._served: deque[float] = deque()
        self._refused = 0

    def count(self) -> None:
        """Count a request.

        Raises:
            Problem: 429 if there were too many. Every other 429 has a `Retry-After`.
        """
        now = time.monotonic()
        while self._served and self._served[0] <= now - _WINDOW_SECONDS:
            self._served.popleft()
        if len(self._served) < self._per_second:
            self._served.append(now)
            return
        self._refused += 1
        raise too_many_requests(retry_after=1 if self._refused % 2 else None)


class Crowd:
    """Counts one tenant's requests that are on their way, by area.

    Args:
        most: How many there may be, by area; `*` for each of the others. Without it, any number of them.
    """

    def __init__(self, most: Mapping[str, int]) -> None:
        self._most = most
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def enter(self, area: str) -> Iterator[None]:
        """Count a request within the block.

        Raises:
            Problem: 429 if there are too many.
        """
        if self._under_way[area] >= self._most.get(area, self._most.get(OTHER_AREAS, sys.maxsize)):
            raise too_many_requests(None)
        self._under_way[area] += 1
        try:
            yield
        finally:
            self._under_way[area] -= 1


def too_many_requests(retry_after: int | None) -> Problem:
    """Return the problem 429, with `Retry-After` (seconds) or without."""
    headers = None if retry_after is None else {"Retry-After": str(retry_after)}
    return Problem(429, "Rate limit is exceeded.", headers=headers)
