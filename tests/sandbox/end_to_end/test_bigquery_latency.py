"""The local BigQuery takes as long as BigQuery does when it is told to, and tells what it saw."""

from __future__ import annotations

import io
import itertools
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from google.cloud import bigquery as bq

from servicetitan_sandbox.client import processes
from servicetitan_sandbox.client.bigquery_control import read_stats, read_timeline, reset_stats, set_latency
from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[processes.BigQuery]:
    """A server of this file's own: the switch is one for all projects."""
    with processes.run_bigquery() as server:
        Project(server.api_endpoint).query("SELECT 1")
        yield server


@pytest.fixture
def project(server: processes.BigQuery) -> Iterator[Project]:
    """A new project with a dataset; the latency is switched off at the end."""
    project = Project(server.api_endpoint)
    project.client.create_dataset("bronze")
    reset_stats(server.api_endpoint)
    yield project
    set_latency(server.api_endpoint, 0)


def load(project: Project, table: str) -> bq.LoadJob:
    """Load a row, and wait for its end."""
    config = bq.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", autodetect=True)
    file = io.BytesIO(b'{"id": 1}')
    job = project.client.load_table_from_file(file, f"{project.name}.bronze.{table}", job_config=config)
    job.result()
    return job


def seconds(span: dict[str, Any]) -> float:
    return float(span["end"] - span["start"])


@pytest.mark.long
def test_calls_and_jobs_take_their_time_and_are_counted() -> None:
    with processes.run_bigquery(latency=3, seed=7) as server:
        project = Project(server.api_endpoint)
        moments = [time.monotonic()]
        project.client.create_dataset("bronze")
        moments.append(time.monotonic())
        project.client.query("SELECT 1", job_retry=None).result()
        moments.append(time.monotonic())
        stats = read_stats(server.api_endpoint)
        with ThreadPoolExecutor(4) as executor:
            list(executor.map(requests.get, [f"{server.api_endpoint}/bigquery/v2/projects"] * 4))
        later = read_stats(server.api_endpoint)
        reset_stats(server.api_endpoint)
        after = read_stats(server.api_endpoint)

    call, job = (end - begin for begin, end in itertools.pairwise(moments))
    assert call >= 3 * 0.15
    assert job >= 3 * 1.0
    assert stats["jobs"] == {"SELECT": 1}
    assert (stats["calls"]["datasets.insert"], stats["calls"]["jobs.insert"]) == (1, 1)
    assert stats["total_calls"] == sum(stats["calls"].values())
    assert (stats["connections"], stats["errors"]) == (1, {})
    assert (later["calls"]["projects.list"], later["connections"]) == (4, 5)
    assert (after["total_calls"], after["connections"]) == (0, 0)


@pytest.mark.long
def test_the_timeline_has_each_call_and_job(project: Project) -> None:
    job = load(project, "jobs")
    project.client.get_table(f"{project.name}.bronze.jobs")
    project.query(f"SELECT * FROM `{project.name}.bronze.jobs`")

    spans = read_timeline(project.api_endpoint)
    reset_stats(project.api_endpoint)

    kinds = Counter(span["kind"] for span in spans)
    assert (kinds["upload"], kinds["job LOAD"], kinds["tables.get"], kinds["job SELECT"]) == (2, 1, 1, 1)
    details = {span["kind"]: span["detail"] for span in spans}
    assert details["upload"] == details["job LOAD"] == details["jobs.get"] == job.job_id
    assert details["jobs.query"] == details["job SELECT"]
    assert details["tables.get"] == "jobs"
    assert all(0 <= span["start"] <= span["end"] for span in spans)
    assert [span["end"] for span in spans] == sorted(span["end"] for span in spans)
    assert read_timeline(project.api_endpoint) == []


def test_a_load_begins_when_its_file_has_come(project: Project) -> None:
    set_latency(project.api_endpoint, 1)

    load(project, "jobs")

    spans = {span["kind"]: span for span in read_timeline(project.api_endpoint)}
    upload, job = spans["upload"], spans["job LOAD"]  # the call that brings the file, not the one that announces it
    assert seconds(upload) >= 0.45
    assert seconds(job) >= 3.0
    assert job["start"] >= upload["start"] + 0.45


@pytest.mark.parametrize("seed", [1, 7])
def test_the_times_follow_from_the_seed(project: Project, seed: int) -> None:
    scale, dice = 0.3, random.Random(f"{seed}/job SELECT")
    set_latency(project.api_endpoint, scale, seed)

    for _ in range(5):
        project.client.query_and_wait("SELECT 1")

    jobs = [span for span in read_timeline(project.api_endpoint) if span["kind"] == "job SELECT"]
    assert all(seconds(job) > scale * dice.uniform(1.0, 2.0) - 0.001 for job in jobs)
    assert len(jobs) == 5


def test_a_time_that_is_none_is_refused(project: Project) -> None:
    with pytest.raises(ControlError, match="latency -1"):
        set_latency(project.api_endpoint, -1)
