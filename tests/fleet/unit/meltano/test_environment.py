"""A company's process gets that company's settings and secrets, and no other company's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from meltano.core.utils import EnvVarMissingBehavior, expand_env_vars

from servicetitan_fleet.meltano.context import MeltanoContext, RunOwners
from servicetitan_fleet.meltano.environment import process_environment, with_all_references
from servicetitan_fleet.meltano.project import MeltanoProject
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import redact
from servicetitan_fleet.registry.company import Company, parse_company
from servicetitan_fleet.registry.secrets import SecretResolver

ROOT = Path(__file__).parents[4]
REFERENCES = {"client_id": "env:ONE_ID", "client_secret": "env:ONE_SECRET", "app_key": "env:APP_KEY"}
OUTER = {
    "PATH": "/bin",
    "ONE_ID": "cid-one",
    "ONE_SECRET": "cs-of-one",
    "APP_KEY": "ak-of-all",
    "TWO_SECRET": "cs-of-two",
    "SERVICETITAN_TENANT_ID": "2",
    "SERVICETITAN_START_DATE": "2020-01-01",
    "BIGQUERY_PROJECT_ID": "project-two",
    "GOOGLE_APPLICATION_CREDENTIALS": "/key.json",
}


def company(**more: object) -> Company:
    fields = {"company_id": "one", "tenant_id": "1", "project_id": "project-one", "secrets": REFERENCES}
    return parse_company({**fields, **more}, "here")


def environment(of: Company, adopt: tuple[str, ...] = (), owners: RunOwners | None = None) -> dict[str, str]:
    context = MeltanoContext(
        project=MeltanoProject(ROOT),
        environment_name="dev",
        variables=OUTER,
        resolver=SecretResolver(OUTER),
        system_root=Path("/companies"),
        adopt=adopt,
    )
    return process_environment(of, context.resolver.resolve(of), context, Path("/companies/one"), owners)


def test_only_its_own_settings_reach_it() -> None:
    found = environment(
        company(
            location="EU",
            streams=["jobs.*"],
            tap={"page_size": 500},
            target={"history": ["jobs"], "live_views": True},
        )
    )
    assert found == {
        "PATH": "/bin",
        "GOOGLE_APPLICATION_CREDENTIALS": "/key.json",
        "SERVICETITAN_TENANT_ID": "1",
        "SERVICETITAN_CLIENT_ID": "cid-one",
        "SERVICETITAN_CLIENT_SECRET": "cs-of-one",
        "SERVICETITAN_APP_KEY": "ak-of-all",
        "SERVICETITAN_PAGE_SIZE": "500",
        "SERVICETITAN__SELECT": '["jobs.*"]',
        "BIGQUERY_PROJECT_ID": "project-one",
        "BIGQUERY_LOCATION": "EU",
        "BIGQUERY_LABELS": json.dumps({"company": "one"}),
        "BIGQUERY_HISTORY": '["jobs"]',
        "BIGQUERY_LIVE_VIEWS": "true",
        "MELTANO_SYS_DIR_ROOT": "/companies/one",
        "MELTANO_DATABASE_URI": "sqlite:////companies/one/meltano.db",
        "MELTANO_CLI_LOG_FORMAT": "json",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    assert redact("cs-of-one ak-of-all cid-one") == "*** *** cid-one"


def test_tables_are_adopted_in_this_run_only() -> None:
    found = environment(company(target={"adopt_tables": ["crews"]}), ("jobs", "invoices"))
    assert found["BIGQUERY_ADOPT_TABLES"] == '["jobs", "invoices"]'
    assert environment(company(target={"adopt_tables": ["crews"]}))["BIGQUERY_ADOPT_TABLES"] == '["crews"]'
    assert "BIGQUERY_ADOPT_TABLES" not in environment(company())


def test_the_target_learns_whose_run_it_is_and_whose_are_dead() -> None:
    found = environment(company(), owners=RunOwners(own="night/0/1/b", dead=("night/0/0/a",)))
    assert (found["BIGQUERY_RUN_OWNER"], found["BIGQUERY_DEAD_OWNERS"]) == ("night/0/1/b", '["night/0/0/a"]')
    assert "BIGQUERY_DEAD_OWNERS" not in environment(company(), owners=RunOwners(own="night/0/1/b"))
    assert "BIGQUERY_RUN_OWNER" not in environment(company())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"tap": {"pagesize": 5}}, "one: tap-servicetitan has no setting pagesize"),
        ({"tap": {"client_secret": "x"}}, "one: `client_secret` must not be among the settings of tap-servicetitan"),
        ({"target": {"project_id": "project-two"}}, "one: `project_id` must not be among the settings"),
        ({"target": {"run_owner": "me"}}, "one: `run_owner` must not be among the settings"),
        ({"target": {"dead_owners": ["you"]}}, "one: `dead_owners` must not be among the settings"),
    ],
)
def test_a_setting_that_is_unknown_or_reserved_is_refused(more: dict[str, object], said: str) -> None:
    with pytest.raises(PluginError, match=said):
        environment(company(**more))


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(PluginError, match="one: secret `app_key`: the environment variable NOWHERE is not set"):
        environment(company(secrets={**REFERENCES, "app_key": "env:NOWHERE"}))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "is empty"),
        ("short", "has fewer than 8 characters"),
        ("s3cr3t\ns3cr3t", "has a line break in it, so no request can carry it"),
        ("s3cr3t-\x1b-s3cr3t", "has a control character in it"),
        ("s3cr3t-s3cr3t ", "begins or ends with a blank"),
        ("s3cr3t-€-s3cr3t", "has a character outside Latin-1 in it"),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused_without_its_text(value: str, said: str) -> None:
    with pytest.raises(PluginError, match=f"one: secret `app_key` {said}.*: env:APP_KEY") as caught:
        SecretResolver({**OUTER, "APP_KEY": value}).resolve(company())
    assert "s3cr3t" not in str(caught.value)


def test_the_salt_is_resolved_and_masked_like_any_other_secret() -> None:
    salted = company(tap={"pii_salt": "env:SALT"})
    OUTER["SALT"] = "s3cr3t-salt-of-company-one"
    assert environment(salted)["SERVICETITAN_PII_SALT"] == OUTER.pop("SALT")
    assert redact("s3cr3t-salt-of-company-one") == "***"


def test_meltano_finds_a_variable_for_everything_that_looks_like_one() -> None:
    """It would otherwise refuse to start, and print that part of the secret."""
    variables = with_all_references({"A_SECRET": r"a$UPPER\$PATH${x}$lower$$${Y_1}$1", "PATH": "/bin"})
    assert variables == {
        **dict.fromkeys(("UPPER", "x", "Y_1"), "-"),
        "A_SECRET": r"a$UPPER\$PATH${x}$lower$$${Y_1}$1",
        "PATH": "/bin",
    }
    expand_env_vars(variables, variables, if_missing=EnvVarMissingBehavior.raise_exception)


def test_a_run_ends_its_reading_in_time() -> None:
    context = MeltanoContext(
        project=MeltanoProject(ROOT),
        environment_name="dev",
        variables=OUTER,
        resolver=SecretResolver(OUTER),
        system_root=Path("/companies"),
    )
    secrets = context.resolver.resolve(company())
    found = process_environment(company(), secrets, context, Path("/companies/one"), most_read_seconds=4800)
    assert found["SERVICETITAN_MAX_READ_SECONDS"] == "4800"
    assert "SERVICETITAN_MAX_READ_SECONDS" not in environment(company())
    with pytest.raises(PluginError, match="`max_read_seconds` must not be among the settings"):
        environment(company(tap={"max_read_seconds": 9}))
