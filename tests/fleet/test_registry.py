"""The registry is a file or a table, and both say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import chosen
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from google.cloud import bigquery

    from servicetitan_sandbox.client.processes import BigQuery

SECRETS = {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"}
COMPANIES: list[dict[str, Any]] = [
    {"company_id": "one", "company_name": "One Inc.", "tenant_id": "1", "project_id": "p-1", "secrets": SECRETS},
    {
        "company_id": "two",
        "tenant_id": "2",
        "project_id": "p-2",
        "secrets": SECRETS,
        "enabled": False,
        "streams": ["jobs.*"],
        "tap": {"page_size": 5},
        "target": {"history": ["jobs"]},
    },
]


def test_a_file_and_a_table_say_the_same(tmp_path: Path, bigquery: BigQuery) -> None:
    path = tmp_path / "companies.yml"
    path.write_text(json.dumps({"companies": COMPANIES}))  # JSON is YAML
    from_file = open_registry(str(path), {}).companies()
    project = Project(bigquery.api_endpoint, "registry")
    make_table(project.client)
    environment = {"BIGQUERY_EMULATOR_HOST": bigquery.api_endpoint}
    from_table = open_registry("bq://registry.settings.companies", environment).companies()
    assert sorted(from_table, key=lambda one: one.company_id) == from_file
    # `deploy.sh` grants access to what this says; the other company is not enabled.
    assert project.query(deployed("access_needed.sql")) == [{"project_id": "p-1", "location": "US", **SECRETS}]

    assert [one.company_id for one in chosen(from_file, [])] == ["one"]
    assert [one.company_id for one in chosen(from_file, ["two"])] == ["two"]
    with pytest.raises(PluginError, match="no company three: it has one, two"):
        list(chosen(from_file, ["three"]))
    with pytest.raises(PluginError, match=r"cannot read the companies from registry\.settings\.other"):
        open_registry("bq://registry.settings.other", environment).companies()


def make_table(client: bigquery.Client) -> None:
    client.query_and_wait(deployed("companies.sql"))
    assert client.insert_rows_json(f"{client.project}.settings.companies", COMPANIES) == []


def deployed(name: str) -> str:
    """Return a statement of `deploy/sql`, for the project of this test."""
    text = (Path(__file__).parents[2] / "deploy/sql" / name).read_text(encoding="utf-8")
    return text.replace("${PROJECT_ID}", "registry").replace("${BIGQUERY_LOCATION}", "US")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("companies: {", "is not YAML"),
        ("firms: []", "has no list `companies`"),
        ("companies: [{company_id: one}]", "company 1: Object missing required field `tenant_id`"),
        (json.dumps({"companies": [COMPANIES[0]] * 2}), "company_id one belongs to one and one"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    with pytest.raises(PluginError, match="No such file"):
        open_registry(str(path), {}).companies()
    path.write_text(text)
    with pytest.raises(PluginError, match=said) as caught:
        open_registry(str(path), {}).companies()
    assert "\n" not in str(caught.value)
