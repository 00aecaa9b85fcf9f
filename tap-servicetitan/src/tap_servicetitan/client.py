"""Reads the API of one tenant: every request is signed, limited, retried and decoded here."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tap_servicetitan.errors import RequestRefusedError, RetriableError, SignInRefusedError, StreamError
from tap_servicetitan.transport import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from tap_servicetitan.auth import Authenticator
    from tap_servicetitan.limiter import RateLimiter
    from tap_servicetitan.retry import Retrier
    from tap_servicetitan.transport import Answer, Transport

T = TypeVar("T")


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
        url = self._api_url + path.replace("{tenant}", self._tenant_id)

        def attempt() -> T:
            answer = self._authorized(url, params)
            if answer.status != HTTPStatus.OK:
                raise RequestRefusedError(f"GET {path}: {describe(answer)}", status=answer.status)
            return _decoded(path, answer.body, decode)

        return self._retrier.call(attempt, self._limiter.hold)

    def _authorized(self, url: str, params: dict[str, str]) -> Answer:
        token = self._authenticator.token()
        answer = self._send(url, params, token)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            # Tokens can end before their time. One that has just been issued does not: then it is the settings.
            self._authenticator.discard(token)
            answer = self._send(url, params, self._authenticator.token())
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise SignInRefusedError(
                f"the API refused a new access token for tenant {self._tenant_id} ({describe(answer)}): "
                "check app_key, tenant_id and environment"
            )
        return answer

    def _send(self, url: str, params: dict[str, str], token: str) -> Answer:
        def headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {token}"
            request.headers["ST-App-Key"] = self._app_key
            return request

        self._limiter.wait()
        return self._transport.send("GET", url, params=params, headers=headers)


def _decoded(path: str, body: bytes, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise StreamError(f"GET {path}: the answer is not what the API documents: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RetriableError(f"GET {path}: the answer is not JSON: {error}") from error
