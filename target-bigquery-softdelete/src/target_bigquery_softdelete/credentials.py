"""Makes the BigQuery client: whose credentials, which address."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google.auth
from google.api_core.client_options import ClientOptions
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

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
            return _from_document(json.loads(settings.credentials_json))
        if settings.credentials_path:
            return _from_document(json.loads(Path(settings.credentials_path).read_text(encoding="utf-8")))
        if settings.api_endpoint:
            return AnonymousCredentials()
        return google.auth.default(scopes=_SCOPES)[0]
    except (GoogleAuthError, ValueError, OSError) as error:
        # The library's own text may quote a part of what it could not parse.
        raise PluginError(f"{_source(settings)} ({type(error).__name__}).") from None


def _from_document(document: Any) -> Any:  # noqa: ANN401 - what the file holds, whatever that is
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "service_account":
        return service_account.Credentials.from_service_account_info(document, scopes=_SCOPES)
    if kind == "authorized_user":
        return user_credentials.Credentials.from_authorized_user_info(document, scopes=_SCOPES)
    # Google's other kinds name addresses to call: they are taken from the environment's own credentials only.
    raise ValueError(kind)


def _source(settings: Settings) -> str:
    kinds = "is not the key of a service account, nor a user's credentials"
    if settings.credentials_json:
        return f"The text in `credentials_json` {kinds}"
    if settings.credentials_path:
        return f"The file `{settings.credentials_path}` (setting `credentials_path`) cannot be read, or {kinds}"
    return (
        "There are no Google credentials here: set `credentials_path` or `credentials_json`, or run "
        "`gcloud auth application-default login`"
    )
