"""Makes the BigQuery client: whose credentials, which address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import google.auth
from google.api_core.client_options import ClientOptions
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from plugin_runtime import PluginError

if TYPE_CHECKING:
    from target_bigquery_softdelete.settings import Settings

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def make_client(settings: Settings) -> bigquery.Client:
    """Return a client for the project of the settings.

    Raises:
        PluginError: If the credentials cannot be read. The text never quotes them.
    """
    credentials = _credentials(settings)
    if settings.impersonate_service_account:
        credentials = impersonated_credentials.Credentials(
            source_credentials=credentials,
            target_principal=settings.impersonate_service_account,
            target_scopes=_SCOPES,
        )
    return bigquery.Client(
        project=settings.project_id,
        credentials=credentials,
        location=settings.location,
        client_options=ClientOptions(api_endpoint=settings.api_endpoint) if settings.api_endpoint else None,
    )


def _credentials(settings: Settings) -> Any:  # noqa: ANN401 - google.auth has no common base class
    try:
        if settings.credentials_json:
            document = json.loads(settings.credentials_json)
            return google.auth.load_credentials_from_dict(document, scopes=_SCOPES)[0]
        if settings.credentials_path:
            return google.auth.load_credentials_from_file(settings.credentials_path, scopes=_SCOPES)[0]
        if settings.api_endpoint:
            return AnonymousCredentials()
        return google.auth.default(scopes=_SCOPES)[0]
    except (GoogleAuthError, ValueError, OSError) as error:
        # The library's own text may quote a part of what it could not parse.
        raise PluginError(
            f"{_source(settings)} cannot be used as Google credentials ({type(error).__name__})."
        ) from None


def _source(settings: Settings) -> str:
    if settings.credentials_json:
        return "The text in `credentials_json`"
    if settings.credentials_path:
        return f"The file `{settings.credentials_path}` (setting `credentials_path`)"
    return "No `credentials_path` or `credentials_json` is set, and the application default credentials"
