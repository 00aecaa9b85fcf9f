"""Sends requests that only read, and not too many of them."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

from tap_servicetitan.settings import HOSTS

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "APP_KEY")
"""The environment variables with the credentials, after `SERVICETITAN_`."""

TIMEOUT_SECONDS = 120.0


class CheckError(Exception):
    """The check cannot go on. The text says why, in one line and without a credential."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request.

    Attributes:
        status: The HTTP status; 0 if none came in time.
        content_type: Its content type, without parameters.
        retry_after: The header `Retry-After`.
        body: The body as JSON; None if it is empty or no JSON.
        seconds: How long it took.
    """

    status: int
    content_type: str = ""
    retry_after: str | None = None
    body: Any = None
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether it brings what was asked for."""
        return self.status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records in it."""
        found = self.body.get("data") if isinstance(self.body, dict) else self.body
        return [record for record in found or [] if isinstance(record, dict)] if isinstance(found, list) else []

    def value(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return a member of the body."""
        return self.body.get(name) if isinstance(self.body, dict) else None


@dataclass
class Client:
    """The API of one tenant, asked slowly.

    Attributes:
        api_url: Address of the API.
        auth_url: Address of the token endpoint.
        credentials: The credentials by their names in NAMES.
        most_requests: How many requests are sent at most.
        seconds_between: How long to wait between two requests.
        until: When to stop, by `time.monotonic`.
    """

    api_url: str
    auth_url: str
    credentials: Mapping[str, str]
    most_requests: int
    seconds_between: float
    until: float
    statuses: Counter[int] = field(default_factory=Counter)
    """How many answers had each status."""
    _session: requests.Session = field(default_factory=requests.Session)
    _token: str = ""

    @classmethod
    def from_environment(cls, *, most_requests: int, minutes: float) -> Client:
        """Return the client of the credentials in the environment.

        Raises:
            CheckError: If one is missing.
        """
        found = {name: os.environ.get(f"SERVICETITAN_{name}", "").strip() for name in NAMES}
        if missing := [f"SERVICETITAN_{name}" for name, value in found.items() if not value]:
            raise CheckError(f"set {', '.join(missing)} in the environment: the credentials of an app that may read")
        api_url, auth_url = HOSTS["integration"]
        return cls(
            api_url=os.environ.get("SERVICETITAN_API_URL", api_url),
            auth_url=os.environ.get("SERVICETITAN_AUTH_URL", auth_url),
            credentials=found,
            most_requests=most_requests,
            seconds_between=float(os.environ.get("SERVICETITAN_SECONDS_BETWEEN", "0.2")),
            until=time.monotonic() + 60 * minutes,
        )

    @property
    def is_over(self) -> bool:
        """Whether no more may be asked."""
        return sum(self.statuses.values()) >= self.most_requests or time.monotonic() > self.until

    def sign_in(self) -> None:
        """Get a token.

        Raises:
            CheckError: If there is none.
        """
        form = {
            "grant_type": "client_credentials",
            "client_id": self.credentials["CLIENT_ID"],
            "client_secret": self.credentials["CLIENT_SECRET"],
        }
        try:
            answer = self._session.post(self.auth_url, data=form, timeout=TIMEOUT_SECONDS)
            self._token = str(answer.json()["access_token"])
        except requests.RequestException as error:
            raise CheckError(f"{self.auth_url} cannot be reached: {type(error).__name__}") from None
        except (ValueError, KeyError, TypeError):
            raise CheckError(
                f"{self.auth_url} refused the credentials ({answer.status_code}): check SERVICETITAN_CLIENT_ID and "
                "SERVICETITAN_CLIENT_SECRET, and that they are of this environment"
            ) from None

    def get(self, path: str, *, accept: str | None = "application/json", **query: str) -> Answer:
        """Ask a path, with `{tenant}` in it. A token that has expired is renewed."""
        answer = self._get(path, accept, query)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self.sign_in()
            answer = self._get(path, accept, query)
        return answer

    def _get(self, path: str, accept: str | None, query: Mapping[str, str]) -> Answer:
        time.sleep(self.seconds_between)
        headers = {"Authorization": f"Bearer {self._token}", "ST-App-Key": self.credentials["APP_KEY"]}
        headers |= {"Accept": accept} if accept else {}
        url = self.api_url.rstrip("/") + path.replace("{tenant}", self.credentials["TENANT_ID"])
        begun = time.monotonic()
        try:
            found = self._session.get(url, params=query, headers=headers, timeout=TIMEOUT_SECONDS)
        except requests.RequestException:
            self.statuses[0] += 1
            return Answer(0, seconds=time.monotonic() - begun)
        self.statuses[found.status_code] += 1
        return Answer(
            found.status_code,
            found.headers.get("Content-Type", "").partition(";")[0],
            found.headers.get("Retry-After"),
            _json(found.content),
            time.monotonic() - begun,
        )


def _json(body: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(body) if body.strip() else None
    except ValueError:
        return None
