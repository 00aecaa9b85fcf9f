"""A stream is a success only if the tap said that it read it to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.singer import record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

FIELDS = {"id": {"type": "integer"}}


def telling(stream: str) -> dict[str, Any]:
    message = schema(stream, FIELDS)
    message["schema"]["x-tells-end"] = True
    return message


def end(**streams: dict[str, str]) -> dict[str, Any]:
    return {**state({"bookmarks": {}}), "x-read": streams}


def statuses(project: Project) -> dict[str, tuple[str, str | None]]:
    rows = project.query(f"SELECT stream, status, error FROM `{project.name}.management.etl_logs`")
    return {row["stream"]: (row["status"], row["error"]) for row in rows}


def test_the_log_says_what_the_tap_said(target: TargetRunner, project: Project) -> None:
    result = target(
        *(telling(stream) for stream in ("jobs", "calls", "leads", "forms")),
        record("jobs", {"id": 1}),
        record("forms", {"id": 1}),
        end(jobs={"status": "complete"}),
        end(calls={"status": "skipped", "reason": "HTTP 403"}, leads={"status": "failed", "reason": "HTTP 503"}),
        end(reports={"status": "failed", "reason": "HTTP 500"}),
    )
    assert result.code == 0
    found = statuses(project)
    silence = found.pop("forms")
    assert found == {
        "jobs": ("success", None),
        "calls": ("skipped", "HTTP 403"),
        "leads": ("failed", "HTTP 503"),
        "reports": ("failed", "HTTP 500"),
    }
    assert silence[0] == "incomplete"
    assert "calls: read 0" in result.log
    assert "skipped: HTTP 403" in result.log


def test_a_tap_that_ends_in_the_middle_is_no_success(target: TargetRunner, project: Project) -> None:
    assert target(schema("jobs", FIELDS), record("jobs", {"id": 1})).code == 0
    assert statuses(project)["jobs"][0] == "incomplete"
    assert target(schema("jobs", FIELDS), record("jobs", {"id": 1}), b'{"type": "STA').code == 1


def test_the_view_of_the_freshness(target: TargetRunner, project: Project) -> None:
    read = (telling("jobs"), record("jobs", {"id": 1}), end(jobs={"status": "complete"}))
    target(*read)
    target(telling("jobs"), end(jobs={"status": "skipped", "reason": "HTTP 403"}))
    target(*read, dry_run=True)
    view = f"SELECT * FROM `{project.name}.management.freshness`"
    [row] = project.query(view)
    [first, *_] = project.log("jobs")
    assert (row["stream"], row["status"], row["reason"]) == ("jobs", "skipped", "HTTP 403")
    assert row["last_complete"] == first["ended"] < row["last_run"]
    assert row["lag_minutes"] == 0
    assert row["rows_read"] == 0


def test_what_others_made_with_the_name_of_the_view_stays(target: TargetRunner, project: Project) -> None:
    project.client.create_dataset("management")
    project.query(f"CREATE VIEW `{project.name}.management.freshness` AS SELECT 1 AS n")
    result = target(schema("jobs", FIELDS), record("jobs", {"id": 1}), state({}))
    assert result.code == 0
    assert "freshness` is not a view that this target wrote" in result.log
    assert project.query(f"SELECT * FROM `{project.name}.management.freshness`") == [{"n": 1}]
