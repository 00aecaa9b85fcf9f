"""The view of live rows follows its table. Anything else with its name is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.singer import INTEGER, STRING, activate, record, schema

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})
LIVE = {"live_views": True}


def test_the_view_has_the_live_rows_and_follows_the_columns(target: TargetRunner, project: Project) -> None:
    target(JOBS, *(record("jobs", {"id": number, "name": "a"}, 1) for number in (1, 2)), activate("jobs", 1), **LIVE)
    assert set(project.rows("jobs_live")) == {1, 2}
    before = project.client.get_table(f"{project.bronze}.jobs_live").created

    target(JOBS, record("jobs", {"id": 2, "name": "b"}, 2), activate("jobs", 2), **LIVE)
    assert project.client.get_table(f"{project.bronze}.jobs_live").created == before
    (row,) = project.rows("jobs_live").values()
    assert row == {"id": 2, "name": "b", "_etl_synced": project.rows("jobs")[2]["_etl_synced"]}

    more = schema("jobs", {"id": INTEGER, "name": STRING, "end": STRING})
    target(more, record("jobs", {"id": 2, "name": "b", "end": "x"}), **LIVE)
    assert project.rows("jobs_live")[2]["end"] == "x"


def test_what_another_program_made_is_left_alone(target: TargetRunner, project: Project) -> None:
    project.client.create_dataset(project.bronze)
    project.query(f"CREATE VIEW `{project.bronze}.jobs_live` AS SELECT 7 AS id")

    result = target(JOBS, record("jobs", {"id": 1}), **LIVE)

    assert result.code == 1
    assert f"{project.bronze}.jobs_live` is not a view that this target wrote" in result.errors[0]
    assert project.rows("jobs_live") == {7: {"id": 7}}

    result = target(JOBS, schema("jobs_live", {"id": INTEGER}), **LIVE)
    assert "jobs_live: it needs the name `jobs_live` for a table, and so does the stream `jobs`" in result.errors[0]
