"""The registry as a BigQuery table, which has the same fields as the YAML file."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from google.cloud import bigquery as google_bigquery

from servicetitan_fleet.cli.main import orchestrate_etl
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.bigquery_table import TableRegistry, insert_statement
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.entries import Entries
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL
from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.fleet import ORCHESTRATE_ETL

if TYPE_CHECKING:
    from click.testing import Result

    from servicetitan_fleet.registry.company import Company
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
    assert (from_table.companies, from_table.bad) == (from_file.companies, [])
    # `deploy.sh` grants access to what this says; the other company is not enabled.
    assert project.query(deployed("access_needed.sql")) == [
        {
            "company_id": "one",
            "project_id": "project-1",
            "location": "US",
            **SECRETS,
            "pii_salt": "env:SALT",
            "account": "loader@p.test",
            "notify": f"{CHANNEL} {CHANNEL.replace('slack', 'hook')}",
        }
    ]

    assert [company.company_id for company in from_file.select([]).companies] == ["one"]
    assert [company.company_id for company in from_file.select(["two"]).companies] == ["two"]
    with pytest.raises(PluginError, match="no company three; it has one, two"):
        from_file.select(["three"])
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


def make_small_table(project: Project) -> str:
    """Make a registry with the columns that a company must have, and return its address."""
    fields = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
    project.client.create_dataset("settings")
    project.query(f"CREATE TABLE `{project.name}.settings.companies` ({fields})")
    return f"bq://{project.name}.settings.companies"


def new_company(company_id: str, number: int, **more: object) -> Company:
    fields = {**NEW, "company_id": company_id, "tenant_id": str(number), "project_id": f"project-{number}"}
    return parse_company({**fields, **more}, "here")


def test_a_bad_row_of_a_table_stops_its_own_company_only(
    bigquery: BigQuery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", bigquery.api_endpoint)
    project = Project(bigquery.api_endpoint)
    options = ["--companies", make_small_table(project), "--storage", tmp_path.as_uri()]

    def command(*words: str) -> Result:
        return CliRunner().invoke(orchestrate_etl, [*words, *options], env={"COLUMNS": "200"})

    nothing = [command(verb) for verb in ("run", "plan", "status", "check")]
    assert {str(done.exception) for done in nothing} == {
        "the registry has no company: add one with `orchestrate-etl add-company`"
    }

    rows = [
        {**COMPANIES[0], "company_name": None, "tap": None, "target": None},
        {**NEW, "company_id": "two", "tenant_id": "12a"},
        {**NEW, "company_id": "Not An Id", "tenant_id": "3", "project_id": "project-3"},
        {**NEW, "company_id": "four", "tenant_id": "4", "project_id": "project-4", "enabled": False},
        {**NEW, "company_id": "five", "tenant_id": "004", "project_id": "project-5"},
    ]
    for row in rows:
        for name in ("tap", "target", "notify"):
            row.pop(name, None)
    assert project.client.insert_rows_json(f"{project.name}.settings.companies", rows) == []

    planned = command("plan")
    assert planned.exit_code == 1
    assert "project-1" in planned.stdout
    assert "two: refused: " in planned.stdout
    assert "row 1 by company_id: refused: " in planned.stdout
    assert "five: refused: " in planned.stdout
    assert "tenant_id 004 belongs to five and four" in planned.stdout
    assert "four: refused" not in planned.stdout  # it is disabled

    assert command("plan", "--company", "one").exit_code == 0
    words = [
        str(ORCHESTRATE_ETL),
        "run",
        "--company",
        "two",
        "--log-format",
        "json",
        "--work-folder",
        str(tmp_path),
        *options,
    ]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    *_, last = map(json.loads, ran.stdout.splitlines())
    assert last["message"] == "1 failed; not up to date: two"
    assert "`tenant_id`" in last["companies"]["two"]["reason"]

    said = command("status")
    assert said.exit_code == 1
    assert "needs attention: five, one, row 1 by company_id, two" in " ".join(said.stdout.split())
    page = tmp_path / "report.html"
    assert command("report", "--output", str(page)).exit_code == 0
    assert "`tenant_id`" in page.read_text()

    checked = command("check", "--company", "two", "--company", "four")
    assert checked.exit_code == 1
    lines = {line[:24].strip(): line[24:] for line in checked.stdout.splitlines()}
    assert lines.keys() == {"storage", "two", "four"}
    assert "`tenant_id`" in lines["two"]


def test_of_many_who_add_to_a_table_at_once_nobody_is_lost(bigquery: BigQuery) -> None:
    project = Project(bigquery.api_endpoint)
    address = make_small_table(project)
    environment = {"BIGQUERY_EMULATOR_HOST": bigquery.api_endpoint}
    many = [new_company(f"co-{number:02}", number) for number in range(1, 9)]
    with ThreadPoolExecutor(len(many)) as pool:
        list(pool.map(lambda company: open_registry(address, environment).add(company), many))
    assert open_registry(address, environment).read() == Entries(companies=many, bad=[])


def test_whoever_was_added_together_with_another_one_is_told(bigquery: BigQuery) -> None:
    project = Project(bigquery.api_endpoint)
    address = make_small_table(project)

    class Late(TableRegistry):
        """Another one adds a row right after this one has looked for the last time."""

        @override
        def _check_added(self, company: Company) -> None:
            row = {**NEW, "company_id": "beta", "tenant_id": company.tenant_id, "project_id": "project-2"}
            assert project.client.insert_rows_json(f"{project.name}.settings.companies", [row]) == []
            super()._check_added(company)

    registry = Late(address.removeprefix("bq://"), bigquery.api_endpoint, trusted=False)
    with pytest.raises(PluginError, match=r"alpha was added, and is refused.*tenant_id 1 belongs to alpha and beta"):
        registry.add(new_company("alpha", 1))


def test_a_company_is_added_to_a_table_only_once(bigquery: BigQuery) -> None:
    sql = insert_statement("`fleet.settings.companies`")
    texts = ["company_id", "company_name", "tenant_id", "project_id", "location", *NEW_SECRETS]
    parameters = dict.fromkeys(texts, "STRING") | {"enabled": "BOOL", "streams": "ARRAY<STRING>"}
    GoogleSQL({"fleet.settings.companies": COLUMNS}, parameters).check(sql)

    project = Project(bigquery.api_endpoint)
    registry = open_registry(make_small_table(project), {"BIGQUERY_EMULATOR_HOST": bigquery.api_endpoint})
    first = parse_company({**NEW, "company_name": "O'Brien & Sons", "streams": ["jobs.*"]}, "here")
    second = parse_company(
        {**NEW, "company_id": "beta", "tenant_id": "2", "project_id": "beta-data", "enabled": False}, "here"
    )
    registry.add(first)
    registry.add(second)
    assert registry.read() == Entries(companies=[first, second], bad=[])
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
