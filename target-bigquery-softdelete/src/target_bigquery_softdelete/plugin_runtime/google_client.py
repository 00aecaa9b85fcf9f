"""BigQuery clients: whose credentials, which address. Google's libraries are loaded with this module and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import google.auth
from google.api_core.client_options import ClientOptions
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.cloud.client import Client

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

EMULATOR_VARIABLE = "BIGQUERY_EMULATOR_HOST"
"""Environment variable with the address of a BigQuery emulator. Google's own clients read it, too."""


def emulator_address(environment: Mapping[str, str]) -> str:
    """Return the base URL of the emulator that the environment names, or an empty text when it names none.

    The variable may hold a URL or, as Google's clients allow, only a host and a port.
    """
    host = environment.get(EMULATOR_VARIABLE, "")
    return host if not host or "://" in host else f"http://{host}"


def bigquery_client(  # noqa: PLR0913 - what a client can be given
    project: str,
    client_class: type[bigquery.Client] = bigquery.Client,
    *,
    credentials: Any = None,  # noqa: ANN401 - google.auth has no common base class
    api_endpoint: str | None = None,
    location: str | None = None,
    service_account: str | None = None,
) -> bigquery.Client:
    """Return a BigQuery client.

    Args:
        project: The project that is asked, and that pays.
        client_class: Google's class, or one that is made from it.
        credentials: Google credentials. By default those of the process, or none with an `api_endpoint`.
        api_endpoint: Base URL of the API: a private endpoint or an emulator.
        location: Where jobs run. By default where the data is.
        service_account: E-mail address of a service account to act as. An emulator knows none.

    Raises:
        GoogleAuthError: If there are no credentials.
    """
    is_emulator = credentials is None and bool(api_endpoint)
    if credentials is None:
        credentials = AnonymousCredentials() if is_emulator else google.auth.default(scopes=SCOPES)[0]
    if service_account and not is_emulator:
        credentials = impersonated_credentials.Credentials(
            source_credentials=credentials, target_principal=service_account, target_scopes=SCOPES
        )
    return client_class(
        project=project,
        credentials=credentials,
        location=location,
        client_options=ClientOptions(api_endpoint=api_endpoint) if api_endpoint else None,
    )


def keep_connections(client: Client, number: int) -> None:
    """Let a client of any service keep more connections open than the ten that `requests` keeps.

    A thread that finds none opens one, with a TLS handshake, and closes it after its call, with a warning.

    Args:
        client: The client.
        number: As many as there are threads that use it at the same time.
    """
    session = client._http  # noqa: SLF001 - the client shows it nowhere
    for scheme in ("https://", "http://"):
        if type(session.get_adapter(scheme)) is HTTPAdapter:  # another one may hold a certificate of this machine
            session.mount(scheme, HTTPAdapter(pool_maxsize=number))
