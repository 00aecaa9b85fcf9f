"""The registry as a BigQuery table, which has the same fields as the YAML file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import bigquery as google_bigquery

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.bigquery_table import insert_statement
from servicetitan_fleet.registry.company import parse_company, select_companies
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_sandbox.client.bigquery_project import Project
from support.googlesql import GoogleSQL

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import BigQuery

SECRETS = {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"}
CHANNEL = "secret://projects/fleet/secrets/slack-url/versions/latest"
COMPANIES: list[dict[str, Any]] = [
    {
        "company_id": "one",
        "company_name": "One Inc.",
        "tenant_id": "1",
        "project_id": "project-1",
        "secrets": SECRETS,
        "tap": {"pii_salt": "env:SALT"},
        "target": {"impersonate_service_account": "loader@p.test"},
        "notify": [{"kind": "slack", "url": CHANNEL}, {"kind": "webhook", "url": CHANNEL.replace("slack", "hook")}],
    },
    {
        "company_id": "two",
        "tenant_id": "2",
        "project_id": "project-2",
        "secrets": SECRETS,
        "enabled": False,
        "streams": ["jobs.*"],
        "tap": {"page_size": 5},
        "target": {"history": ["jobs"]},
    },
]


def test_a_file_and_a_table_describe_the_same_companies(tmp_path: Path, bigquery: BigQuery) -> None:
    path = tmp_path / "companies.yml"
    path.write_text(json.dumps({"companies": COMPANIES}))  # JSON is YAML
    from_file = open_registry(str(path), {}).read()
    project = Project(bigquery.api_endpoint, "registry")
    make_table(project.client)
    environment = {"BIGQUERY_EMULATOR_HOST": bigquery.api_endpoint}
    from_table = open_registry("bq://registry.settings.companies", environment).read()
    assert sorted(from_table, key=lambda company: company.company_id) == from_file
    # `deploy.sh` grants access to what this says; the other company is not enabled.
    assert project.query(deployed("access_needed.sql")) == [
        {
            "project_id": "project-1",
            "location": "US",
            **SECRETS,
            "pii_salt": "env:SALT",
            "account": "loader@p.test",
            "notify": f"{CHANNEL} {CHANNEL.replace('slack', 'hook')}",
        }
    ]

    assert [company.company_id for company in select_companies(from_file, [])] == ["one"]
    assert [company.company_id for company in select_companies(from_file, ["two"])] == ["two"]
    with pytest.raises(PluginError, match="no company three; it has one, two"):
        list(select_companies(from_file, ["three"]))
    with pytest.raises(PluginError, match=r"cannot read the companies from registry\.settings\.other"):
        open_registry("bq://registry.settings.other", environment).read()


def make_table(client: google_bigquery.Client) -> None:
    client.query_and_wait(deployed("companies.sql"))
    assert client.insert_rows_json(f"{client.project}.settings.companies", COMPANIES) == []


def deployed(name: str) -> str:
    """Return a statement of `deploy/sql`, for the project of this test."""
    text = (Path(__file__).parents[3] / "deploy/sql" / name).read_text(encoding="utf-8")
    return text.replace("${PROJECT_ID}", "registry").replace("${BIGQUERY_LOCATION}", "US")


STORED = "secret://projects/fleet/secrets/acme-{}/versions/latest"
NEW_SECRETS = {"client_id": "env:ACME_CLIENT_ID", "client_secret": STORED.format("cs"), "app_key": STORED.format("ak")}
NEW = {"company_id": "acme", "tenant_id": "0012", "project_id": "acme-data", "secrets": NEW_SECRETS}
COLUMNS = [
    *[(name, "STRING") for name in ("company_id", "company_name", "tenant_id", "project_id", "location")],
    *[("enabled", "BOOL"), ("streams", "ARRAY<STRING>"), ("timeout_minutes", "FLOAT64"), ("tap", "JSON")],
    ("secrets", "STRUCT<client_id STRING, client_secret STRING, app_key STRING>"),
]


def test_a_company_is_added_to_a_table_only_once(bigquery: BigQuery) -> None:
    sql = insert_statement("`fleet.settings.companies`")
    texts = ["company_id", "company_name", "tenant_id", "project_id", "location", *NEW_SECRETS]
    parameters = dict.fromkeys(texts, "STRING") | {"enabled": "BOOL", "streams": "ARRAY<STRING>"}
    GoogleSQL({"fleet.settings.companies": COLUMNS}, parameters).check(sql)

    project = Project(bigquery.api_endpoint)
    fields = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
    project.client.create_dataset("settings")
    project.query(f"CREATE TABLE `{project.name}.settings.companies` ({fields})")
    registry = open_registry(
        f"bq://{project.name}.settings.companies", {"BIGQUERY_EMULATOR_HOST": bigquery.api_endpoint}
    )
    first = parse_company({**NEW, "company_name": "O'Brien & Sons", "streams": ["jobs.*"]}, "here")
    second = parse_company(
        {**NEW, "company_id": "beta", "tenant_id": "2", "project_id": "beta-data", "enabled": False}, "here"
    )
    registry.add(first)
    registry.add(second)
    assert sorted(registry.read(), key=lambda company: company.company_id) == [first, second]
    with pytest.raises(PluginError, match="project_id beta-data belongs to beta and gamma"):
        registry.add(parse_company({**NEW, "company_id": "gamma", "tenant_id": "3", "project_id": "beta-data"}, "here"))
    # Two who add at the same moment have both seen a table without it: the statement itself looks once more.
    values: list[Any] = [google_bigquery.ScalarQueryParameter(name, "STRING", "acme") for name in texts]
    values.append(google_bigquery.ScalarQueryParameter("enabled", "BOOL", value=True))
    values.append(google_bigquery.ArrayQueryParameter("streams", "STRING", []))
    again = project.client.query_and_wait(
        insert_statement(f"`{project.name}.settings.companies`"),
        job_config=google_bigquery.QueryJobConfig(query_parameters=values),
    )
    assert again.num_dml_affected_rows == 0
