"""A company is added to the file or to the table, and whoever adds it is told what is left to do."""

from __future__ import annotations

import difflib
import stat
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from google.cloud import bigquery as google_bigquery

from servicetitan_fleet.cli.add_company import add_company
from servicetitan_fleet.cli.next_steps import next_steps
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.bigquery_table import insert_statement
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.registry.yaml_file import with_company
from servicetitan_sandbox.client.bigquery_project import Project
from support.googlesql import GoogleSQL

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.processes import BigQuery

STORED = "secret://projects/fleet/secrets/acme-{}/versions/latest"
SECRETS = {"client_id": "env:ACME_CLIENT_ID", "client_secret": STORED.format("cs"), "app_key": STORED.format("ak")}
NEW = {"company_id": "acme", "tenant_id": "0012", "project_id": "acme-data", "secrets": SECRETS}
TIDY = """\
# The fleet. Ask Ann before you change anything.
companies:
- company_id: one   # the first
  tenant_id: "1"
  project_id: p-1
  streams: ['jobs.*', invoices.*]
  secrets: {client_id: env:A, client_secret: env:B, app_key: env:C}

  # What follows is on trial.
- company_id: two
  tenant_id: '2'
  project_id: p-2
  secrets:
    client_id: env:A
    client_secret: env:B
    app_key: env:C
# the end
"""
INDENTED = "companies:\n" + "".join(f"{line and f'  {line}'}\n" for line in TIDY.splitlines()[2:])
COLUMNS = [
    *[(name, "STRING") for name in ("company_id", "company_name", "tenant_id", "project_id", "location")],
    *[("enabled", "BOOL"), ("streams", "ARRAY<STRING>"), ("timeout_minutes", "FLOAT64"), ("tap", "JSON")],
    ("secrets", "STRUCT<client_id STRING, client_secret STRING, app_key STRING>"),
]


@pytest.mark.parametrize("before", [TIDY, INDENTED, "", "companies: []\n"], ids=["tidy", "indented", "none", "empty"])
def test_a_file_keeps_every_line_that_it_had(before: str, tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    if before:
        path.write_text(before)
        path.chmod(0o640)
    company = parse_company({**NEW, "streams": ["calls.*"], "enabled": False}, "here")
    open_registry(str(path), {}).add(company)
    after = path.read_text()
    if before.startswith(("#", "companies:\n")):
        removed = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("- ")]
        assert removed == []
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert open_registry(str(path), {}).companies()[-1] == company
    assert [one.name for one in tmp_path.iterdir()] == ["companies.yml"]

    with pytest.raises(PluginError, match="company_id acme belongs to acme and acme"):
        open_registry(str(path), {}).add(company)
    assert path.read_text() == after


@pytest.mark.parametrize("text", ["companies: {", "firms: []", "[]"])
def test_what_is_no_registry_gets_no_company(text: str) -> None:
    with pytest.raises(PluginError, match="the registry"):
        with_company(text, parse_company(NEW, "here"))


def test_a_table_gets_a_row_and_never_two_for_one_company(bigquery: BigQuery) -> None:
    sql = insert_statement("`fleet.settings.companies`")
    texts = ["company_id", "company_name", "tenant_id", "project_id", "location", *SECRETS]
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
    second = parse_company({**NEW, "company_id": "beta", "tenant_id": "2", "project_id": "p", "enabled": False}, "here")
    registry.add(first)
    registry.add(second)
    assert sorted(registry.companies(), key=lambda one: one.company_id) == [first, second]
    with pytest.raises(PluginError, match="project_id p belongs to beta and gamma"):
        registry.add(parse_company({**NEW, "company_id": "gamma", "tenant_id": "3", "project_id": "p"}, "here"))
    # Two who add at the same moment have both seen a table without it: the statement itself looks once more.
    values: list[Any] = [google_bigquery.ScalarQueryParameter(name, "STRING", "acme") for name in texts]
    values.append(google_bigquery.ScalarQueryParameter("enabled", "BOOL", value=True))
    values.append(google_bigquery.ArrayQueryParameter("streams", "STRING", []))
    again = project.client.query_and_wait(
        insert_statement(f"`{project.name}.settings.companies`"),
        job_config=google_bigquery.QueryJobConfig(query_parameters=values),
    )
    assert again.num_dml_affected_rows == 0


def test_what_is_left_to_do_is_commands_without_any_secret() -> None:
    steps = list(next_steps(parse_company(NEW, "here"), "pro", ["--companies", "bq://f.settings.companies"]))
    assert [line for line in steps if not line.startswith("#")] == [
        "gcloud secrets create acme-cs --project=fleet --replication-policy=automatic --data-file=-",
        "gcloud secrets create acme-ak --project=fleet --replication-policy=automatic --data-file=-",
        f"deploy/deploy.sh pro company acme-data US {SECRETS['client_secret']} {SECRETS['app_key']}",
        "orchestrate-etl check --company acme --environment pro --companies bq://f.settings.companies",
        "orchestrate-etl run --company acme --environment pro --companies bq://f.settings.companies",
    ]
    assert "# Set where the fleet runs: ACME_CLIENT_ID." in steps


def test_what_is_not_given_is_asked_for_until_it_is_right(tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    options = ["--companies", str(path), "--storage", "gs://b/etl", "--secrets-project", "fleet", "--company-name", ""]
    answers = ["Not An Id", "acme", "12a", "12", "acme-data", "", "", "the-secret-itself", "env:ACME_SECRET", ""]
    done = CliRunner().invoke(add_company, options, input="\n".join([*answers, ""]))
    assert done.exit_code == 0, done.output
    assert done.stderr.count("Error: ") == 3
    company = open_registry(str(path), {}).companies()[0]
    assert (company.company_id, company.tenant_id, company.project_id, company.location) == (
        *("acme", "12", "acme-data", "US"),
    )
    assert company.secrets.client_id == "secret://projects/fleet/secrets/acme-client-id/versions/latest"
    assert company.secrets.client_secret == "env:ACME_SECRET"
    assert company.secrets.app_key == "secret://projects/fleet/secrets/app-key/versions/latest"

    # Nobody is there to answer: nothing is added.
    before = path.read_text()
    nobody = CliRunner().invoke(add_company, [*options, "--company-id", "beta"], input="")
    assert str(nobody.exception) == "nothing was added: --tenant-id is not given"
    given = ["--tenant-id=3", "--project-id=p-3", "--location=US", "--client-id=env:A", "--app-key=env:B"]
    value = CliRunner().invoke(
        add_company, [*options, "--company-id=beta", *given, "--client-secret=cs1.secret-itself"]
    )
    assert "write a reference" in str(value.exception)
    assert "secret-itself" not in str(value.exception) + value.output
    assert path.read_text() == before
