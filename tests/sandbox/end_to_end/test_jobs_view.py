"""`INFORMATION_SCHEMA.JOBS` of the local BigQuery shows the jobs of a project, with their times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.api_core.exceptions import BadRequest

from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import BigQuery


def test_the_view_shows_the_jobs_of_its_project_and_their_times(bigquery: BigQuery) -> None:
    project = Project(bigquery.api_endpoint)
    Project(bigquery.api_endpoint).query("SELECT 'of another project'")
    done = project.client.query('SELECT "it\'s"\n', job_id="done", job_retry=None)
    done.result()
    failed = project.client.query("SELECT ERROR('on purpose')", job_id="failed", job_retry=None)
    with pytest.raises(BadRequest):
        failed.result()

    rows = project.query(
        "SELECT *, TIMESTAMP_DIFF(end_time, creation_time, MILLISECOND) AS milliseconds "
        "FROM `region-us`.INFORMATION_SCHEMA.JOBS "
        "WHERE creation_time > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) AND end_time IS NOT NULL"
    )

    jobs = {row["job_id"]: row for row in rows}
    assert set(jobs) == {"done", "failed"}
    assert jobs["done"]["query"] == done.query
    assert (jobs["done"]["statement_type"], jobs["done"]["state"]) == ("SELECT", "DONE")
    assert (jobs["done"]["creation_time"], jobs["done"]["end_time"]) == (done.created, done.ended)
    assert jobs["done"]["milliseconds"] >= 0
    assert [jobs[name]["error_reason"] for name in ("done", "failed")] == [None, "invalidQuery"]
