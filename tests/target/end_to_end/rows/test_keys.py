"""Keys that a column cannot keep apart are refused, wherever they would fall together; and what says "deleted"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.singer import DECIMAL, INTEGER, STRING, TIMESTAMP, activate, record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

NUMBER = {"type": ["number", "null"]}
FAR = 2**53


def jobs(of: dict[str, Any]) -> dict[str, Any]:
    return schema("jobs", {"id": of, "name": STRING})


def job(key: object, name: str = "any", version: int | None = None) -> dict[str, Any]:
    return record("jobs", {"id": key, "name": name}, version)


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (NUMBER, (FAR, FAR + 1)),
        (NUMBER, (str(FAR), str(FAR + 1))),
        (TIMESTAMP, ("2024-05-06T07:08:09.1234560Z", "2024-05-06T07:08:09.1234561Z")),
    ],
    ids=["numbers", "texts", "times"],
)
def test_keys_that_fall_together_fail_their_stream(
    kind: dict[str, Any], keys: tuple[object, object], target: TargetRunner, project: Project
) -> None:
    result = target(jobs(kind), *map(job, keys), state({"bookmarks": {"jobs": 1}}))

    assert (result.code, result.states) == (1, [])
    (error,) = result.errors
    for part in ("jobs: record id=", "the key `id` would lose", "Declare it as"):
        assert part in error
    assert "jobs" not in project.tables("bronze")


def test_the_quarantine_takes_such_a_record_and_no_row_is_marked_for_it(target: TargetRunner, project: Project) -> None:
    target(jobs(NUMBER), job(FAR, "first"), job(1))

    messages = [jobs(NUMBER), job(1, version=2), job(FAR + 1, "other", version=2), activate("jobs", 2)]
    result = target(*messages, on_invalid_record="quarantine")

    assert result.code == 0, result.log
    assert {key: row["name"] for key, row in project.rows("jobs").items()} == {FAR: "first", 1: "any"}
    assert project.operations("jobs") == {FAR: "INSERT", 1: "INSERT"}


@pytest.mark.parametrize("before", [(INTEGER, NUMBER), (NUMBER, INTEGER)], ids=["table widens", "table is wider"])
def test_integers_that_a_float_column_cannot_keep_apart_are_not_merged(
    before: tuple[dict[str, Any], dict[str, Any]], target: TargetRunner, project: Project
) -> None:
    first, then = before
    far = FAR if first is NUMBER else FAR + 1
    target(jobs(first), job(far, "first"))
    rows = project.rows("jobs")

    result = target(jobs(then), job(FAR if then is NUMBER else FAR + 1, "second"))

    assert result.code == 1
    for part in ("jobs", "`id`", "would lose digits as FLOAT64", '`"format": "decimal"`'):
        assert part in result.errors[0]
    assert project.rows("jobs") == rows


def test_integers_that_a_float_column_keeps_are_merged(target: TargetRunner, project: Project) -> None:
    for number, kind in enumerate((INTEGER, NUMBER, INTEGER)):
        result = target(jobs(kind), job(1, "any"), job(FAR - number))
        assert result.code == 0, result.log

    assert sorted(project.rows("jobs")) == [1, FAR - 2, FAR - 1, FAR]


def key_of(project: Project, table: str) -> tuple[list[str], list[str], str]:
    """Return the primary key, the clustering, and the type of `id`."""
    found = project.client.get_table(f"{project.bronze}.{table}")
    constraints, kinds = found.table_constraints, {field.name: field.field_type for field in found.schema}
    key = list(constraints.primary_key.columns) if constraints and constraints.primary_key else []
    return key, list(found.clustering_fields or []), kinds["id"]


def test_a_key_becomes_wider_and_stays_the_key(target: TargetRunner, project: Project) -> None:
    for kind in (INTEGER, DECIMAL):
        result = target(jobs(kind), job(1, "first"), job(2), history=["*"])
        assert result.code == 0, result.log
    assert key_of(project, "jobs") == (["id"], ["id"], "NUMERIC")
    assert project.client.get_table(f"{project.bronze}.jobs").labels.get("rekeying") is None

    result = target(jobs(NUMBER), job(1.5), job(2, "second"), history=["*"])

    assert result.code == 0, result.log
    assert key_of(project, "jobs") == ([], [], "FLOAT")
    assert key_of(project, "jobs_history") == ([], [], "FLOAT")
    assert project.operations("jobs") == {1: "INSERT", 1.5: "INSERT", 2: "UPDATE"}


@pytest.mark.parametrize("done", ["label", "drop", "widen"])
def test_a_run_completes_the_change_of_a_key_that_another_began(
    done: str, target: TargetRunner, project: Project
) -> None:
    target(jobs(INTEGER), job(1))
    table = f"`{project.bronze}.jobs`"
    steps = {
        "label": f"ALTER TABLE {table} SET OPTIONS (labels = [('rekeying', 'true')])",
        "drop": f"ALTER TABLE {table} DROP PRIMARY KEY",
        "widen": f"ALTER TABLE {table} ALTER COLUMN id SET DATA TYPE NUMERIC",
    }
    for step in list(steps)[: list(steps).index(done) + 1]:
        project.query(steps[step])

    result = target(jobs(DECIMAL), job(1, "second"))

    assert result.code == 0, result.log
    assert key_of(project, "jobs") == (["id"], ["id"], "NUMERIC")
    assert "rekeying" not in project.client.get_table(f"{project.bronze}.jobs").labels
    assert project.operations("jobs") == {1: "UPDATE"}


def test_a_column_that_partitions_the_table_does_not_become_wider(target: TargetRunner, project: Project) -> None:
    target(jobs(INTEGER), job(1), partition_by={"jobs": "id:0:1000:10"})
    rows = project.rows("jobs")

    result = target(jobs(DECIMAL), job(1, "second"))

    assert result.code == 1
    (error,) = result.errors
    for part in ("jobs: the column `id` of", "would have to become NUMERIC", "that a table is partitioned by"):
        assert part in error
    assert project.rows("jobs") == rows
    assert key_of(project, "jobs") == (["id"], ["id"], "INTEGER")


def test_only_a_time_says_deleted(target: TargetRunner, project: Project) -> None:
    said = ["", " ", False, 0, None, "0001-01-01T00:00:00Z", "2024-05-06T07:08:09Z"]
    target(jobs(INTEGER), *(job(number) for number in range(len(said))))

    records = [record("jobs", {"id": number, "_sdc_deleted_at": value}) for number, value in enumerate(said)]
    result = target(jobs(INTEGER), *records)
    unclear = target(jobs(INTEGER), record("jobs", {"id": 0, "_sdc_deleted_at": True}))

    assert result.code == 0, result.log
    assert [key for key, what in project.operations("jobs").items() if what == "DELETE"] == [len(said) - 1]
    assert unclear.code == 1
    assert "jobs: record id=0: `_sdc_deleted_at` must be a date and time, or null, but is true or false." in unclear.log
    assert project.operations("jobs")[0] != "DELETE"
