"""The target makes only calls that Google documents, with the parameters and fields that they have.

The local BigQuery ignores what it does not know. `make rehearse-bigquery` checks all calls of many more tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.real_bigquery.discovery import Discovery
from support.real_bigquery.gateway import Gateway
from support.singer import DECIMAL, INTEGER, STRING, TIMESTAMP, activate, record, schema

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

EVERYTHING: dict[str, Any] = {
    "history": ["*"],
    "labels": {"team": "data"},
    "live_views": True,
    "on_concurrent_run": "refuse",
    "on_invalid_record": "quarantine",
    "partition_by": {"jobs": "started:month"},
    "tenant_id": "1001",
}


def test_every_call_is_one_that_google_documents(target: TargetRunner, project: Project) -> None:
    columns = {"id": INTEGER, "started": TIMESTAMP, "name": STRING}
    jobs = schema("jobs", {**columns, "size": INTEGER})
    wider = schema("jobs", {**columns, "size": DECIMAL, "notes": STRING})

    def snapshot(stream: dict[str, Any], version: int, *keys: int) -> list[dict[str, Any]]:
        good = [record("jobs", {"id": key, "name": str(version)}, version) for key in keys]
        return [stream, *good, record("jobs", {"id": 9, "name": []}, version), activate("jobs", version)]

    with Gateway(project.api_endpoint, Discovery.of_bigquery()) as gateway:
        results = [
            target(*messages, **EVERYTHING, **options, api_endpoint=gateway.url)
            for messages, options in (
                (snapshot(jobs, 1, 1, 2, 3), {}),
                (snapshot(jobs, 2, 1, 2), {"dry_run": True}),
                (snapshot(wider, 2, 1, 2), {}),
            )
        ]
        asked = set(gateway.seconds)

    assert [result.code for result in results] == [0, 0, 0], results[-1].log
    assert project.operations("jobs") == {1: "UPDATE", 2: "UPDATE", 3: "DELETE"}
    assert gateway.mistakes == []
    documented = (
        "datasets.insert",
        "jobs.insert",
        "jobs.query",
        "tables.delete",
        "tables.get",
        "tables.insert",
        "tables.patch",
    )
    assert {f"bigquery.{method}" for method in documented} <= asked
