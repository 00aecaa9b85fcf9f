"""Resolves references to secrets, just before a company's process starts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud.secretmanager import SecretManagerServiceClient

from servicetitan_fleet.plugin_runtime.credentials import find_problem
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import register_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from servicetitan_fleet.registry.company import Company

_TIMEOUT_SECONDS = 30.0
_SHORTEST = 8
"""Least number of characters: shorter ones could be guessed, and masking them would blank out ordinary words."""


class SecretResolver:
    """Reads secrets from environment variables and Secret Manager. Caches nothing, so rotation takes effect at once."""

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        make_client: Callable[[], SecretManagerServiceClient] = SecretManagerServiceClient,
    ) -> None:
        """Name the sources.

        Args:
            environment: Source of `env:` references.
            make_client: Makes Google's client when the first `secret://` reference is read.
        """
        self._environment = environment
        self._make_client = make_client
        self._client: SecretManagerServiceClient | None = None

    def resolve(self, company: Company) -> dict[str, str]:
        """Read a company's secrets, by the name of the tap's setting. From then on all logs mask them.

        Raises:
            PluginError: If a secret cannot be read or used. The message names the company, the setting and the
                reference.
        """
        secrets = {}
        for name, reference in company.references.items():
            label = f"{company.company_id}: secret `{name}`"
            secrets[name] = self._read(reference, label)
            if name != "client_id":
                register_secrets([secrets[name]])
            if problem := _find_problem(name, secrets[name]):
                raise PluginError(f"{label} {problem}: {reference}")
        return secrets

    def read(self, reference: str, label: str) -> str:
        """Read one secret. The caller registers it for masking.

        Args:
            reference: Where it is.
            label: What it is for, for the error message.

        Raises:
            PluginError: If it cannot be read, or is empty. The message has the label and the reference.
        """
        value = self._read(reference, label)
        if not value:
            raise PluginError(f"{label} is empty: {reference}")
        return value

    def _read(self, reference: str, label: str) -> str:
        scheme, _, name = reference.partition(":")
        if scheme == "env":
            try:
                value = self._environment[name]
            except KeyError:
                raise PluginError(f"{label}: the environment variable {name} is not set") from None
            # Python keeps bytes that are not UTF-8 as characters that no program can write.
            return _decode(value.encode(errors="surrogateescape"), label, reference)
        return self._read_secret_manager(name.removeprefix("//"), label)

    def _read_secret_manager(self, name: str, label: str) -> str:
        try:
            self._client = self._client or self._make_client()
            version = self._client.access_secret_version(name=name, timeout=_TIMEOUT_SECONDS)
        except (GoogleAPIError, GoogleAuthError) as error:
            raise PluginError(f"{label}: cannot read {name} from Secret Manager: {error}") from error
        # `echo` appends a line break to a secret; no credential ends with one.
        return _decode(version.payload.data, label, f"secret://{name}").rstrip("\r\n")


def _decode(content: bytes, label: str, reference: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        # Not the cause of the new error: its text has the bytes.
        raise PluginError(f"{label} is not text in UTF-8: {reference}") from None


def _find_problem(name: str, value: str) -> str:
    """Return why a secret cannot be used, without its text; empty if it can."""
    if not value:
        return "is empty"
    if name != "client_id" and len(value) < _SHORTEST:
        return f"has fewer than {_SHORTEST} characters"
    problem = find_problem(value)
    return f"{problem}, so no request can carry it" if problem else ""
