"""Asks how long calls and jobs take. Nothing is expected of it: what was measured is told."""

from __future__ import annotations

import io
import statistics
import time
from typing import TYPE_CHECKING

import pytest
from google.cloud import bigquery

if TYPE_CHECKING:
    from support.real_bigquery.probe import Probe

pytestmark = [pytest.mark.bigquery, pytest.mark.probe]

RUNS = 5
CALLS = 20
EXPECTED_SECONDS = {"LOAD": (3, 6), "SELECT": (1, 2), "UPDATE": (2.5, 5)}
"""From the insert of a job to its end."""


def test_time_of_jobs(probe: Probe) -> None:
    project = probe.project
    probe.make_dataset("bronze")
    table = f"{project.bronze}.jobs"
    jobs: dict[str, list[str]] = {"LOAD": [], "SELECT": [], "UPDATE": []}
    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON, schema=[bigquery.SchemaField("id", "INT64")]
    )
    for _ in range(RUNS):
        load = project.client.load_table_from_file(io.BytesIO(b'{"id": 1}\n'), table, job_config=config)
        load.result()
        jobs["LOAD"].append(load.job_id)
        for kind, sql in (
            ("SELECT", f"SELECT SUM(id) FROM `{table}`"),
            ("UPDATE", f"UPDATE `{table}` SET id = id + 1 WHERE TRUE"),
        ):
            jobs[kind].append(probe.run(sql, useQueryCache=False)["jobReference"]["jobId"])

    times, source = read_times(probe, [job_id for ids in jobs.values() for job_id in ids])

    medians = {kind: statistics.median(times[job_id] for job_id in ids) for kind, ids in jobs.items()}
    probe.tell(
        "time of jobs",
        confirmed=all(first <= medians[kind] <= last for kind, (first, last) in EXPECTED_SECONDS.items()),
        seen=", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in medians.items()) + f" (medians, from {source})",
    )


def read_times(probe: Probe, job_ids: list[str]) -> tuple[dict[str, float], str]:
    """Return how long jobs took from their creation to their end, in seconds, and where that is from."""
    region = f"region-{(probe.project.location or 'US').lower()}"
    ids = ", ".join(f"'{job_id}'" for job_id in job_ids)
    sql = (
        "SELECT job_id, TIMESTAMP_DIFF(end_time, creation_time, MILLISECOND) "
        f"FROM `{region}`.INFORMATION_SCHEMA.JOBS "
        f"WHERE creation_time > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) AND job_id IN ({ids}) "
        "AND end_time IS NOT NULL"
    )
    job = probe.wait(probe.submit(query={"query": sql, "useLegacySql": False, "useQueryCache": False}))
    if "errorResult" not in job["status"]:
        rows = {row[0]: float(row[1] or 0) / 1000 for row in probe.rows(job)}
        if rows.keys() >= set(job_ids):
            return {str(job_id): seconds for job_id, seconds in rows.items()}, "INFORMATION_SCHEMA.JOBS"
    return {job_id: seconds_of(probe, job_id) for job_id in job_ids}, "jobs.get"


def seconds_of(probe: Probe, job_id: str) -> float:
    """Return how long a job took from its creation to its end."""
    location = {"location": probe.project.location} if probe.project.location else {}
    told = probe.ask("GET", f"/jobs/{job_id}", parameters=location).value["statistics"]
    return (int(told["endTime"]) - int(told["creationTime"])) / 1000


def test_time_of_calls(probe: Probe) -> None:
    dataset = probe.make_dataset("bronze")
    seconds = []
    for _ in range(CALLS):
        started = time.monotonic()
        probe.ask("GET", dataset)
        seconds.append(time.monotonic() - started)

    median = statistics.median(seconds)
    probe.tell("time of calls", confirmed=0.15 <= median <= 0.4, seen=f"{median:.3f} s (median of {CALLS} reads)")
