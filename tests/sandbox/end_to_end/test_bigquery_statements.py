"""The local BigQuery refuses a statement that BigQuery refuses, in the same words, before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery as bq

from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.processes import BigQuery


@pytest.fixture(scope="module")
def project(bigquery: BigQuery) -> Iterator[Project]:
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    schema = [
        bq.SchemaField("id", "INT64"),
        bq.SchemaField("t", "STRING"),
        bq.SchemaField("tags", "STRING", "REPEATED"),
        bq.SchemaField("custom", "JSON"),
        bq.SchemaField("address", "RECORD", fields=[bq.SchemaField("city", "STRING")]),
    ]
    project.client.create_table(bq.Table(f"{project.name}.bronze.jobs", schema=schema))
    project.client.create_table(bq.Table(f"{project.name}.bronze.staged", schema=schema))
    yield project
    project.delete()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT end FROM `{p}.bronze.jobs`", "Syntax error: Unexpected keyword END at [1:8]"),
        ("SELECT tags = tags FROM `{p}.bronze.jobs`", "Equality is not defined for arguments of type ARRAY<STRING>"),
        ("SELECT id::STRING FROM `{p}.bronze.jobs`", 'Syntax error: Expected end of input but got ":" at [1:10]'),
        ("\nSELECT id = '1'\nFROM `{p}.bronze.jobs` AS j\nWHERE j.nope", "Name nope not found inside j at [4:9]"),
        ("SELECT list_sort(tags) FROM bronze.jobs", "Function not found: list_sort at [1:8]"),
        ("SELECT @id = address.city FROM bronze.jobs", "No matching signature for operator = for argument types"),
        (
            "MERGE bronze.jobs AS t USING bronze.staged AS s ON t.id = s.id\nWHEN MATCHED THEN UPDATE SET t = s.t",
            "UPDATE ... SET does not support updating the entire row at [2:30]",
        ),
        ("BEGIN TRANSACTION;\nDELETE FROM bronze.jobs WHERE nope;", "Unrecognized name: nope at [2:31]"),
        ("ALTER TABLE bronze.jobs ALTER COLUMN t SET DATA TYPE INT64", "ALTER TABLE ALTER COLUMN SET DATA TYPE"),
    ],
)
def test_a_statement_that_bigquery_refuses_is_refused(project: Project, statement: str, message: str) -> None:
    config = bq.QueryJobConfig(query_parameters=[bq.ScalarQueryParameter("id", "INT64", 1)])
    with pytest.raises(BadRequest) as caught:
        project.client.query_and_wait(statement.format(p=project.name), job_config=config)

    assert message in caught.value.message
    assert [error["reason"] for error in caught.value.errors] == ["invalidQuery"]


def test_a_statement_passes_only_with_the_types_of_its_own_tables(project: Project) -> None:
    for table, kind in (("numbers", "INT64"), ("texts", "STRING")):
        project.client.create_table(bq.Table(f"{project.name}.bronze.{table}", schema=[bq.SchemaField("value", kind)]))
    statement = "SELECT COUNTIF(value = 1) AS ones FROM `{}.bronze.{}`"

    assert project.query(statement.format(project.name, "numbers")) == [{"ones": 0}]
    with pytest.raises(BadRequest, match="No matching signature for operator = for argument types: STRING, INT64"):
        project.query(statement.format(project.name, "texts"))
    project.query("ALTER TABLE bronze.texts RENAME COLUMN value TO words")
    with pytest.raises(BadRequest, match=r"Unrecognized name: value at \[1:16\]"):
        project.query(statement.format(project.name, "texts"))


def test_scripts_views_and_temporary_functions_pass(project: Project) -> None:
    project.query("CREATE VIEW bronze.v AS SELECT id + 1 AS next FROM bronze.jobs")
    assert project.query(
        """
        DECLARE least INT64 DEFAULT 2;
        CREATE TEMP FUNCTION twice(x INT64) AS (x * 2);
        SELECT twice(id) AS id FROM UNNEST([1, 3]) AS id
        WHERE id > least AND id NOT IN (SELECT next FROM bronze.v)
        """
    ) == [{"id": 6}]
    names = f"SELECT table_name FROM `{project.name}`.bronze.INFORMATION_SCHEMA.VIEWS WHERE table_name = 'v'"
    assert project.query(names) == [{"table_name": "v"}]
    with pytest.raises(BadRequest, match="Unrecognized name: nope"):
        project.query(f"SELECT nope FROM `{project.name}`.bronze.INFORMATION_SCHEMA.VIEWS")


def test_a_statement_has_at_most_a_million_characters(project: Project) -> None:
    longest = "SELECT 1 AS x".ljust(1_024_000)
    assert project.query(longest) == [{"x": 1}]
    with pytest.raises(BadRequest, match=r"The maximum standard SQL query length is 1024\.00K characters"):
        project.query(longest + " ")
