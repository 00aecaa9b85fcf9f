"""A dry run reports what a real run would do, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.singer import INTEGER, STRING, activate, record, schema

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})
NEW = schema("new_stream", {"id": INTEGER})
COUNTS = ("rows_inserted", "rows_updated", "rows_deleted", "rows_restored", "rows_unchanged")
STATE = {"type": "STATE", "value": {"bookmarks": {"jobs": 1}}}


def counts(project: Project, stream: str) -> list[tuple[object, ...]]:
    return [(row["status"], *(row[name] for name in COUNTS)) for row in project.log(stream)]


def snapshot(version: int, rows: dict[int, str]) -> list[dict[str, object]]:
    records = [record("jobs", {"id": key, "name": name}, version) for key, name in rows.items()]
    return [JOBS, *records, activate("jobs", version)]


def test_it_counts_on_a_clone_and_leaves_the_table_and_the_state_alone(target: TargetRunner, project: Project) -> None:
    # A table that another program created: it lacks our columns.
    project.client.create_dataset(project.bronze)
    project.query(f"CREATE TABLE `{project.bronze}.jobs` (id INT64, name STRING)")
    project.query(f"INSERT INTO `{project.bronze}.jobs` VALUES (1, 'same'), (2, 'old'), (3, 'gone')")
    before = project.rows("jobs")

    messages = [*snapshot(1, {1: "same", 2: "new", 4: "more"}), NEW, record("new_stream", {"id": 1}), STATE]
    options = {"adopt_tables": ["jobs"], "live_views": True, "history": ["*"], "on_invalid_record": "quarantine"}
    dry = target(*messages, dry_run=True, **options)

    assert dry.code == 0, dry.log
    assert "dry run: jobs: read 3, inserted 1, updated 1, deleted 0, restored 0, unchanged 1" in dry.log
    assert dry.states == []
    assert project.rows("jobs") == before
    assert project.tables("bronze") == ["jobs"]
    assert project.tables("staging") == []
    assert counts(project, "jobs") == [("dry_run", 1, 1, 0, 0, 1)]
    assert counts(project, "new_stream") == [("dry_run", 1, 0, 0, 0, 0)]

    real = target(*messages, **options)
    assert real.code == 0, real.log
    assert len(real.states) == 1
    assert counts(project, "jobs")[1:] == [("success", 1, 1, 0, 0, 1)]
    assert project.operations("jobs") == {1: "INSERT", 2: "UPDATE", 3: "INSERT", 4: "INSERT"}


def test_what_would_go_wrong_is_said(target: TargetRunner, project: Project) -> None:
    assert target(*snapshot(1, dict.fromkeys(range(10), "x"))).code == 0
    dry = target(*snapshot(2, {1: "x"}), dry_run=True, max_delete_rows=3)
    assert dry.code == 1
    assert "max_delete_rows" in dry.log
    assert [row["status"] for row in project.log("jobs")] == ["success", "dry_run_deletes_refused"]
    assert set(project.operations("jobs").values()) == {"INSERT"}
