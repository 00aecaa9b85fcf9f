"""Valid and invalid companies in the registry."""

from __future__ import annotations

import re
from typing import Any

import pytest

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import Company, check_distinct, parse_company

SECRETS = {
    "client_id": "env:ONE_CLIENT_ID",
    "client_secret": "secret://projects/admin/secrets/one-client-secret/versions/latest",
    "app_key": "env:APP_KEY",
}
ONE: dict[str, Any] = {"company_id": "one", "tenant_id": "1", "project_id": "project-one", "secrets": SECRETS}


def company(**changes: object) -> Company:
    return parse_company({**ONE, **changes}, "companies.yml, company 1")


def test_most_fields_are_optional() -> None:
    assert company().enabled
    assert company(streams=["invoices.*"], tap={"page_size": 500}).streams == ("invoices.*",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"company_id": "Not An Id"}, "$.company_id"),
        ({"tenant_id": "12a"}, "$.tenant_id"),
        ({"tenant_id": 12}, "$.tenant_id"),
        ({"project_id": ""}, "$.project_id"),
        ({"projekt_id": "x"}, "`projekt_id`"),
        ({"secrets": {**SECRETS, "app_key": "ak1.the-key-itself"}}, "give a reference, `env:NAME` or `secret://"),
        ({"secrets": {"client_id": "env:X"}}, "`client_secret`"),
    ],
)
def test_an_invalid_field_is_named_and_its_value_is_not_shown(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError, match=re.escape(said)) as caught:
        company(**changes)
    assert str(caught.value).startswith("companies.yml, company 1: ")
    assert "the-key-itself" not in str(caught.value)


@pytest.mark.parametrize("name", ["company_id", "tenant_id", "project_id"])
def test_companies_cannot_share_an_id_tenant_or_project(name: str) -> None:
    two = {"company_id": "two", "tenant_id": "2", "project_id": "project-two"}
    check_distinct([company(), company(**two)])
    with pytest.raises(PluginError, match=f"{name} {getattr(company(), name)} belongs to"):
        check_distinct([company(), company(**{**two, name: getattr(company(), name)})])
