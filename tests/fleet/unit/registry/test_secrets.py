"""Secrets that cannot be read or used are errors that name the setting and the reference, never the value."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.secrets import SecretResolver

STORED = "secret://projects/fleet/secrets/acme/versions/latest"
SECRETS = {"client_id": "env:A", "client_secret": STORED, "app_key": "env:C"}
COMPANY = parse_company({"company_id": "acme", "tenant_id": "1", "project_id": "project-1", "secrets": SECRETS}, "here")
NOT_TEXT = b"caf\xe9-the-secret"


def resolver(content: bytes, **variables: bytes) -> SecretResolver:
    """Return a resolver with these variables, and this content for each secret in Secret Manager."""
    version = SimpleNamespace(payload=SimpleNamespace(data=content))
    client = SimpleNamespace(access_secret_version=lambda **_: version)
    environment = {name: os.fsdecode(value) for name, value in variables.items()}
    return SecretResolver(environment, cast("Any", lambda: client))


def test_secrets_are_read_without_their_last_line_break() -> None:
    secrets = resolver(b"the-client-secret\n", A=b"id", C=b"the-app-key").resolve(COMPANY)
    assert secrets == {"client_id": "id", "client_secret": "the-client-secret", "app_key": "the-app-key"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (resolver(NOT_TEXT, A=b"id", C=b"the-app-key"), f"secret `client_secret` is not text in UTF-8: {STORED}"),
        (resolver(b"the-client-secret", A=b"id", C=NOT_TEXT), "secret `app_key` is not text in UTF-8: env:C"),
        (resolver(b"the-client-secret", A=NOT_TEXT, C=b"x" * 9), "secret `client_id` is not text in UTF-8: env:A"),
    ],
)
def test_a_secret_that_is_not_text_is_an_error_of_one_line(given: SecretResolver, said: str) -> None:
    with pytest.raises(PluginError) as caught:
        given.resolve(COMPANY)
    assert str(caught.value) == f"acme: {said}"
    assert caught.value.__cause__ is None
