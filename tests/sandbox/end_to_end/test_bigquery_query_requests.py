"""`jobs.query` of the local BigQuery: repeated requests, unfinished jobs, what it answers of costs and failures."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from servicetitan_sandbox.client.bigquery_control import set_conditions
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.processes import BigQuery

MEGABYTE = 1 << 20
INSERT = "INSERT INTO bronze.t (id) VALUES (1)"


@pytest.fixture
def project(bigquery: BigQuery) -> Iterator[Project]:
    """A new project with an empty table."""
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    project.query("CREATE TABLE bronze.t (id INT64)")
    yield project
    set_conditions(project.api_endpoint, project.name, failing_jobs=[], held_jobs=[])
    project.delete()


def call(project: Project, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - any parameter
    url = f"{project.api_endpoint}/bigquery/v2/projects/{project.name}/{path}"
    return requests.request(method, url, timeout=60, **options)


def ask(project: Project, sql: str, **fields: Any) -> requests.Response:  # noqa: ANN401 - any field
    return call(project, "POST", "queries", json={"query": sql, "useLegacySql": False, "timeoutMs": 60_000, **fields})


def rows(project: Project) -> int:
    [row] = project.query("SELECT COUNT(*) AS n FROM bronze.t")
    return int(row["n"])


def test_a_repeated_request_is_answered_with_the_first_job(project: Project) -> None:
    first = ask(project, INSERT, requestId="r-1").json()
    again = ask(project, INSERT, requestId="r-1", maxResults=5, timeoutMs=50_000).json()
    assert again == first
    assert first["dmlStats"] == {"insertedRowCount": "1"}
    assert first["jobReference"]["jobId"] != "r-1"
    assert rows(project) == 1


def test_many_equal_requests_at_once_are_one(project: Project) -> None:
    set_conditions(project.api_endpoint, project.name, held_jobs=[{"text": "INSERT", "seconds": 0.5}])
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(project, INSERT, requestId="r-2").json(), range(8)))
    assert {answer["jobReference"]["jobId"] for answer in answers} == {answers[0]["jobReference"]["jobId"]}
    assert {answer["numDmlAffectedRows"] for answer in answers} == {"1"}
    assert rows(project) == 1


def test_another_request_with_the_same_id_is_its_own(project: Project) -> None:
    value = {"name": "x", "parameterType": {"type": "INT64"}}
    sql = "INSERT INTO bronze.t (id) VALUES (@x)"
    for number in ("1", "2", "1"):
        parameter = {**value, "parameterValue": {"value": number}}
        assert ask(project, sql, requestId="r-3", queryParameters=[parameter]).ok
    assert ask(project, INSERT, requestId="r-3", dryRun=True).ok
    assert rows(project) == 3
    assert ask(project, INSERT, requestId="x" * 37).status_code == 400
    assert ask(project, INSERT, requestId="ü").status_code == 400


def test_a_repeated_request_fails_as_the_first_one_did(project: Project) -> None:
    set_conditions(project.api_endpoint, project.name, failing_jobs=[{"text": "INSERT", "reason": "backendError"}])
    first, again = (ask(project, INSERT, requestId="r-4") for _ in range(2))
    assert (first.status_code, again.status_code) == (503, 503)
    assert ask(project, INSERT, requestId="r-5").ok
    assert rows(project) == 1


def test_an_unfinished_job_is_answered_with_its_reference(project: Project) -> None:
    set_conditions(project.api_endpoint, project.name, held_jobs=[{"text": "INSERT", "seconds": 1}])
    request_id = str(uuid.uuid4())
    first = ask(project, INSERT, requestId=request_id, timeoutMs=1).json()
    again = ask(project, INSERT, requestId=request_id, timeoutMs=1).json()
    assert (first["jobComplete"], again["jobComplete"]) == (False, False)
    assert again["jobReference"] == first["jobReference"]
    assert not first.keys() & {"totalRows", "rows", "totalBytesBilled", "totalSlotMs", "dmlStats", "endTime"}

    job_id = first["jobReference"]["jobId"]
    results = call(project, "GET", f"queries/{job_id}", params={"timeoutMs": 60_000}).json()
    assert (results["jobComplete"], results["numDmlAffectedRows"]) == (True, "1")
    assert ask(project, INSERT, requestId=request_id).json()["dmlStats"] == {"insertedRowCount": "1"}
    assert rows(project) == 1


def test_the_answer_and_the_job_say_the_same(project: Project) -> None:
    ask(project, INSERT)
    labels = {"run": "r1", "company": "c1"}
    limits = {"maximumBytesBilled": str(20 * MEGABYTE), "jobTimeoutMs": "60000", "location": "US"}
    answer = ask(project, "SELECT id FROM bronze.t", labels=labels, requestId="r-6", maxResults=1, **limits).json()
    job = call(project, "GET", f"jobs/{answer['jobReference']['jobId']}").json()
    listed = call(project, "GET", "jobs", params={"projection": "full"}).json()["jobs"]

    statistics = job["statistics"]
    assert answer["totalBytesBilled"] == statistics["query"]["totalBytesBilled"] == str(10 * MEGABYTE)
    assert answer["totalBytesProcessed"] == statistics["totalBytesProcessed"] == "8"
    assert answer["totalSlotMs"] == statistics["totalSlotMs"]
    assert int(answer["totalSlotMs"]) > 0
    assert (answer["startTime"], answer["endTime"]) == (statistics["startTime"], statistics["endTime"])
    assert job["jobReference"] == answer["jobReference"]
    assert (job["configuration"]["labels"], job["configuration"]["jobTimeoutMs"]) == (labels, "60000")
    assert not job["configuration"]["query"].keys() & {"location", "requestId", "maxResults", "timeoutMs"}
    assert labels in [each["configuration"].get("labels") for each in listed]


def test_dml_says_what_it_has_changed(project: Project) -> None:
    project.query("INSERT INTO bronze.t (id) VALUES (1), (2), (3)")
    merge = "MERGE bronze.t AS a USING (SELECT 1 AS id UNION ALL SELECT 9) AS b ON a.id = b.id WHEN MATCHED THEN "
    for sql, stats in {
        "UPDATE bronze.t SET id = 4 WHERE id = 3": {"updatedRowCount": "1"},
        f"{merge} UPDATE SET id = 5 WHEN NOT MATCHED THEN INSERT (id) VALUES (id)": {
            "insertedRowCount": "1",
            "updatedRowCount": "1",
            "deletedRowCount": "0",
        },
        "DELETE FROM bronze.t WHERE id = 9": {"deletedRowCount": "1"},
        "TRUNCATE TABLE bronze.t": {"deletedRowCount": "3"},
    }.items():
        answer = ask(project, sql).json()
        job = call(project, "GET", f"jobs/{answer['jobReference']['jobId']}").json()
        assert answer["dmlStats"] == job["statistics"]["query"]["dmlStats"] == stats
        assert int(answer["numDmlAffectedRows"]) == sum(int(count) for count in stats.values())


@pytest.mark.parametrize(
    ("sql", "fields", "reason", "status"),
    [
        ("SELECT 1 +", {}, "invalidQuery", 400),
        ("SELECT * FROM bronze.nothing", {}, "notFound", 404),
        ("SELECT id FROM bronze.t", {"maximumBytesBilled": "100"}, "bytesBilledLimitExceeded", 500),
        ("SELECT id FROM bronze.t", {"location": "EU"}, "notFound", 404),
        ("SELECT ERROR('stop')", {}, "invalidQuery", 400),
    ],
)
def test_a_failure_has_the_status_of_its_reason(
    project: Project, sql: str, fields: dict[str, Any], reason: str, status: int
) -> None:
    answer = ask(project, sql, **fields)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (status, reason)


def test_what_is_billed(project: Project) -> None:
    ask(project, INSERT)
    many = "SELECT id FROM bronze.t" + " UNION ALL SELECT row_count FROM bronze.__TABLES__" * 2
    text = {"name": "x", "parameterType": {"type": "STRING"}, "parameterValue": {"value": "[1]" * 10_000}}
    for sql, megabytes in {
        "SELECT JSON_VALUE(PARSE_JSON('[1]'), '$[0]'), LENGTH(@x)": 0,
        "SELECT id FROM bronze.t": 10,
        "SELECT row_count FROM bronze.__TABLES__": 10,
        "SELECT table_name FROM bronze.INFORMATION_SCHEMA.TABLES": 10,
        "SELECT a.id FROM bronze.t AS a JOIN bronze.t AS b USING (id)": 10,
        many: 20,
        "INSERT INTO bronze.t (id) SELECT LENGTH(@x)": 0,
        "UPDATE bronze.t SET id = 2 WHERE FALSE": 10,
    }.items():
        answer = ask(project, sql, queryParameters=[text] if "@x" in sql else []).json()
        job = call(project, "GET", f"jobs/{answer['jobReference']['jobId']}").json()
        billed = {answer["totalBytesBilled"], job["statistics"]["query"]["totalBytesBilled"]}
        assert billed == {str(megabytes * MEGABYTE)}, sql
