"""Posts JSON to a server. No error names the address: whoever knows it could send messages."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import requests

from servicetitan_fleet.plugin_runtime.clock import retry_after_seconds
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import register_secrets

if TYPE_CHECKING:
    from servicetitan_fleet.notify.deadline import Deadline
    from servicetitan_fleet.notify.payloads import Payload

TIMEOUT_SECONDS = 10.0
TRIES = 3
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0

_TOO_MANY = 429
_SERVER_ERROR = 500
_SHORTEST_SECRET = 8


class _TryAgainError(Exception):
    """A failure that may pass: what it is, and how many seconds the server wants to be left alone."""

    def __init__(self, problem: str, pause: float | None = None) -> None:
        super().__init__(problem)
        self.pause = pause


def check_address(address: str) -> str:
    """Return an address that messages may be sent to: encrypted, or on this machine.

    Raises:
        PluginError: If it is another one. The message does not say which.
    """
    try:
        parts = urlsplit(address)
        is_safe = bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and _is_local(parts)))
    except ValueError:
        is_safe = False
    if not is_safe:
        raise PluginError("its address does not begin with `https://`")
    return address


def hide_address(address: str) -> None:
    """Mask an address in all logs from now on: the part behind the host, which nobody else knows."""
    parts = urlsplit(address)
    secret = f"{parts.path}?{parts.query}" if parts.query else parts.path
    register_secrets([secret if len(secret) >= _SHORTEST_SECRET else address])


def _is_local(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def post(address: str, payload: Payload, deadline: Deadline) -> None:
    """Post a payload. Errors that may pass are tried again.

    Raises:
        PluginError: If it has not arrived. The message says why, without the address.
    """
    check_address(address)
    pause = FIRST_PAUSE_SECONDS
    for left in reversed(range(TRIES)):
        try:
            _post_once(address, payload, deadline)
        except _TryAgainError as error:
            wanted = min(error.pause if error.pause is not None else pause, LONGEST_PAUSE_SECONDS)
            if not left or not deadline.wait(wanted):
                raise PluginError(f"{error}, after {TRIES - left} of {TRIES} tries") from None
            pause *= 2
        else:
            return


def _post_once(address: str, payload: Payload, deadline: Deadline) -> None:
    if deadline.remaining <= 0:
        raise PluginError("there was no time left to send it")
    try:
        # A redirect could lead anywhere, and no such service needs one.
        response = requests.post(
            address, json=payload, timeout=min(TIMEOUT_SECONDS, deadline.remaining), allow_redirects=False
        )
    except requests.Timeout:
        raise _TryAgainError(f"no answer within {TIMEOUT_SECONDS:g} seconds") from None
    except requests.ConnectionError:
        raise _TryAgainError("no connection") from None
    except (requests.RequestException, ValueError) as error:
        raise PluginError(f"the request could not be sent ({type(error).__name__})") from None
    _check_answer(response)


def _check_answer(response: requests.Response) -> None:
    if response.status_code == _TOO_MANY or response.status_code >= _SERVER_ERROR:
        pause = retry_after_seconds(response.headers.get("Retry-After"))
        raise _TryAgainError(f"answered {response.status_code}", pause)
    if not response.ok or response.is_redirect:
        raise PluginError(f"answered {response.status_code}")
