"""Reads the API of one tenant: every request is signed, limited, retried and decoded here."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tap_servicetitan.api.transport import describe
from tap_servicetitan.errors import RequestRefusedError, RetriableError, SignInRefusedError, StreamError
from tap_servicetitan.plugin_runtime.compat import override

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from tap_servicetitan.api.auth import Authenticator
    from tap_servicetitan.api.rate_limit import RateLimiter
    from tap_servicetitan.api.retry import Retrier
    from tap_servicetitan.api.transport import Answer, Transport

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    params: dict[str, str]
    body: bytes | None = None

    @override
    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class ApiClient:
    """The API of one tenant."""

    def __init__(  # noqa: PLR0913 - each one is a part of its own
        self,
        *,
        api_url: str,
        tenant_id: str,
        app_key: str,
        authenticator: Authenticator,
        transport: Transport,
        limiter: RateLimiter,
        retrier: Retrier,
    ) -> None:
        """Put the parts together.

        Args:
            api_url: Address of the API's host.
            tenant_id: The tenant whose data is read.
            app_key: The app's key, sent with every request.
            authenticator: Gives the access token.
            transport: Sends one request.
            limiter: Holds requests back.
            retrier: Repeats them.
        """
        self._api_url = api_url.rstrip("/")
        self._tenant_id = tenant_id
        self._app_key = app_key
        self._authenticator = authenticator
        self._transport = transport
        self._limiter = limiter
        self._retrier = retrier

    def sign_in(self) -> None:
        """Make sure that the credentials work.

        Raises:
            SignInRefusedError: If they do not.
            StreamError: If the token endpoint does not answer.
        """
        self._authenticator.token()

    def get(self, path: str, params: dict[str, str], decode: Callable[[bytes], T]) -> T:
        """Return the decoded answer of an endpoint.

        Args:
            path: The endpoint, with `{tenant}` in it.
            params: Query parameters.
            decode: Makes a value of the body. A body that is not JSON (msgspec.DecodeError) is asked for again;
                JSON of another shape (msgspec.ValidationError) is not.

        Raises:
            RequestRefusedError: If the answer is a client error.
            StreamError: If no usable answer comes within the allowed retries.
            SignInRefusedError: If the API or the token endpoint refuses the credentials.
        """
        return self._retrier.call(lambda: self._answer(_Request("GET", path, params), decode), self._limiter.hold)

    def post(self, path: str, params: dict[str, str], body: bytes, decode: Callable[[bytes], T]) -> T:
        """Return the decoded answer of an endpoint that takes a body, and reads all the same.

        Too many such requests hold back nothing else: their limit is not the one that all requests share.

        Args:
            path: As in `get`.
            params: As in `get`.
            body: JSON.
            decode: As in `get`.

        Raises:
            RequestRefusedError: As in `get`.
            StreamError: As in `get`.
            SignInRefusedError: As in `get`.
        """
        return self._retrier.call(lambda: self._answer(_Request("POST", path, params, body), decode))

    def _answer(self, request: _Request, decode: Callable[[bytes], T]) -> T:
        answer = self._authorized(request)
        if answer.status != HTTPStatus.OK:
            raise RequestRefusedError(f"{request}: {describe(answer)}", status=answer.status)
        return _decoded(str(request), answer.body, decode)

    def _authorized(self, request: _Request) -> Answer:
        token = self._authenticator.token()
        answer = self._send(request, token)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            # Tokens can end before their time. One that has just been issued does not: then it is the settings.
            self._authenticator.discard(token)
            answer = self._send(request, self._authenticator.token())
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise SignInRefusedError(
                f"the API refused a new access token for tenant {self._tenant_id} ({describe(answer)}): "
                "check app_key, tenant_id and environment"
            )
        return answer

    def _send(self, request: _Request, token: str) -> Answer:
        def headers(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
            prepared.headers["Authorization"] = f"Bearer {token}"
            prepared.headers["ST-App-Key"] = self._app_key
            if request.body is not None:
                prepared.headers["Content-Type"] = "application/json"
            return prepared

        self._limiter.wait()
        url = self._api_url + request.path.replace("{tenant}", self._tenant_id)
        return self._transport.send(request.method, url, params=request.params, data=request.body, headers=headers)


def _decoded(request: str, body: bytes, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise StreamError(f"{request}: the answer is not what the API documents: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RetriableError(f"{request}: the answer is not JSON: {error}") from error
