"""What a query job of the local BigQuery may write into a table, and what becomes of the table."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery as bq

from servicetitan_sandbox.client.bigquery_control import set_conditions
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.processes import BigQuery

TABLE = """
    CREATE TABLE bronze.t (
        id INT64 OPTIONS (description = 'the key'), name STRING, tags ARRAY<STRING>, doc JSON, price NUMERIC, day DATE,
        home STRUCT<city STRING>, PRIMARY KEY (id) NOT ENFORCED
    )
    PARTITION BY day CLUSTER BY id, name OPTIONS (description = 'it', labels = [('a', 'b')])
"""


@pytest.fixture
def project(bigquery: BigQuery) -> Iterator[Project]:
    """A new project with a table of one row, and one with a REQUIRED column."""
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    set_conditions(project.api_endpoint, project.name, pace=100_000)
    project.query(TABLE)
    project.query("CREATE TABLE bronze.strict (id INT64 NOT NULL, name STRING NOT NULL)")
    project.query("INSERT INTO bronze.t (id) VALUES (0)")
    yield project
    project.delete()


def write(project: Project, sql: str, table: str = "t", **options: Any) -> bq.QueryJob:  # noqa: ANN401 - any setting
    config = bq.QueryJobConfig(destination=f"{project.bronze}.{table}", write_disposition="WRITE_APPEND")
    for name, value in options.items():
        setattr(config, name, value)
    job = project.client.query(sql, job_config=config, job_id=uuid.uuid4().hex, job_retry=None)
    job.result(retry=None)
    return job


def refusal(project: Project, sql: str, table: str = "t", **options: Any) -> tuple[str, str]:  # noqa: ANN401 - any setting
    """Return the reason and the words with which a job is refused."""
    with pytest.raises(GoogleAPICallError) as caught:
        write(project, sql, table, **options)
    [error] = caught.value.errors
    return error["reason"], error["message"]


def rows(project: Project, columns: str = "*", table: str = "t") -> list[dict[str, Any]]:
    return project.query(f"SELECT {columns} FROM bronze.{table} WHERE id != 0 ORDER BY id")


def test_an_append_keeps_the_table_and_the_values(project: Project) -> None:
    before = project.client.get_table(f"{project.bronze}.t").to_api_repr()
    exact = "NUMERIC '99999999999999999999999999999.999999999' AS price"
    document = """PARSE_JSON('{"b":18446744073709551615,"a":[]}') AS doc"""
    write(project, f"SELECT DATE '2024-01-01' AS day, 1 AS ID, 'x' AS name, ['a'] AS tags, {document}, {exact}")
    write(project, "SELECT 2 AS id, CAST(NULL AS ARRAY<STRING>) AS tags, STRUCT('here' AS city) AS home")
    write(project, "SELECT 3 AS id")

    told = "id, name, tags, tags IS NULL AS no_tags, TO_JSON_STRING(doc) AS doc, CAST(price AS STRING) AS price, home"
    empty: dict[str, Any] = {"name": None, "tags": [], "no_tags": False, "doc": "null", "price": None}
    assert rows(project, told) == [
        {
            "id": 1,
            "name": "x",
            "tags": ["a"],
            "no_tags": False,
            "doc": '{"a":[],"b":18446744073709551615}',
            "price": "99999999999999999999999999999.999999999",
            "home": None,
        },
        {"id": 2, **empty, "home": {"city": "here"}},
        {"id": 3, **empty, "home": None},
    ]
    after = project.client.get_table(f"{project.bronze}.t").to_api_repr()
    moved = {"etag", "lastModifiedTime"}
    counted = {name for name in before if name.startswith("num")}
    assert after["numRows"] == "4"
    assert {name for name in before if before[name] != after[name]} <= moved | counted
    assert {"clustering", "timePartitioning", "labels", "description", "tableConstraints"} <= after.keys()


@pytest.mark.parametrize(
    ("sql", "reason", "words"),
    [
        ("SELECT 1 AS id, 2 AS more", "invalid", "Invalid schema update. Cannot add fields (field: more)"),
        ("SELECT 1", "invalid", "Invalid schema update. Cannot add fields (field: f0_)"),
        (
            "SELECT 1 AS id, STRUCT('x' AS city, 1 AS zip) AS home",
            "invalid",
            "Invalid schema update. Cannot add fields (field: home.zip)",
        ),
        ("SELECT '1' AS id", "invalid", "Invalid schema update. Field id has changed type from INTEGER to STRING"),
        ("SELECT 1.5 AS id", "invalid", "Invalid schema update. Field id has changed type from INTEGER to FLOAT"),
        ("SELECT 1 AS price", "invalid", "Invalid schema update. Field price has changed type from NUMERIC to INTEGER"),
        (
            "SELECT CAST(1 AS BIGNUMERIC) AS price",
            "invalid",
            "Invalid schema update. Field price has changed type from NUMERIC to BIGNUMERIC",
        ),
        (
            "SELECT 'a' AS tags",
            "invalid",
            "Invalid schema update. Field tags has changed mode from REPEATED to NULLABLE",
        ),
        (
            "SELECT 1 AS id, 2 AS ID",
            "invalidQuery",
            (
                "Duplicate column names in the result are not supported when a destination table is present. "
                "Found duplicate(s): id"
            ),
        ),
        (
            "INSERT INTO bronze.t (id) VALUES (1)",
            "invalidQuery",
            "Cannot set destination table in jobs with DML statements",
        ),
        (
            "CREATE TABLE bronze.other (id INT64)",
            "invalidQuery",
            "Cannot set destination table in jobs with DDL statements",
        ),
        (
            "SELECT 1 AS id; SELECT 2 AS id;",
            "invalid",
            "configuration.query.destinationTable cannot be set for scripts",
        ),
    ],
)
def test_what_does_not_fit_is_refused(project: Project, sql: str, reason: str, words: str) -> None:
    assert refusal(project, sql) == (reason, words)
    assert rows(project) == []


def test_a_failing_expression_leaves_nothing(project: Project) -> None:
    many = "SELECT IF(id = 90000, ERROR('stop'), id) AS id, 1 AS more FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS id"
    reason, words = refusal(project, many, schema_update_options=["ALLOW_FIELD_ADDITION"])
    assert (reason, "stop" in words) == ("invalidQuery", True)
    reason, words = refusal(project, "SELECT 1 AS id, [CAST(NULL AS STRING)] AS tags")
    assert "Array cannot have a null element" in words
    assert rows(project) == []
    assert "more" not in [field.name for field in project.client.get_table(f"{project.bronze}.t").schema]


def test_a_column_can_be_added(project: Project) -> None:
    write(project, "SELECT 1 AS id, [1] AS more", schema_update_options=["ALLOW_FIELD_ADDITION"])
    assert rows(project, "id, more") == [{"id": 1, "more": [1]}]
    assert project.query("SELECT more IS NULL AS gone FROM bronze.t WHERE id = 0") == [{"gone": False}]


def test_a_result_is_never_required(project: Project) -> None:
    both = "SELECT 1 AS id, 'x' AS name"
    changed = "Invalid schema update. Field id has changed mode from REQUIRED to NULLABLE"
    assert refusal(project, both, "strict") == ("invalid", changed)
    missing = "Invalid schema update. Field name is missing in new schema"
    relax = {"schema_update_options": ["ALLOW_FIELD_RELAXATION"]}
    assert refusal(project, "SELECT CAST(NULL AS INT64) AS id", "strict")[0] == "invalid"
    project.query("ALTER TABLE bronze.strict ALTER COLUMN id DROP NOT NULL")
    assert refusal(project, "SELECT 1 AS id", "strict") == ("invalid", missing)

    write(project, "SELECT 1 AS id", "strict", **relax)
    assert {field.mode for field in project.client.get_table(f"{project.bronze}.strict").schema} == {"NULLABLE"}
    write(project, both, "strict")
    assert rows(project, "name", "strict") == [{"name": None}, {"name": "x"}]


def test_dispositions(project: Project) -> None:
    nothing = f"Not found: Table {project.name}:bronze.nothing"
    assert refusal(project, "SELECT 1 AS id", "nothing", create_disposition="CREATE_NEVER") == ("notFound", nothing)
    assert refusal(project, "SELECT 1 AS id", write_disposition="WRITE_EMPTY")[0] == "duplicate"
    elsewhere = f"{project.name}.nowhere.t"
    assert refusal(project, "SELECT 1 AS id", destination=elsewhere)[0] == "notFound"
    config = bq.QueryJobConfig(destination=f"{project.bronze}.t", write_disposition="WRITE_APPEND")
    with pytest.raises(GoogleAPICallError, match="was not found in location EU"):
        project.client.query("SELECT 1 AS id", job_config=config, location="EU", job_retry=None).result(retry=None)
    key = bq.EncryptionConfiguration("projects/p/locations/europe/keyRings/r/cryptoKeys/k")
    assert refusal(project, "SELECT 1 AS id", destination_encryption_configuration=key)[0] == "invalid"
    assert rows(project) == []


def test_the_partitions_of_a_result_are_counted(project: Project) -> None:
    days = "UNNEST(GENERATE_DATE_ARRAY('2000-01-01', DATE_ADD(DATE '2000-01-01', INTERVAL 4000 DAY))) AS day"
    assert "Too many partitions" in refusal(project, f"SELECT 1 AS id, day FROM {days}")[1]
    write(project, f"SELECT 1 AS id FROM {days}")
    assert project.query("SELECT COUNT(*) AS n FROM bronze.t WHERE day IS NULL") == [{"n": 4002}]


def test_rows_are_there_at_once(project: Project) -> None:
    write(project, "SELECT 1 AS id")
    table = project.client.get_table(f"{project.bronze}.t")
    listed = project.query("SELECT row_count FROM bronze.__TABLES__ WHERE table_id = 't'")
    assert (table.num_rows, listed) == (2, [{"row_count": 2}])
    assert sorted(row["id"] for row in project.client.list_rows(table)) == [0, 1]


def test_appends_count_as_load_jobs_do(project: Project) -> None:
    set_conditions(project.api_endpoint, project.name, pace=0.01)
    project.query("CREATE TABLE bronze.counted (id INT64)")
    for number in range(4):
        write(project, f"SELECT {number} AS id", "counted")
    assert refusal(project, "SELECT 4 AS id", "counted")[0] == "rateLimitExceeded"


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO bronze.t (id) VALUES (1)",
        "INSERT INTO bronze.t (id, tags) VALUES (1, NULL)",
        "INSERT INTO bronze.t (id, tags) VALUES (1, ['a']); UPDATE bronze.t SET tags = NULL WHERE id = 1;",
        (
            "MERGE bronze.t AS a USING (SELECT 1 AS id) AS b ON a.id = b.id "
            "WHEN NOT MATCHED THEN INSERT (id, tags) VALUES (b.id, NULL)"
        ),
        "CREATE OR REPLACE TABLE bronze.t AS SELECT 1 AS id, CAST(NULL AS ARRAY<STRING>) AS tags",
        (
            "INSERT INTO bronze.t (id) VALUES (1); ALTER TABLE bronze.t DROP COLUMN tags; "
            "ALTER TABLE bronze.t ADD COLUMN tags ARRAY<STRING>;"
        ),
    ],
)
def test_an_array_in_a_table_is_never_null(project: Project, statement: str) -> None:
    project.query(statement)
    told = "tags IS NULL AS gone, ARRAY_LENGTH(tags) AS size, TO_JSON_STRING(tags) AS text"
    assert rows(project, told) == [{"gone": False, "size": 0, "text": "[]"}]


def test_a_job_that_makes_a_table_of_a_query_names_it_and_returns_no_rows(project: Project) -> None:
    job = project.client.query("CREATE OR REPLACE TABLE bronze.made AS SELECT id FROM bronze.t")
    assert list(job.result()) == []
    job.reload()
    assert str(job.destination) == f"{project.bronze}.made"
    assert project.client.get_table(job.destination).num_rows == 1
