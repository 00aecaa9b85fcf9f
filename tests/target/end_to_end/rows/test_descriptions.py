"""Tables say what they are, and what people have written about them stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import bigquery

from support.singer import INTEGER, STRING, activate, record, schema

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery


def jobs(name: str = "How people call it.", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - schemas
    address = {"type": "object", "properties": {"zip": {**STRING, "description": "Postal code."}}}
    properties = {
        "id": {**INTEGER, "description": "Key of the job."},
        "name": {**STRING, "description": name},
        "customerId": {**INTEGER, "description": "Who pays.", "x-references": ["customers.id"]},
        "address": address,
        **more,
    }
    message = schema("jobs", properties)
    message["schema"]["description"] = "One row for each job."
    return message


def customers() -> list[dict[str, Any]]:
    return [schema("customers", {"id": INTEGER}), record("customers", {"id": 7}, 1), activate("customers", 1)]


def snapshot(first: dict[str, Any], version: int = 1) -> list[dict[str, Any]]:
    return [first, record("jobs", {"id": 1, "name": "a", "customerId": 7}, version), activate("jobs", version)]


def texts(project: Project, table: str = "jobs") -> dict[str, str | None]:
    fields = project.client.get_table(f"{project.bronze}.{table}").schema
    return {field.name: field.description for field in fields if not field.name.startswith("_etl_")}


def set_text(project: Project, column: str, text: str) -> None:
    table = project.client.get_table(f"{project.bronze}.jobs")
    table.schema = [
        bigquery.SchemaField.from_api_repr({**field.to_api_repr(), "description": text})
        if field.name == column
        else field
        for field in table.schema
    ]
    project.client.update_table(table, ["schema"])


def test_a_new_table_says_what_the_schema_says(target: TargetRunner, project: Project) -> None:
    assert target(*snapshot(jobs()), history=["jobs"], live_views=True).code == 0
    table = project.client.get_table(f"{project.bronze}.jobs")
    assert table.description.startswith("One row for each job. Stream jobs, written by target-bigquery-softdelete")
    wanted = {
        "id": "Key of the job. Source: `id`.",
        "name": "How people call it. Source: `name`.",
        "customer_id": "Who pays. References `customers.id`. Source: `customerId`.",
        "address": None,
    }
    assert texts(project) == wanted
    assert table.schema[3].fields[0].description == "Postal code. Source: `address.zip`."
    assert texts(project, "jobs_live") == wanted
    assert {name: text for name, text in texts(project, "jobs_history").items() if name in wanted} == wanted


def test_a_table_is_made_however_much_its_schema_has_to_say(target: TargetRunner, project: Project) -> None:
    message = jobs()
    message["schema"]["description"] = "x" * 20_000
    assert target(*snapshot(message)).code == 0
    text = project.client.get_table(f"{project.bronze}.jobs").description
    assert len(text) == 16_384
    assert "x Stream jobs, written by target-bigquery-softdelete" in text


def test_other_words_reach_a_table_without_a_write_to_its_rows(target: TargetRunner, project: Project) -> None:
    target(*snapshot(jobs()), history=["jobs"], live_views=True)
    before = project.rows("jobs")
    result = target(*snapshot(jobs("Label on the screen."), 2), history=["jobs"], live_views=True)
    assert result.code == 0, result.log
    assert project.rows("jobs") == before
    for table in ("jobs", "jobs_live", "jobs_history"):
        assert texts(project, table)["name"] == "Label on the screen. Source: `name`."


def test_a_table_of_an_earlier_version_is_filled_in(target: TargetRunner, project: Project) -> None:
    plain = schema("jobs", {"id": INTEGER, "name": {**STRING, "description": "How people call it."}})
    target(*snapshot(plain), descriptions="off")
    assert texts(project) == {"id": None, "name": None}
    set_text(project, "name", "How people call it.")  # as an earlier version wrote it
    target(*snapshot(jobs(), 2))
    assert texts(project)["id"] == "Key of the job. Source: `id`."
    assert texts(project)["name"] == "How people call it. Source: `name`."


@pytest.mark.parametrize(("setting", "kept"), [("keep", True), ("replace", False), ("off", True)])
def test_what_people_write_stays_unless_it_is_to_be_replaced(
    target: TargetRunner, project: Project, setting: str, *, kept: bool
) -> None:
    target(*snapshot(jobs()))
    set_text(project, "name", "Ask Ana before you use this.")
    target(*snapshot(jobs("Label on the screen."), 2), descriptions=setting)
    assert texts(project)["name"] == (
        "Ask Ana before you use this." if kept else "Label on the screen. Source: `name`."
    )


def test_a_foreign_key_is_declared_where_both_tables_are(target: TargetRunner, project: Project) -> None:
    unknown = {**INTEGER, "description": "Where.", "x-references": ["locations.id"]}
    several = {**INTEGER, "description": "Who.", "x-references": ["customers.id", "crews.id"]}
    first = jobs(locationId=unknown, ownerId=several)
    target(*customers())
    target(*snapshot(first), foreign_keys=True)
    constraints = project.client.get_table(f"{project.bronze}.jobs").to_api_repr()["tableConstraints"]
    (key,) = constraints["foreignKeys"]
    assert key["name"] == "etl_customer_id"
    assert key["referencedTable"]["tableId"] == "customers"
    assert key["columnReferences"] == [{"referencingColumn": "customer_id", "referencedColumn": "id"}]
    assert constraints["primaryKey"] == {"columns": ["id"]}

    target(*snapshot(first, 2))
    constraints = project.client.get_table(f"{project.bronze}.jobs").to_api_repr()["tableConstraints"]
    assert not constraints.get("foreignKeys")


def test_no_foreign_key_refers_to_a_table_without_that_key(target: TargetRunner, project: Project) -> None:
    project.client.create_dataset(project.bronze)
    project.query(f"CREATE TABLE `{project.bronze}.customers` (id INT64)")
    result = target(*snapshot(jobs()), foreign_keys=True)
    assert result.code == 0
    constraints = project.client.get_table(f"{project.bronze}.jobs").to_api_repr()["tableConstraints"]
    assert not constraints.get("foreignKeys")
