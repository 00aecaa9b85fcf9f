"""The registry is a file or a table, and both say the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import bigquery

from orchestrator.registry import chosen, open_registry
from plugin_runtime import PluginError
from sandbox.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.processes import BigQuery

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
    make_table(Project(bigquery.api_endpoint, "registry").client)
    environment = {"BIGQUERY_EMULATOR_HOST": bigquery.api_endpoint}
    from_table = open_registry("bq://registry.settings.companies", environment).companies()
    assert sorted(from_table, key=lambda one: one.company_id) == from_file

    assert [one.company_id for one in chosen(from_file, [])] == ["one"]
    assert [one.company_id for one in chosen(from_file, ["two"])] == ["two"]
    with pytest.raises(PluginError, match="no company three: it has one, two"):
        list(chosen(from_file, ["three"]))
    with pytest.raises(PluginError, match=r"cannot read the companies from registry\.settings\.other"):
        open_registry("bq://registry.settings.other", environment).companies()


def make_table(client: bigquery.Client) -> None:
    field = bigquery.SchemaField
    schema = [
        field("company_id", "STRING"),
        field("company_name", "STRING"),
        field("tenant_id", "STRING"),
        field("project_id", "STRING"),
        field("location", "STRING"),
        field("enabled", "BOOL"),
        field("streams", "STRING", "REPEATED"),
        field("secrets", "RECORD", fields=[field(name, "STRING") for name in SECRETS]),
        field("tap", "JSON"),
        field("target", "JSON"),
    ]
    client.create_dataset("settings")
    table = client.create_table(bigquery.Table(f"{client.project}.settings.companies", schema=schema))
    assert client.insert_rows_json(table, COMPANIES) == []


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
