"""Reads the API of one tenant: signs, limits, retries and decodes every request."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tap_servicetitan.api.responses import describe, shape_of
from tap_servicetitan.errors import (
    PageSizeRefusedError,
    RequestRefusedError,
    RetriableError,
    SignInRefusedError,
    StreamError,
)
from tap_servicetitan.plugin_runtime.compat import override

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    import requests

    from tap_servicetitan.api.auth import Authenticator
    from tap_servicetitan.api.gates import Gates
    from tap_servicetitan.api.pages import Page
    from tap_servicetitan.api.rate_limit import RateLimiter
    from tap_servicetitan.api.responses import HttpResponse
    from tap_servicetitan.api.retry import Retrier
    from tap_servicetitan.api.transport import Transport

    AnyPage = TypeVar("AnyPage", bound=Page)

T = TypeVar("T")

_PROBES = ("/settings/v2/tenant/{tenant}/business-units", "/crm/v2/tenant/{tenant}/customers")
"""Lists of two modules, one of which is asked whether the API accepts the app at all."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    params: dict[str, str]
    body: bytes | None = None

    @property
    def module(self) -> str:
        """The API module that it goes to: the first part of its path."""
        return self.path.split("/")[1]

    @override
    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class ApiClient:
    """The API of one tenant."""

    def __init__(  # noqa: PLR0913 - the parts of a request's way
        self,
        *,
        api_url: str,
        tenant_id: str,
        app_key: str,
        authenticator: Authenticator,
        transport: Transport,
        limiter: RateLimiter,
        retrier: Retrier,
        gates: Gates,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
        on_answer: Callable[[], None] = lambda: None,
    ) -> None:
        """Put the parts together.

        Args:
            api_url: Address of the API's host.
            tenant_id: The tenant whose data is read.
            app_key: The app's key, sent with every request.
            authenticator: Provides the access token.
            transport: Sends one request.
            limiter: Holds requests back.
            retrier: Repeats them.
            gates: Limit how many requests to a module are on their way.
            waiting: Is entered while a request waits for its module.
            on_answer: Called after each answer: its module may take more requests now.
        """
        self._api_url = api_url.rstrip("/")
        self._tenant_id = tenant_id
        self._app_key = app_key
        self._authenticator = authenticator
        self._transport = transport
        self._limiter = limiter
        self._retrier = retrier
        self._gates = gates
        self._waiting = waiting
        self._on_answer = on_answer
        self._is_accepted = False
        """Whether the API has accepted app key and token."""

    def sign_in(self) -> None:
        """Check that the credentials work.

        Raises:
            SignInRefusedError: If they do not.
            StreamError: If the token endpoint does not answer.
        """
        self._authenticator.ensure_token()

    def get(self, path: str, params: dict[str, str], decode: Callable[[bytes], T]) -> T:
        """Read an endpoint and return its decoded response.

        Args:
            path: The endpoint, with `{tenant}` in it.
            params: Query parameters.
            decode: Decodes the body. If the body is not JSON (msgspec.DecodeError), the request is sent again; if it is
                JSON of another shape (msgspec.ValidationError), it is not.

        Raises:
            RequestRefusedError: If the response is a client error.
            StreamError: If no usable response comes within the allowed retries.
            SignInRefusedError: If the API or the token endpoint refuses the credentials.
        """
        request = _Request("GET", path, params)
        return self._retrier.call(lambda: self._read(request, decode)[0], self._hold_back(request))

    def get_page(
        self, path: str, params: dict[str, str], decode: Callable[[bytes], AnyPage], *, may_ask_for_less: bool = False
    ) -> AnyPage:
        """Read a page, as `get` does, and return it with the time at which the server sent it.

        Args:
            path: As in `get`.
            params: As in `get`.
            decode: As in `get`.
            may_ask_for_less: Whether the caller can ask for a smaller page when this one does not come.

        Raises:
            PageTooHeavyError: If the page looks too heavy for the server, and the caller can ask for less.
            PageSizeRefusedError: If the API does not give pages of this size.
            RequestRefusedError: As in `get`.
            StreamError: As in `get`.
            SignInRefusedError: As in `get`.
        """
        request = _Request("GET", path, params)
        page, response = self._retrier.call(
            lambda: self._read(request, decode), self._hold_back(request), may_ask_for_less=may_ask_for_less
        )
        return replace(page, sent=response.sent, place=response.place)

    @property
    def server_time(self) -> datetime:
        """The time (UTC) by the server's clock. It is up to a second behind, and never ahead."""
        return self._transport.clock.now()

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is cancelled meanwhile.

        Raises:
            RunCancelledError: If it is.
        """
        self._retrier.sleep(seconds)

    def post(  # noqa: PLR0913 - the parts of one request
        self,
        path: str,
        params: dict[str, str],
        body: bytes,
        decode: Callable[[bytes], T],
        *,
        may_ask_for_less: bool = False,
        least_pause: float = 0.0,
    ) -> T:
        """Read an endpoint that takes a body, and return its decoded response.

        When the API refuses such a request as one too many, other requests go on: it has a limit of its own.

        Args:
            path: As in `get`.
            params: As in `get`.
            body: JSON.
            decode: As in `get`.
            may_ask_for_less: As in `get_page`.
            least_pause: Seconds to wait after such a refusal that does not say how long.

        Raises:
            PageTooHeavyError: As in `get_page`.
            PageSizeRefusedError: As in `get_page`.
            RequestRefusedError: As in `get`.
            StreamError: As in `get`.
            SignInRefusedError: As in `get`.
        """
        request = _Request("POST", path, params, body)

        def read() -> T:
            try:
                return self._read(request, decode)[0]
            except RetriableError as error:
                if error.throttled and not error.retry_after_seconds:
                    error.retry_after_seconds = least_pause
                raise

        return self._retrier.call(read, may_ask_for_less=may_ask_for_less)

    def _hold_back(self, request: _Request) -> Callable[[float, RetriableError], None]:
        def hold(seconds: float, refusal: RetriableError) -> None:
            gate = self._gates.of(request.module)
            if not gate.is_idle and not refusal.retry_after_seconds:
                # The module goes on answering others: they were too many, and now their gate knows it.
                self._retrier.sleep(seconds)
                return
            if gate.is_idle:
                # One request alone is too many: it may be the limit of the tenant.
                self._limiter.hold(seconds)
            gate.hold(seconds)

        return hold

    def _read(self, request: _Request, decode: Callable[[bytes], T]) -> tuple[T, HttpResponse]:
        response = self._send_authorized(request)
        if response.status == HTTPStatus.OK and not response.body.strip():
            raise RetriableError(f"{request}: the response is empty")
        if response.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
            if response.status == HTTPStatus.FORBIDDEN and not response.is_json:
                raise RetriableError(
                    f"{request}: {response.status} {response.reason} with a page that is not the API's: a firewall or "
                    "proxy on the way refuses the request"
                )
            problem = describe(response)
            is_size = response.status == HTTPStatus.BAD_REQUEST and "pagesize" in problem.lower()
            kind = PageSizeRefusedError if is_size else RequestRefusedError
            raise kind(f"{request}: {problem}", status=response.status)
        return _decode(str(request), response.body, decode), response

    def _send_authorized(self, request: _Request) -> HttpResponse:
        token = self._authenticator.ensure_token()
        response = self._send(request, token)
        if response.status == HTTPStatus.UNAUTHORIZED:
            # A token may become invalid early. If the API refuses a new one too, the settings are wrong.
            self._authenticator.discard(token)
            token = self._authenticator.ensure_token()
            response = self._send(request, token)
        if response.status != HTTPStatus.UNAUTHORIZED:
            self._is_accepted = self._is_accepted or response.status != HTTPStatus.FORBIDDEN
        elif not self._is_accepted and not self._is_accepted_elsewhere(request, token):
            raise SignInRefusedError(
                f"the API refused a new access token for tenant {self._tenant_id} ({describe(response)}): "
                "check app_key, tenant_id and environment"
            )
        return response

    def _is_accepted_elsewhere(self, refused: _Request, token: str) -> bool:
        """Return whether another module accepts the app. Then it is about the one that has refused a token."""
        self._authenticator.discard(token)
        probes = [_Request("GET", path, {"page": "1", "pageSize": "1"}) for path in _PROBES]
        probe = next(probe for probe in probes if probe.module != refused.module)
        response = self._send(probe, self._authenticator.ensure_token())
        self._is_accepted = response.status != HTTPStatus.UNAUTHORIZED
        return self._is_accepted

    def _send(self, request: _Request, token: str) -> HttpResponse:
        def headers(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
            prepared.headers["Authorization"] = f"Bearer {token}"
            prepared.headers["ST-App-Key"] = self._app_key
            if request.body is not None:
                prepared.headers["Content-Type"] = "application/json"
            return prepared

        url = self._api_url + request.path.replace("{tenant}", self._tenant_id)
        with self._gates.of(request.module).pass_through(request.path, self._waiting) as ticket:
            self._limiter.wait()
            try:
                response = self._transport.send(
                    request.method, url, params=request.params, data=request.body, headers=headers
                )
            except RetriableError as error:
                ticket.is_refused = error.throttled or error.is_heavy
                raise
            ticket.answer = response.seconds, len(response.body)
        self._on_answer()
        return response


def _decode(request: str, body: bytes, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise StreamError(
            f"{request}: the response does not have the documented form: {error}; it {shape_of(body)}"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RetriableError(f"{request}: the response is not JSON: {error}") from error
