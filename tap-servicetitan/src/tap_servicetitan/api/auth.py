"""Signs in to ServiceTitan: OAuth 2.0 client credentials, one access token per tenant and tap."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from tap_servicetitan.errors import RetriableError, SignInRefusedError
from tap_servicetitan.plugin_runtime.prepared_types import prepared
from tap_servicetitan.plugin_runtime.redaction import register_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_servicetitan.api.responses import HttpResponse
    from tap_servicetitan.api.retry import Retrier
    from tap_servicetitan.api.transport import Transport

EARLY_RENEWAL_SECONDS = 60.0
"""A token is renewed this long before it expires, so that it outlives the request that it is sent with."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The tenant and the client that sign in."""

    tenant_id: str
    client_id: str
    client_secret: str


@prepared
class _Grant(msgspec.Struct):
    access_token: str
    expires_in: float


@prepared
class _Refusal(msgspec.Struct):
    error: str = ""


class Authenticator:
    """Holds the access token of one tenant and renews it. Safe to share between threads."""

    def __init__(
        self,
        credentials: Credentials,
        auth_url: str,
        transport: Transport,
        retrier: Retrier,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without a token.

        Args:
            credentials: The tenant and the client.
            auth_url: Address of the token endpoint.
            transport: Sends the request.
            retrier: Repeats it after an error that may pass.
            clock: Returns seconds that never go backwards.
        """
        self._credentials = credentials
        self._auth_url = auth_url
        self._transport = transport
        self._retrier = retrier
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at = 0.0

    def ensure_token(self) -> str:
        """Return a valid access token. Signs in if there is none.

        Raises:
            SignInRefusedError: If the credentials are not accepted.
            StreamError: If the token endpoint does not answer.
        """
        with self._lock:
            if self._token is None or self._clock() >= self._renew_at:
                self._sign_in()
            return self._token or ""

    def discard(self, token: str) -> None:
        """Forget a token that the API refused, unless it has been replaced already."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _sign_in(self) -> None:
        requested_at = self._clock()
        grant = self._retrier.call(self._request_token)
        register_secrets([grant.access_token])
        self._token = grant.access_token
        self._renew_at = requested_at + max(grant.expires_in - EARLY_RENEWAL_SECONDS, grant.expires_in / 2)

    def _request_token(self) -> _Grant:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
        }
        # The credentials go into the form only. Without `headers`, requests would look for others in a .netrc file.
        response = self._transport.send(
            "POST", self._auth_url, data=form, headers=lambda request: request, is_small=True
        )
        if response.status != HTTPStatus.OK:
            raise SignInRefusedError(
                f"the sign-in for tenant {self._credentials.tenant_id} was refused ({_refusal(response)}): "
                "check client_id, client_secret and environment"
            )
        try:
            return msgspec.json.decode(response.body, type=_Grant)
        except msgspec.DecodeError as error:
            raise RetriableError(f"the response to the sign-in has no token: {error}") from error


def _refusal(response: HttpResponse) -> str:
    try:
        error = msgspec.json.decode(response.body, type=_Refusal).error
    except msgspec.DecodeError:
        error = ""
    return error or f"{response.status} {response.reason}"
