"""Makes the BigQuery client that the settings describe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.auth.exceptions import GoogleAuthError
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from target_bigquery_softdelete.bigquery.uploads import UploadingClient
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.google_client import SCOPES, bigquery_client, keep_connections

if TYPE_CHECKING:
    from google.cloud import bigquery

    from target_bigquery_softdelete.config.settings import Settings

SPARE_CONNECTIONS = 8
"""Connections besides those of the jobs and of the other calls of a run: for the lease and the questions."""


def make_client(settings: Settings) -> bigquery.Client:
    """Return a client for the project of the settings, or for the one that pays.

    Raises:
        PluginError: If the credentials cannot be read. The text never quotes them.
    """
    try:
        client = bigquery_client(
            settings.billing_project or settings.project_id,
            UploadingClient,
            credentials=_own_credentials(settings),
            api_endpoint=settings.endpoint,
            location=settings.location,
            service_account=settings.impersonate_service_account,
        )
    except (GoogleAuthError, ValueError, OSError) as error:
        # The library's own text may quote a part of what it could not parse.
        raise PluginError(f"{_source(settings)} ({type(error).__name__}).") from None
    keep_connections(client, 2 * settings.parallel_jobs + SPARE_CONNECTIONS)
    return client


def _own_credentials(settings: Settings) -> Any:  # noqa: ANN401 - google.auth has no common base class
    """Return the credentials that the settings hold, or None if they hold none."""
    if settings.credentials_json:
        return _from_document(json.loads(settings.credentials_json))
    if settings.credentials_path:
        return _from_document(json.loads(Path(settings.credentials_path).read_text(encoding="utf-8")))
    return None


def _from_document(document: Any) -> Any:  # noqa: ANN401 - what the file holds, whatever that is
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "service_account":
        return service_account.Credentials.from_service_account_info(document, scopes=SCOPES)
    if kind == "authorized_user":
        return user_credentials.Credentials.from_authorized_user_info(document, scopes=SCOPES)
    # Other kinds name addresses to call. They are accepted only as the credentials of the environment.
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
