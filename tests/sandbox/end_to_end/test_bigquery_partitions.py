"""A statement or a job of the local BigQuery modifies at most 4,000 partitions, and a table has at most 10,000."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery as bq

from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.processes import BigQuery

DAYS = "UNNEST(GENERATE_DATE_ARRAY('{}', DATE_ADD(DATE '{}', INTERVAL {} - 1 DAY))) AS day"
TOO_MANY = "Too many partitions produced by query, allowed {}, query produces at least {} partitions"


@pytest.fixture
def project(bigquery: BigQuery) -> Iterator[Project]:
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    project.query("CREATE TABLE bronze.t (day DATE, note STRING) PARTITION BY day")
    yield project
    project.delete()


def days(count: int, first: str = "2000-01-01") -> str:
    return DAYS.format(first, first, count)


def test_dml_is_refused_as_a_whole(project: Project) -> None:
    with pytest.raises(BadRequest) as caught:
        project.query(f"INSERT INTO bronze.t (day) SELECT day FROM {days(4001)}")
    assert TOO_MANY.format(4000, 4001) in caught.value.message
    assert project.query("SELECT COUNT(*) AS n FROM bronze.t") == [{"n": 0}]

    for count, first in ((4000, "2000-01-01"), (4000, "2011-01-01")):
        project.query(f"INSERT INTO bronze.t (day) SELECT day FROM {days(count, first)}")
    with pytest.raises(BadRequest, match=TOO_MANY.format(4000, 8000)):
        project.query("UPDATE bronze.t SET note = 'changed' WHERE TRUE")
    with pytest.raises(BadRequest, match=TOO_MANY.format(10000, 10001)):
        project.query(f"INSERT INTO bronze.t (day) SELECT day FROM {days(2001, '1980-01-01')}")
    # A MERGE that touches a few of the partitions, and moves a row from one into another.
    project.query(
        "MERGE bronze.t AS t USING (SELECT DATE '2000-01-01' AS day) AS s ON t.day = s.day "
        "WHEN MATCHED THEN UPDATE SET day = DATE '2000-01-02', note = 'moved'"
    )
    assert project.query("SELECT COUNT(*) AS n FROM bronze.t WHERE note IS NOT NULL") == [{"n": 1}]


def test_months_are_partitions_too(project: Project) -> None:
    project.query("CREATE TABLE bronze.m (day DATE) PARTITION BY DATE_TRUNC(day, MONTH)")
    project.query(f"INSERT INTO bronze.m (day) SELECT day FROM {days(9000)}")
    assert project.query("SELECT COUNT(*) AS n FROM bronze.m") == [{"n": 9000}]


def test_jobs_with_a_destination_and_new_tables_count(project: Project) -> None:
    project.query(f"CREATE TABLE bronze.source AS SELECT day, 'a' AS note FROM {days(4001)}")
    table = f"{project.name}.bronze.{{}}".format
    with pytest.raises(BadRequest, match="Too many partitions"):
        project.client.copy_table(
            table("source"), table("t"), job_config=bq.CopyJobConfig(write_disposition="WRITE_APPEND")
        ).result()
    with pytest.raises(BadRequest, match="Too many partitions"):
        project.query("CREATE TABLE bronze.fresh PARTITION BY day AS SELECT * FROM bronze.source")
    assert project.tables("bronze") == ["source", "t"]


def test_ranges_of_integers_are_partitions(project: Project) -> None:
    table = bq.Table(f"{project.name}.bronze.r", [bq.SchemaField("id", "INT64")])
    table.range_partitioning = bq.RangePartitioning(bq.PartitionRange(0, 50_000, 5), "id")
    project.client.create_table(table)
    project.query("INSERT INTO bronze.r (id) SELECT id FROM UNNEST(GENERATE_ARRAY(-5000, 19994)) AS id")
    with pytest.raises(BadRequest, match=TOO_MANY.format(4000, 4001)):
        project.query("INSERT INTO bronze.r (id) SELECT id FROM UNNEST(GENERATE_ARRAY(0, 20000)) AS id")
