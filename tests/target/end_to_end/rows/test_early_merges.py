"""Rows that are merged before the end of their stream: what STATE says then, and what a snapshot still knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import Proxy, Trap
from support.singer import DECIMAL, INTEGER, STRING, activate, record, schema, state
from target_bigquery_softdelete.load import stream_load
from target_bigquery_softdelete.run.checkpoints import Checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner
    from target_bigquery_softdelete.sink import BigQuerySoftDeleteSink

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})


def job(number: int, version: int | None = None, name: str = "same") -> dict[str, Any]:
    return record("jobs", {"id": number, "name": name}, version)


def jobs(numbers: Iterable[int], version: int | None = None) -> list[dict[str, Any]]:
    return [job(number, version) for number in numbers]


def at(page: object) -> dict[str, Any]:
    """Return a STATE message that says how far the tap has come."""
    return state({"bookmarks": {"jobs": {"continue_from": page}}})


def snapshot(numbers: Iterable[int]) -> list[dict[str, Any]]:
    return [JOBS, *jobs(numbers, 1), activate("jobs", 1)]


def times(project: Project) -> set[object]:
    """Return when the rows were written: one time for each MERGE that wrote some that are as it left them."""
    return {row["_etl_synced"] for row in project.rows("jobs").values()}


def test_a_snapshot_whose_bookmark_moves_is_merged_on_the_way(target: TargetRunner, project: Project) -> None:
    pages = [*jobs(range(3), 1), at(1), *jobs(range(3, 6), 1), at(2), *jobs(range(6, 8), 1)]

    result = target(JOBS, *pages, merge_interval_rows=3)

    assert result.code == 0, result.log
    # Page 1 is written with the records that followed it; page 2 at the end.
    assert result.states == [at(1)["value"], at(2)["value"]]
    assert len(times(project)) == 2
    assert set(project.operations("jobs").values()) == {"INSERT"}


def test_at_the_end_of_such_a_snapshot_every_key_of_it_was_present(target: TargetRunner, project: Project) -> None:
    target(*snapshot(range(10)))
    before = project.rows("jobs")
    pages = [*jobs([0, 1, 2], 2), at(1), job(3, 2), job(4, 2), job(2, 2, "changed"), at(2), *jobs([5, 20], 2), at(3)]

    result = target(JOBS, *pages, activate("jobs", 2), merge_interval_rows=3)

    assert result.code == 0, result.log
    assert result.states == [at(1)["value"], at(3)["value"]]
    after = project.rows("jobs")
    changed = {key: row["_etl_operation"] for key, row in after.items() if row != before.get(key)}
    assert changed == {2: "UPDATE", 6: "DELETE", 7: "DELETE", 8: "DELETE", 9: "DELETE", 20: "INSERT"}
    assert after[2]["_etl_synced"] < after[20]["_etl_synced"]
    assert project.tables("staging") == []


def test_it_may_end_with_nothing_left_to_merge(target: TargetRunner, project: Project) -> None:
    target(*snapshot(range(5)))

    result = target(JOBS, job(0, 2), at(1), job(1, 2), activate("jobs", 2), merge_interval_rows=2)

    assert result.code == 0, result.log
    assert project.operations("jobs") == {0: "INSERT", 1: "INSERT", 2: "DELETE", 3: "DELETE", 4: "DELETE"}


@pytest.mark.parametrize("before", [[], [at(1)]], ids=["no-bookmark", "bookmark"])
def test_a_snapshot_whose_bookmark_stands_still_is_one_merge(
    before: list[dict[str, Any]], target: TargetRunner, project: Project
) -> None:
    other = state({"bookmarks": {**(before[0]["value"]["bookmarks"] if before else {}), "crews": {"page": 1}}})
    pages = [*jobs(range(3), 1), other, *jobs(range(3, 6), 1), other, *jobs(range(6, 9), 1)]

    result = target(*before, JOBS, *pages, activate("jobs", 1), at(2), merge_interval_rows=1)

    assert result.code == 0, result.log
    assert len(times(project)) == 1


def test_an_activated_snapshot_waits_for_the_end(target: TargetRunner, project: Project) -> None:
    target(*snapshot(range(3)))

    result = target(JOBS, job(0, 2), at(1), activate("jobs", 2), job(7, 3), job(8, 3), merge_interval_rows=1)

    assert result.code == 0, result.log
    assert project.operations("jobs") == {0: "INSERT", 1: "DELETE", 2: "DELETE", 7: "INSERT", 8: "INSERT"}
    rows = project.rows("jobs")
    assert rows[1]["_etl_synced"] == rows[7]["_etl_synced"]


def test_the_merges_of_a_long_snapshot_become_rarer(
    target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_load, "LEAST_GROWTH", 1)
    pages = [message for number in range(32) for message in (job(number, 1), at(number))]

    result = target(JOBS, *pages, activate("jobs", 1), merge_interval_rows=1)

    assert result.code == 0, result.log
    # 2 rows, because the first one comes before its STATE, then as many as there are: 2, 4, 8, 16. And the last.
    assert len(times(project)) == 5
    assert result.states[-1] == at(31)["value"]


@pytest.mark.parametrize("interval", [2, 1000], ids=["merged-between", "not-merged-between"])
def test_a_snapshot_after_changes_is_complete_and_they_are_not_part_of_it(
    interval: int, target: TargetRunner, project: Project
) -> None:
    target(*snapshot(range(4)))
    before = project.rows("jobs")
    changes = [job(1, name="changed"), job(2, name="changed"), job(8, name="new"), at(1)]

    result = target(
        *[JOBS, *changes, job(1, 2, "changed"), job(0, 2), job(9, 2), activate("jobs", 2), at(2)],
        merge_interval_rows=interval,
    )

    assert result.code == 0, result.log
    assert "no row was marked deleted" not in result.log
    after = project.rows("jobs")
    assert after[0] == before[0]
    # Row 2 changed, and row 8 came, but they were gone when everything was read.
    assert {key: row["_etl_operation"] for key, row in after.items()} == {
        0: "INSERT",
        1: "UPDATE",
        2: "DELETE",
        3: "DELETE",
        8: "DELETE",
        9: "INSERT",
    }
    assert [after[2]["name"], after[8]["name"]] == ["changed", "new"]
    assert result.states[-1] == at(2)["value"]
    assert project.tables("staging") == []


def test_state_waits_for_records_that_need_a_wider_column(target: TargetRunner, project: Project) -> None:
    priced = schema("jobs", {"id": INTEGER, "price": DECIMAL, "notes": STRING})
    numbers = range(40)
    wide: list[dict[str, Any] | bytes] = [
        b'{"type":"RECORD","stream":"jobs","record":{"id":%d,"price":0.12345678901234,"notes":"%s"}}'
        % (number, b"x" * 2000)
        for number in numbers
    ]
    bad: dict[str, Any] = record("jobs", {"id": {}})

    # The table of the second map, without the prices, is merged when it has 40 rows. The first has converted its block
    # by then, and begun another staging table for it.
    result = target(
        *[priced, *wide, at(1), bad],
        stream_maps={"jobs": {}, "narrow": {"__source__": "jobs", "price": None}},
        block_bytes=65536,
        merge_interval_rows=len(numbers),
    )

    assert result.code == 1
    assert result.states == [at(1)["value"]]
    assert set(project.rows("narrow")) == set(project.rows("jobs")) == set(numbers)


def test_rows_that_are_merged_on_the_way_are_counted_once(target: TargetRunner, project: Project) -> None:
    target(*snapshot(range(7)))
    bad = record("jobs", {"id": 5, "name": []}, 2)
    pages = [job(0, 2), at(1), *jobs(range(1, 5), 2), bad, activate("jobs", 2)]

    result = target(JOBS, *pages, merge_interval_rows=2, on_invalid_record="quarantine")

    assert result.code == 0, result.log
    log = project.log("jobs")[-1]
    assert (log["rows_unchanged"], log["rows_deleted"], log["rows_rejected"]) == (5, 1, 1)
    assert project.operations("jobs")[6] == "DELETE"


def test_a_staging_table_that_cannot_be_removed_harms_no_stream(target: TargetRunner, project: Project) -> None:
    keyless = schema("logs", {"id": INTEGER}, key=())
    logs = [keyless, record("logs", {"id": 1}), record("logs", {"id": 2})]
    with Proxy(project.api_endpoint) as proxy:
        proxy.trap(Trap(b"/tables/jobs__", "fail", times=1000, status=403, reason="accessDenied"))
        proxy.trap(Trap(b"/tables/logs__", "fail", times=1000, status=403, reason="accessDenied"))

        result = target(
            *(JOBS, *jobs(range(2)), *logs, at(2)), merge_interval_rows=1, inline_bytes=0, api_endpoint=proxy.url
        )

    assert (result.code, result.states[-1]) == (0, at(2)["value"]), result.log
    assert result.log.count("cannot remove the staging table") >= 2
    assert project.operations("jobs") == dict.fromkeys(range(2), "INSERT")
    assert sorted(row["id"] for row in project.query(f"SELECT id FROM `{project.bronze}.logs`")) == [1, 2]


def test_failed_streams_take_no_memory_from_the_others(
    target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffered = []
    enforce_limits = Checkpoints.enforce_limits

    def watch(self: Checkpoints, sink: BigQuerySoftDeleteSink) -> None:
        enforce_limits(self, sink)
        buffered.append((sink.stream_name, sink.buffered_bytes))

    monkeypatch.setattr(Checkpoints, "enforce_limits", watch)
    names = [f"bad{i}" for i in range(5)]
    bad = [
        message
        for name in names
        for message in (schema(name, {"id": INTEGER}), record(name, {"id": "x", "text": "y" * (1 << 16)}))
    ]

    result = target(*bad, JOBS, job(1), block_bytes=1 << 16)

    assert result.code == 1
    assert project.operations("jobs") == {1: "INSERT"}
    assert dict(buffered) == {**dict.fromkeys(names, 0), "jobs": len(b'{"id": 1, "name": "same"}\n')}
