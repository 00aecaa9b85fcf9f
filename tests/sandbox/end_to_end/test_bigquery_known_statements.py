"""A statement that the local BigQuery has run before, about other tables, does to these what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery as bq

from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.processes import BigQuery

MERGE = """
    MERGE `{p}.bronze.{target}` AS t USING (SELECT id, note FROM `{p}.bronze.{source}` WHERE id > @least) AS s
    ON t.id = s.id
    WHEN MATCHED THEN UPDATE SET note = s.note
    WHEN NOT MATCHED THEN INSERT (id, note) VALUES (s.id, s.note)
"""


@pytest.fixture
def project(bigquery: BigQuery) -> Iterator[Project]:
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    for table in "abcd":
        project.query(f"CREATE TABLE bronze.{table} AS SELECT {ord(table)} AS id, '{table}' AS note")
    yield project
    project.delete()


def merge(project: Project, target: str, source: str, least: int = 0) -> bq.QueryJob:
    config = bq.QueryJobConfig(query_parameters=[bq.ScalarQueryParameter("least", "INT64", least)])
    job = project.client.query(MERGE.format(p=project.name, target=target, source=source), job_config=config)
    job.result()
    return job


def notes(project: Project, table: str) -> list[str]:
    return [row["note"] for row in project.query(f"SELECT note FROM `{project.name}.bronze.{table}` ORDER BY note")]


def test_a_merge_goes_into_the_table_that_it_names(project: Project) -> None:
    first, second = merge(project, "a", "b"), merge(project, "c", "d")
    assert [notes(project, table) for table in "abcd"] == [["a", "b"], ["b"], ["c", "d"], ["d"]]
    for job, tables in ((first, {"a", "b"}), (second, {"c", "d"})):
        assert {reference.table_id for reference in job.referenced_tables} == tables
        assert job.num_dml_affected_rows == 1


def test_a_table_may_be_source_and_target_and_parameters_have_their_own_values(project: Project) -> None:
    merge(project, "a", "b")
    merge(project, "c", "c")
    merge(project, "a", "d", least=ord("d"))
    assert [notes(project, table) for table in "ac"] == [["a", "b"], ["c"]]


def test_two_projects_do_not_meet(project: Project, bigquery: BigQuery) -> None:
    other = Project(bigquery.api_endpoint)
    other.client.create_dataset("bronze")
    for table in "ab":
        other.query(f"CREATE TABLE bronze.{table} AS SELECT {ord(table)} AS id, 'theirs' AS note")
    merge(project, "a", "b")
    merge(other, "a", "b")
    assert (notes(project, "a"), notes(other, "a")) == (["a", "b"], ["theirs", "theirs"])
    other.delete()


def listed(project: Project) -> dict[str, int]:
    """Return the tables of a dataset, each with its number of rows."""
    text = f"""
        SELECT CONCAT(own.project_id, '.', own.dataset_id, '.', own.table_id) AS name, own.row_count
        FROM `{project.name}.bronze.__TABLES__` AS own
        LEFT JOIN `{project.name}.bronze.__TABLES__` AS other ON other.table_id = CONCAT(own.table_id, '_history')
        WHERE own.size_bytes > 0 AND other.table_id IS NULL
    """
    return {row["name"]: row["row_count"] for row in project.query(text)}


def test_the_list_of_tables_is_that_of_the_project_at_that_moment(project: Project, bigquery: BigQuery) -> None:
    other = Project(bigquery.api_endpoint)
    other.client.create_dataset("bronze")
    assert listed(other) == {}
    assert listed(project) == {f"{project.name}.bronze.{table}": 1 for table in "abcd"}
    other.query("CREATE TABLE bronze.e AS SELECT x FROM UNNEST([1, 2]) AS x")
    project.query("CREATE TABLE bronze.a_history AS SELECT 1 AS id")
    merge(project, "b", "c")
    assert listed(other) == {f"{other.name}.bronze.e": 2}
    counts = {"a_history": 1, "b": 2, "c": 1, "d": 1}
    assert listed(project) == {f"{project.name}.bronze.{table}": count for table, count in counts.items()}
    other.delete()
    with pytest.raises(NotFound):
        listed(other)


def test_columns_of_another_type_make_another_statement(project: Project) -> None:
    for table, kind in (("e", "FLOAT64"), ("f", "NUMERIC")):
        project.query(f"CREATE TABLE bronze.{table} AS SELECT CAST(x AS {kind}) AS x FROM UNNEST([1, 2, 2]) AS x")
    text = "SELECT CAST(AVG(x) AS STRING) AS mean FROM `{}.bronze.{}`"
    seen = [project.query(text.format(project.name, table))[0]["mean"] for table in "ef"]
    assert seen == ["1.6666666666666667", "1.666666667"]


def test_what_fails_for_one_table_fails_for_the_next(project: Project) -> None:
    merge(project, "a", "b")
    project.query("INSERT INTO bronze.d (id, note) SELECT id, 'twice' FROM bronze.d")
    merge(project, "c", "d")  # no row of the target matches
    for _ in range(2):
        with pytest.raises(BadRequest, match="at most one source row"):
            merge(project, "d", "d")
    with pytest.raises(NotFound):
        merge(project, "a", "missing")
    assert notes(project, "c") == ["c", "d", "twice"]


def test_a_table_that_requires_a_filter_still_does(project: Project) -> None:
    text = "SELECT id FROM `{}.bronze.{}`"
    table = bq.Table(f"{project.name}.bronze.p", [bq.SchemaField("id", "INT64"), bq.SchemaField("note", "STRING")])
    table.range_partitioning = bq.RangePartitioning(bq.PartitionRange(0, 1000, 10), "id")
    table.require_partition_filter = True
    project.client.create_table(table)
    project.query(text.format(project.name, "a"))
    with pytest.raises(BadRequest, match="without a filter"):
        project.query(text.format(project.name, "p"))


def test_a_view_is_not_what_a_table_of_the_same_columns_is(project: Project) -> None:
    project.query("CREATE VIEW bronze.v AS SELECT id + 1 AS id, note FROM bronze.a")
    text = "SELECT id FROM `{}.bronze.{}`"
    assert [project.query(text.format(project.name, name)) for name in ("a", "v", "b")] == [
        [{"id": ord("a")}],
        [{"id": ord("a") + 1}],
        [{"id": ord("b")}],
    ]


def test_another_time_is_another_statement_and_must_be_one(project: Project) -> None:
    text = "SELECT id, TIMESTAMP '{}' AS moment FROM `{}.bronze.{}`"
    times = ["2026-01-01 00:00:00.000001+00:00", "2026-01-02 00:00:00.000000+00:00"]
    seen = [str(project.query(text.format(time, project.name, "a"))[0]["moment"]) for time in times]
    assert seen == ["2026-01-01 00:00:00.000001+00:00", "2026-01-02 00:00:00+00:00"]
    with pytest.raises(BadRequest, match="Invalid TIMESTAMP literal"):
        project.query(text.format("2026-02-30 00:00:00.000000+00:00", project.name, "a"))


@pytest.mark.parametrize("text", ["`{}.bronze.a`", '"{}"."bronze"."a"'])
def test_a_text_that_looks_like_a_name_stays_as_it_is(project: Project, text: str) -> None:
    text = text.format(project.name)
    seen = [
        project.query(f"SELECT '{text}' AS text FROM `{project.name}.bronze.{table}`")[0]["text"] for table in "aab"
    ]
    assert seen == [text] * 3
