"""The local BigQuery runs jobs as BigQuery does: they end in their own time, fail, are stopped, and have a place."""

from __future__ import annotations

import io
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import bigquery as bq

from servicetitan_sandbox.client.bigquery_control import set_conditions
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client import processes

AUSTRALIA = "australia-southeast1"


@pytest.fixture
def project(bigquery: processes.BigQuery) -> Iterator[Project]:
    """A new project with a table of one row."""
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    project.client.create_table(bq.Table(f"{project.name}.bronze.jobs", schema=[bq.SchemaField("id", "INT64")]))
    project.query(f"INSERT INTO `{project.name}.bronze.jobs` (id) VALUES (1)")
    yield project
    set_conditions(project.api_endpoint, project.name, failing_jobs=[], held_jobs=[], requires_kms_key=False)
    project.delete()


def start(project: Project, sql: str, *, location: str | None = None, timeout_ms: int = 0) -> bq.QueryJob:
    """Begin a statement, and return the answer to that."""
    config = bq.QueryJobConfig()
    config.job_timeout_ms = timeout_ms or None
    return project.client.query(
        sql.replace("JOBS", f"`{project.name}.bronze.jobs`"),
        job_id=uuid.uuid4().hex,
        job_config=config,
        job_retry=None,
        location=location,
    )


def results(project: Project, job: bq.QueryJob, **query: Any) -> requests.Response:  # noqa: ANN401 - any parameter
    """Ask for the results of a job, as `jobs.getQueryResults` answers."""
    url = f"{project.api_endpoint}/bigquery/v2/projects/{project.name}/queries/{job.job_id}"
    return requests.get(url, query, timeout=60)


def end_of(project: Project, job: Any) -> dict[str, Any]:  # noqa: ANN401 - a job of any kind
    """Wait for the end of a job, and return its `errorResult`, or an empty one."""
    while True:
        found = project.client.get_job(job.job_id, location=job.location)
        if found.state == "DONE":
            return found.error_result or {}


REASONS = {
    "invalidQuery": 400,
    "accessDenied": 403,
    "quotaExceeded": 403,
    "rateLimitExceeded": 403,
    "notFound": 404,
    "jobBackendError": 400,
    "resourcesExceeded": 400,
    "internalError": 500,
    "backendError": 503,
}


def test_a_job_that_fails_makes_its_results_an_error_and_has_changed_nothing(project: Project) -> None:
    faults = [{"text": f"+ {number}", "reason": reason} for number, reason in enumerate(REASONS)]
    set_conditions(project.api_endpoint, project.name, failing_jobs=faults)

    answered, told = {}, {}
    for number, reason in enumerate(REASONS):
        job = start(project, f"UPDATE JOBS SET id = id + {number} WHERE TRUE")
        assert job.state == "RUNNING"
        error = results(project, job).json()["error"]
        answered[error["errors"][0]["reason"]] = error["code"]
        told[reason] = end_of(project, job)["reason"]
    again = start(project, "UPDATE JOBS SET id = id + 0 WHERE TRUE")

    assert answered == REASONS
    assert told == {reason: reason for reason in REASONS}
    assert end_of(project, again) == {}, "it happens once"
    assert [row["id"] for row in project.query(f"SELECT id FROM `{project.name}.bronze.jobs`")] == [1]


def test_a_statement_that_lost_against_another_one_is_an_invalid_query(project: Project) -> None:
    fault = {"kind": "query", "text": "MERGE", "reason": "concurrentUpdate"}
    set_conditions(project.api_endpoint, project.name, failing_jobs=[fault])
    sql = "MERGE JOBS AS a USING (SELECT 1 AS id) AS b ON a.id = b.id WHEN MATCHED THEN UPDATE SET id = 2"

    error = end_of(project, start(project, sql))

    table = f"{project.name}:bronze.jobs"
    said = f"Could not serialize access to table {table} due to concurrent update"
    assert (error["reason"], error["message"]) == ("invalidQuery", said)


def test_a_load_that_fails_says_so_only_when_it_is_asked_for(project: Project) -> None:
    set_conditions(project.api_endpoint, project.name, failing_jobs=[{"kind": "load", "reason": "backendError"}])
    config = bq.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON")

    job = project.client.load_table_from_file(
        io.BytesIO(b'{"id": 2}'), f"{project.name}.bronze.jobs", job_config=config
    )

    assert (job.state, job.error_result) == ("RUNNING", None)
    with pytest.raises(exceptions.InternalServerError):
        job.result(retry=None)
    assert len(project.rows("jobs")) == 1


def test_a_job_beyond_its_time_is_stopped_and_so_is_a_cancelled_one(project: Project) -> None:
    hold = {"text": "UPDATE", "seconds": 60, "times": 2}
    set_conditions(project.api_endpoint, project.name, held_jobs=[hold])

    late = start(project, "UPDATE JOBS SET id = 2 WHERE TRUE", timeout_ms=200)
    held = start(project, "UPDATE JOBS SET id = 2 WHERE TRUE")
    assert end_of(project, late)["message"] == "Job execution was cancelled: Job timed out after 0.2 sec"
    assert results(project, held, timeoutMs=0).json()["jobComplete"] is False
    held.cancel()

    assert end_of(project, held)["message"] == "Job execution was cancelled: User requested cancellation"
    assert results(project, held).status_code == 499
    numbers = "UNNEST(GENERATE_ARRAY(1, 300000))"
    endless = f"SELECT count(*) FROM {numbers} AS a JOIN {numbers} AS b ON a < b * b"
    assert end_of(project, start(project, endless, timeout_ms=300))["reason"] == "stopped"
    assert list(project.rows("jobs")) == [1]


def test_two_statements_change_a_table_at_a_time_and_twenty_wait(project: Project) -> None:
    set_conditions(project.api_endpoint, project.name, held_jobs=[{"text": "UPDATE", "seconds": 60, "times": 30}])
    jobs = [start(project, "UPDATE JOBS SET id = id + 1 WHERE TRUE") for _ in range(2)]
    while len(list(project.client.list_jobs(state_filter="running"))) < 2:
        pass
    jobs += [start(project, "UPDATE JOBS SET id = id + 1 WHERE TRUE") for _ in range(20)]
    while len(list(project.client.list_jobs(state_filter="pending"))) < 20:
        pass

    error = end_of(project, start(project, "DELETE FROM JOBS WHERE TRUE"))
    for job in jobs:
        job.cancel()

    assert error["reason"] == "resourcesExceeded"
    assert (
        f"Too many DML statements outstanding against table {project.name}:bronze.jobs, limit is 20."
        in error["message"]
    )
    assert {end_of(project, job)["reason"] for job in jobs} == {"stopped"}
    assert end_of(project, start(project, "INSERT INTO JOBS (id) VALUES (2)")) == {}
    assert set(project.rows("jobs")) == {1, 2}


def test_a_job_outside_of_the_multi_regions_is_found_only_by_its_location(project: Project) -> None:
    dataset = bq.Dataset(f"{project.name}.south")
    dataset.location = AUSTRALIA
    project.client.create_dataset(dataset)
    table = f"{project.name}.south.jobs"
    assert project.client.create_table(bq.Table(table, schema=[bq.SchemaField("id", "INT64")])).location == AUSTRALIA

    there = start(project, f"SELECT * FROM `{table}`")
    assert there.location == AUSTRALIA, "it was found in the statement"
    for call in (project.client.get_job, project.client.cancel_job):
        with pytest.raises(exceptions.NotFound, match=f"Not found: Job {project.name}:{there.job_id}"):
            call(there.job_id)
        assert call(there.job_id, location=AUSTRALIA).location == AUSTRALIA
    assert results(project, there).status_code == 404
    assert results(project, there, location="US").status_code == 404
    assert results(project, there, location=AUSTRALIA).json()["jobReference"]["location"] == AUSTRALIA
    here = start(project, "SELECT 1")
    assert project.client.get_job(here.job_id).location == "US"
    assert results(project, here, location="EU").status_code == 404


def test_a_job_finds_only_the_datasets_of_its_location(project: Project) -> None:
    dataset = bq.Dataset(f"{project.name}.south")
    dataset.location = AUSTRALIA
    project.client.create_dataset(dataset)
    table = f"{project.name}.south.jobs"
    project.client.create_table(bq.Table(table, schema=[bq.SchemaField("id", "INT64")]))
    read, load = f"SELECT * FROM `{table}`", bq.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON")

    lost = [
        start(project, read, location="US"),
        start(project, "SELECT * FROM JOBS", location="EU"),
        start(project, f"{read} UNION ALL SELECT * FROM JOBS"),
        project.client.load_table_from_file(io.BytesIO(b'{"id": 2}'), table, job_config=load, location="US"),
        project.client.copy_table(f"{project.name}.bronze.jobs", f"{project.name}.south.copy"),
    ]

    south, bronze = (
        f"Not found: Dataset {project.name}:{name} was not found in location " for name in ("south", "bronze")
    )
    assert [end_of(project, job).get("message") for job in lost] == [
        f"{south}US",
        f"{bronze}EU",
        f"{bronze}{AUSTRALIA}",
        f"{south}US",
        f"{south}US",
    ]
    assert project.query(read) == []


def test_a_policy_may_demand_a_key_which_is_where_the_data_is(project: Project) -> None:
    set_conditions(project.api_endpoint, project.name, requires_kms_key=True)
    key, far = (
        bq.EncryptionConfiguration(f"projects/p/locations/{place}/keyRings/r/cryptoKeys/k")
        for place in ("us", "europe")
    )
    table = bq.Table(f"{project.name}.bronze.keyed", schema=[bq.SchemaField("id", "INT64")])

    with pytest.raises(exceptions.Forbidden, match="restrictNonCmekServices"):
        project.client.create_table(table)
    table.encryption_configuration = far
    with pytest.raises(exceptions.BadRequest, match="europe"):
        project.client.create_table(table)
    table.encryption_configuration = key
    assert project.client.create_table(table).encryption_configuration == key
    assert end_of(project, start(project, "SELECT * FROM JOBS"))["reason"] == "accessDenied"
    for used, reason in ((far, "invalid"), (key, None)):
        config = bq.QueryJobConfig(destination_encryption_configuration=used)
        job = project.client.query("SELECT 1", job_config=config)
        assert end_of(project, job).get("reason") == reason


def test_a_statement_above_its_limit_of_bytes_is_refused(project: Project) -> None:
    refused = {}
    for limit in (10 << 20, (10 << 20) - 1):
        config = bq.QueryJobConfig(maximum_bytes_billed=limit)
        sql = f"SELECT * FROM `{project.name}.bronze.jobs`"
        refused[limit] = project.client.query(sql, job_config=config, job_retry=None)

    assert end_of(project, refused[10 << 20]) == {}
    error = results(project, refused[(10 << 20) - 1])
    assert error.status_code == 500
    assert error.json()["error"]["errors"][0]["reason"] == "bytesBilledLimitExceeded"
    assert "10485759. 10485760 or higher required" in error.text


def test_a_request_has_at_most_ten_megabytes(project: Project) -> None:
    parameter = bq.ScalarQueryParameter("text", "STRING", "x" * (10 << 20))
    config = bq.QueryJobConfig(query_parameters=[parameter])

    with pytest.raises(exceptions.GoogleAPICallError, match="413"):
        project.client.query("SELECT LENGTH(@text)", job_config=config, retry=None)  # type: ignore[arg-type]
    big = io.BytesIO(b'{"id": 2}' + b" " * (11 << 20))
    load = bq.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON")
    project.client.load_table_from_file(big, f"{project.name}.bronze.jobs", job_config=load).result()
    assert set(project.rows("jobs")) == {1, 2}
