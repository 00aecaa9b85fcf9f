"""Turns references into secrets, just before a company's process starts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud.secretmanager import SecretManagerServiceClient

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import register_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from servicetitan_fleet.registry.company import Company

_TIMEOUT_SECONDS = 30.0


class SecretResolver:
    """Reads secrets from where references point. Nothing is kept: a rotated secret is used by the next run."""

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        make_client: Callable[[], SecretManagerServiceClient] = SecretManagerServiceClient,
    ) -> None:
        """Name the sources.

        Args:
            environment: Where `env:` references point.
            make_client: Makes Google's client for `secret://` references, when the first one comes.
        """
        self._environment = environment
        self._make_client = make_client
        self._client: SecretManagerServiceClient | None = None

    def secrets_of(self, company: Company) -> dict[str, str]:
        """Return a company's secrets by the name of the setting. They are masked in all logs from then on.

        Raises:
            PluginError: If one cannot be read. It names the company, the setting and the reference.
        """
        secrets = {}
        for name, reference in msgspec.to_builtins(company.secrets).items():
            value = self._resolve(reference, f"{company.company_id}: secret `{name}`")
            if not value:
                raise PluginError(f"{company.company_id}: secret `{name}` is empty: {reference}")
            secrets[name] = value
        register_secrets(value for name, value in secrets.items() if name != "client_id")
        return secrets

    def _resolve(self, reference: str, whose: str) -> str:
        scheme, _, name = reference.partition(":")
        if scheme == "env":
            try:
                return self._environment[name]
            except KeyError:
                raise PluginError(f"{whose}: the variable {name} is not set") from None
        return self._from_secret_manager(name.removeprefix("//"), whose)

    def _from_secret_manager(self, name: str, whose: str) -> str:
        try:
            self._client = self._client or self._make_client()
            version = self._client.access_secret_version(name=name, timeout=_TIMEOUT_SECONDS)
        except (GoogleAPIError, GoogleAuthError) as error:
            raise PluginError(f"{whose}: Secret Manager does not give {name}: {error}") from error
        # A trailing line break is what `echo` adds to a secret, and no credential has one.
        return str(version.payload.data.decode()).rstrip("\r\n")
