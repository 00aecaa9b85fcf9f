"""Every version of a row is in the history once, without a gap, wherever a run was killed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import Proxy, Trap
from support.singer import INTEGER, STRING, activate, record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

TAGS = {"type": "array", "items": STRING}
JOBS = schema("jobs", {"id": INTEGER, "name": STRING, "tags": TAGS})
STATE = {"bookmarks": {"jobs": 1}}
HISTORY = {"history": ["jobs"]}


def snapshot(version: int, *, schema_: dict[str, Any] = JOBS, **names: str) -> list[dict[str, Any]]:
    """Return a complete snapshot of jobs: `job_1="name"` and so on."""
    records = [
        record("jobs", {"id": int(key[4:]), "name": name, "tags": [name]}, version) for key, name in names.items()
    ]
    return [schema_, *records, activate("jobs", version), state(STATE)]


def history(project: Project) -> dict[int, list[tuple[str, str]]]:
    """Return name and operation of each version, oldest first, after a check that they leave no gap."""
    rows = project.query(f"SELECT * FROM `{project.bronze}.jobs_history` ORDER BY id, _valid_from")
    table = project.rows("jobs")
    found: dict[int, list[tuple[str, str]]] = {}
    for key, group in itertools.groupby(rows, lambda row: row["id"]):
        versions = list(group)
        for one, after in itertools.pairwise(versions):
            assert one["_valid_from"] < one["_valid_to"] == after["_valid_from"]
        last = versions[-1]
        assert last.pop("_valid_to") is None
        assert last.pop("_valid_from") == last["_etl_synced"]
        assert last == table.pop(key)
        found[key] = [(version["name"], version["_etl_operation"]) for version in versions]
    assert not table, "rows without a history"
    return found


def test_the_history_has_every_version_once(target: TargetRunner, project: Project) -> None:
    target(*snapshot(1, job_1="a", job_2="a", job_3="a"))  # before there was a history
    target(*snapshot(2, job_1="b", job_2="a", job_4="a"), **HISTORY)
    assert history(project) == {
        1: [("a", "INSERT"), ("b", "UPDATE")],
        2: [("a", "INSERT")],
        3: [("a", "INSERT"), ("a", "DELETE")],
        4: [("a", "INSERT")],
    }

    # The same again, then without the history, then a wider type and a new column, with rows that come back.
    target(*snapshot(3, job_1="b", job_2="a", job_4="a"), **HISTORY)
    target(*snapshot(4, job_1="b", job_2="a", job_4="b"))
    more = schema("jobs", {"id": {"type": "number"}, "name": STRING, "tags": TAGS, "note": STRING})
    result = target(*snapshot(5, schema_=more, job_1="b", job_2="c", job_3="c", job_4="b"), history=["*"])
    assert result.code == 0, result.log
    assert history(project) == {
        1: [("a", "INSERT"), ("b", "UPDATE")],
        2: [("a", "INSERT"), ("c", "UPDATE")],
        3: [("a", "INSERT"), ("a", "DELETE"), ("c", "UPDATE")],
        4: [("a", "INSERT"), ("b", "UPDATE")],
    }

    # An empty snapshot that is allowed to delete everything.
    target(JOBS, activate("jobs", 6), **HISTORY, allow_mass_delete=True)
    assert {key: versions[-1] for key, versions in history(project).items()} == {
        1: ("b", "DELETE"), 2: ("c", "DELETE"), 3: ("c", "DELETE"), 4: ("b", "DELETE"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "trap",
    [
        pytest.param(Trap(b"-merge-jobs-", "hold after"), id="after-merge"),
        pytest.param(Trap(b"-history-jobs-", "hold after"), id="after-history"),
    ],
)
def test_a_kill_leaves_no_gap_and_nothing_twice(trap: Trap, target: TargetRunner, project: Project) -> None:
    target(*snapshot(1, job_1="a", job_2="a"), **HISTORY)
    with Proxy(project.api_endpoint) as proxy:
        target.kill_at(trap, proxy, snapshot(2, job_1="b", job_3="a"), **HISTORY)

    # Meanwhile the source has changed again.
    result = target(*snapshot(3, job_1="c", job_2="a"), **HISTORY)

    assert result.states == [STATE]
    assert history(project) == {
        1: [("a", "INSERT"), ("b", "UPDATE"), ("c", "UPDATE")],
        2: [("a", "INSERT"), ("a", "DELETE"), ("a", "UPDATE")],
        3: [("a", "INSERT"), ("a", "DELETE")],
    }


def test_a_history_costs_a_statement_where_rows_change_and_else_none(target: TargetRunner, project: Project) -> None:
    target(*snapshot(1, job_1="a", job_2="a"), **HISTORY)
    costs = []
    for version, name in ((2, "a"), (3, "b"), (4, "b")):
        if version == 4:  # as if a crash had come after the MERGE
            project.query(f"DELETE FROM `{project.bronze}.jobs_history` WHERE name = 'b'")
        with Proxy(project.api_endpoint) as proxy:
            target(*snapshot(version, job_1="a", job_2=name), **HISTORY, api_endpoint=proxy.url)
        costs.append(sum(b"-history-jobs-" in request.body for request in proxy.requests))

    assert costs == [0, 1, 1]
    assert history(project)[2][-1] == ("b", "UPDATE")


def test_a_history_takes_no_other_table(target: TargetRunner, project: Project) -> None:
    other = schema("jobs_history", {"id": INTEGER})
    for first, second in ((JOBS, other), (other, JOBS)):
        name = f"begins_with_{first['stream']}"
        result = target(first, second, dataset=project.dataset(name), **HISTORY)
        assert (result.code, len(result.errors)) == (1, 1)
        assert result.errors[0].startswith(f"{second['stream']}: ")
        assert "`jobs_history`" in result.errors[0]
        assert "__alias__" in result.errors[0]
        assert project.tables(name) == [first["stream"]]
    keyless = target(schema("jobs", {"id": INTEGER}, key=()), **HISTORY)
    assert "`jobs` has no key" in keyless.errors[0]
    assert project.tables("bronze") == []

    target(other, record("jobs_history", {"id": 7}))
    before = project.rows("jobs_history")
    result = target(*snapshot(1, job_1="a"), **HISTORY)
    assert (result.code, result.states) == (1, [])
    assert "is not a history that this target wrote" in result.errors[0]
    assert project.rows("jobs_history") == before


def as_of(project: Project, moment: str) -> dict[int, str]:
    """Return the names of the live rows as they were at a time, by key."""
    rows = project.query(f"SELECT * FROM `{project.bronze}.jobs_as_of`({moment})")
    return {row["id"]: row["name"] for row in rows}


def test_a_function_shows_the_table_as_it_was(target: TargetRunner, project: Project) -> None:
    target(*snapshot(1, job_1="a", job_2="a"), **HISTORY)
    first = project.rows("jobs")[1]["_etl_synced"]
    target(*snapshot(2, job_1="b", job_3="c"), **HISTORY)
    second = project.rows("jobs")[1]["_etl_synced"]

    assert as_of(project, f"TIMESTAMP '{first}'") == {1: "a", 2: "a"}
    assert as_of(project, f"TIMESTAMP '{second}'") == as_of(project, "CURRENT_TIMESTAMP()") == {1: "b", 3: "c"}
    assert as_of(project, "TIMESTAMP '2000-01-01'") == {}

    more = schema("jobs", {"id": INTEGER, "name": STRING, "tags": TAGS, "end": STRING})
    target(*snapshot(3, schema_=more, job_1="d"), **HISTORY)
    (row,) = project.query(f"SELECT * FROM `{project.bronze}.jobs_as_of`(CURRENT_TIMESTAMP())")
    assert row == {"id": 1, "name": "d", "tags": ["d"], "end": None, "_etl_synced": row["_etl_synced"]}


def test_a_function_of_somebody_else_stays(target: TargetRunner, project: Project) -> None:
    project.client.create_dataset(project.bronze)
    project.query(f"CREATE TABLE FUNCTION `{project.bronze}.jobs_as_of`(at TIMESTAMP) AS SELECT 7 AS id, 'x' AS name")
    result = target(*snapshot(1, job_1="a"), **HISTORY)
    assert result.code == 0
    assert "jobs_as_of` is not a function that this target wrote, so it stays" in result.log
    assert as_of(project, "CURRENT_TIMESTAMP()") == {7: "x"}
