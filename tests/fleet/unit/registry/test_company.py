"""Valid and invalid companies in the registry."""

from __future__ import annotations

import re
from typing import Any

import pytest

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import Company, check_trust, parse_company

SECRETS = {
    "client_id": "env:ONE_CLIENT_ID",
    "client_secret": "secret://projects/admin/secrets/one-client-secret/versions/latest",
    "app_key": "env:APP_KEY",
}
ONE: dict[str, Any] = {"company_id": "one", "tenant_id": "1", "project_id": "project-one", "secrets": SECRETS}

NO_PROJECTS = ["", "short", "Capitals", "1-digit", "ends-in-hyphen-", "x" * 31, "under_score", " blank-1", "blank-1\n"]
NO_LOCATIONS = ["Europe", "us central1", "US;", "eu\n", "../x"]


def company(**changes: object) -> Company:
    return parse_company({**ONE, **changes}, "companies.yml, company 1")


def test_most_fields_are_optional() -> None:
    assert company().enabled
    assert company(streams=["invoices.*"], tap={"page_size": 500}).streams == ("invoices.*",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"company_id": "Not An Id"}, "`company_id` "),
        ({"tenant_id": "12a"}, "`tenant_id` "),
        ({"tenant_id": 12}, "`tenant_id` "),
        ({"tenant_id": "12\n"}, "give up to 19 digits"),
        ({"company_id": "one\n"}, "`company_id` does not have the right form: give 2 to 63"),
        *[
            (
                {"project_id": name},
                "`project_id` does not have the right form: give 6 to 30 lower-case letters, digits and hyphens",
            )
            for name in (
                "",
                "short",
                "Capitals",
                "1-digit-first",
                "ends-in-hyphen-",
                "x" * 31,
                "under_score",
                " blank-1",
                "blank-1\n",
            )
        ],
        *[
            ({"location": name}, "`location` does not have the right form: give a location")
            for name in ("Europe", "us central1", "US;", "eu\n", "../x")
        ],
        ({"enabled": "no"}, "`enabled` is of the wrong kind: give `true` or `false`"),
        ({"company_name": "\udcff"}, "`company_name` does not have the right form: give no control characters"),
        ({"company_name": "\x1b[2J"}, "`company_name` does not have the right form: give no control characters"),
        ({"target": {"dataset": "a.b"}}, "`target.dataset` is not the name of a dataset"),
        ({"target": {"log_dataset": "a-the-key-itself"}}, "`target.log_dataset` is not the name of a dataset"),
        ({"tap": {"pii_salt": "the-key-itself"}}, "`tap.pii_salt` is a secret: give a reference, `env:NAME` or"),
        ({"tap": {"pii_salt": ["env:SALT"]}}, "`tap.pii_salt` is a secret"),
        (
            {"tap": {"start_date": "env:START"}},
            "`tap.start_date` is not a secret, and nothing resolves",
        ),
        (
            {"target": {"labels": {"a": "secret://projects/the-key-itself"}}},
            "belong into `secrets` and `tap.pii_salt`",
        ),
        ({"streams": ["env:STREAMS"]}, "`streams` is not a secret"),
        ({"streams": "jobs.*"}, "`streams` is of the wrong kind: give a list of Meltano's selection patterns"),
        ({"timeout_minutes": "soon"}, "`timeout_minutes` is of the wrong kind: give minutes, as a number above 0"),
        ({"tap": "x"}, "`tap` is of the wrong kind: give a mapping"),
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
    # A pattern is nothing to read.
    assert "regex" not in str(caught.value)


@pytest.mark.parametrize("project", ["acme-1", "x" * 30, "example.com:acme-data"])
@pytest.mark.parametrize("location", ["", "US", "eu", "us-central1", "northamerica-northeast2", "EUROPE-WEST12"])
def test_the_names_that_google_allows_are_accepted(project: str, location: str) -> None:
    assert company(project_id=project, location=location).project_id == project


def test_all_references_are_known() -> None:
    assert company(tap={"pii_salt": "env:SALT"}).references == {**SECRETS, "pii_salt": "env:SALT"}


@pytest.mark.parametrize("name", ["company_name", "location", "enabled", "streams", "timeout_minutes", "tap", "target"])
def test_a_null_is_the_same_as_nothing(name: str) -> None:
    assert company(**{name: None}) == company()


def test_a_null_is_never_the_text_null() -> None:
    given = company(tap={"start_date": None, "stream_maps": {"jobs": {"a": None}}}, target={"dataset": None})
    assert given.tap == {"stream_maps": {"jobs": {"a": None}}}  # there it means something: leave the field out
    assert given.target == {}
    with pytest.raises(PluginError, match="missing required field `tenant_id`"):
        company(tenant_id=None)
    with pytest.raises(PluginError, match="missing required field `app_key`"):
        company(secrets={**SECRETS, "app_key": None})


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"tap": {"api_url": "https://elsewhere.test"}}, "one sets `tap.api_url`"),
        ({"tap": {"auth_url": "https://elsewhere.test"}}, "one sets `tap.auth_url`"),
        ({"tap": {"batch_config": {"storage": {"root": "gs://elsewhere"}}}}, "one sets `tap.batch_config`"),
        ({"target": {"api_endpoint": "https://elsewhere.test"}}, "one sets `target.api_endpoint`"),
        ({"target": {"allow_mass_delete": True}}, "one sets `target.allow_mass_delete`"),
        ({"target": {"allow_mass_delete_streams": ["jobs"]}}, "one sets `target.allow_mass_delete_streams`"),
        ({"target": {"max_delete_rows": 1_000_000}}, "one sets `target.max_delete_rows` to 1000 or more"),
        ({"target": {"adopt_tables": ["*"]}}, "one sets `target.adopt_tables`"),
        ({"target": {"batch_schemes": ["s3"]}}, "one sets `target.batch_schemes`"),
        ({"target": {"billing_project": "theirs"}}, "one sets `target.billing_project`"),
        ({"target": {"kms_key_name": "theirs"}}, "one sets `target.kms_key_name`"),
        ({"target": {"allow_mass_delete": "true"}}, "one sets `target.allow_mass_delete`"),
        ({"target": {"max_delete_fraction": 1.0}}, "one sets `target.max_delete_fraction` to 0.95 or more"),
        ({"target": {"max_delete_fraction": "2"}}, "one sets `target.max_delete_fraction` to 0.95 or more"),
    ],
)
def test_only_a_trusted_registry_sends_data_elsewhere_or_turns_the_guard_off(
    settings: dict[str, Any], named: str
) -> None:
    with pytest.raises(PluginError) as caught:
        check_trust(company(**settings))
    assert named in str(caught.value)
    assert "--trust-registry" in str(caught.value)
    assert "elsewhere" not in str(caught.value)
    check_trust(company(target={"allow_mass_delete": False, "max_delete_fraction": 0.9, "adopt_tables": []}))
