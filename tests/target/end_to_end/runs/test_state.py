"""What STATE says after a run: nothing that the tables do not have, and no less than before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.singer import INTEGER, STRING, activate, lines, record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

JOBS, CREWS = schema("jobs", {"id": INTEGER, "name": STRING}), schema("crews", {"id": INTEGER, "name": STRING})
KEYLESS = schema("jobs", {"id": INTEGER, "name": STRING}, key=())


def row(stream: str, number: object, version: int | None = None) -> dict[str, Any]:
    return record(stream, {"id": number, "name": "any"}, version)


def at(**bookmarks: object) -> dict[str, Any]:
    return state({"bookmarks": bookmarks})


BAD = row("crews", {})


@pytest.mark.parametrize("interval", [1, 1000], ids=["early-merges", "one-merge"])
def test_a_failed_stream_without_a_bookmark_holds_back_all(interval: int, target: TargetRunner) -> None:
    target(JOBS, row("jobs", 1), CREWS)
    start = at(jobs={"id": 1}, crews={})

    result = target(start, JOBS, CREWS, BAD, row("jobs", 2), at(jobs={"id": 2}, crews={}), merge_interval_rows=interval)

    assert result.code == 1
    assert result.states == [start["value"]]
    # With a bookmark of its own it holds back only that.
    own = [at(jobs={"id": 1}, crews={"id": 1}), JOBS, CREWS, BAD, row("jobs", 2), at(jobs={"id": 2}, crews={"id": 2})]
    result = target(*own, merge_interval_rows=interval)
    assert result.states[-1] == at(jobs={"id": 2}, crews={"id": 1})["value"]


@pytest.mark.parametrize("later", [at(jobs={"id": 2}), at(jobs={"id": 2}, crews={"id": 9})], ids=["dropped", "moved"])
def test_the_old_bookmark_of_a_stream_that_fails_stays(
    later: dict[str, Any], target: TargetRunner, project: Project
) -> None:
    target(JOBS, CREWS, row("crews", 1))
    old = at(jobs={"id": 1}, crews={"id": 1}, others={"id": 1})

    # The tap has written STATE without crews before it came to crews.
    result = target(old, JOBS, row("jobs", 2), later, CREWS, BAD, at(jobs={"id": 2}, crews={"id": 9}))

    assert result.code == 1
    assert project.operations("jobs") == {2: "INSERT"}
    assert result.states[-1]["bookmarks"]["crews"] == {"id": 1}
    assert result.states[-1]["bookmarks"]["jobs"] == {"id": 2}
    assert result.states[-1]["bookmarks"]["others"] == {"id": 1}


def test_a_stream_that_is_not_in_the_run_keeps_its_bookmark(target: TargetRunner) -> None:
    result = target(JOBS, row("jobs", 1), at(crews={"id": 1}), JOBS, at(jobs={"id": 2}))
    assert result.code == 0
    assert result.states[-1] == at(jobs={"id": 2}, crews={"id": 1})["value"]


def test_a_state_of_a_tap_without_bookmarks_waits_for_all(target: TargetRunner) -> None:
    old, new = state({"jobs": "2024-01-01"}), state({"jobs": "2024-02-01", "crews": "2024-02-01"})
    failed = target(old, JOBS, row("jobs", 1), CREWS, BAD, new, merge_interval_rows=1)
    assert (failed.code, failed.states) == (1, [old["value"]])
    done = target(old, JOBS, row("jobs", 1), CREWS, row("crews", 1), new)
    assert (done.code, done.states) == (0, [new["value"]])


@pytest.mark.parametrize("interval", [1, 1000], ids=["early-merges", "one-merge"])
def test_a_stream_with_two_tables_waits_for_both(interval: int, target: TargetRunner, project: Project) -> None:
    target(CREWS, row("crews", 1))
    project.query(f"CREATE VIEW `{project.name}.bronze.copy` AS SELECT 1 AS id")  # no table: the second cannot land
    rows = [row("jobs", 1), at(jobs={"id": 1}), row("jobs", 2), at(jobs={"id": 2})]

    result = target(JOBS, *rows, stream_maps={"jobs": {}, "copy": {"__source__": "jobs"}}, merge_interval_rows=interval)

    assert result.code == 1
    assert project.operations("jobs").keys() == {1, 2}
    assert result.states == []


def test_an_early_merge_of_one_table_does_not_let_out_what_the_other_has_yet_to_take(
    target: TargetRunner, project: Project
) -> None:
    rows = [row("jobs", 1), at(jobs={"id": 1}), row("jobs", 2), at(jobs={"id": 2})]

    result = target(
        *[JOBS, *rows, BAD],
        stream_maps={"jobs": {}, "copy": {"__source__": "jobs", "id": "id if id < 2 else 'none'"}},
        merge_interval_rows=1,
    )

    assert result.code == 1
    assert result.states in ([], [at(jobs={"id": 1})["value"]])
    assert 2 not in project.rows("copy")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("version", [None, 1])
def test_a_stream_is_not_merged_by_half_and_replaced_by_half(
    reverse: bool,  # noqa: FBT001 - a parameter of the test
    version: int | None,
    target: TargetRunner,
    project: Project,
) -> None:
    first, second = (JOBS, KEYLESS) if reverse else (KEYLESS, JOBS)
    end = [activate("jobs", 1)] if version else []

    result = target(
        *[first, row("jobs", 1, version), second, row("jobs", 2, version), *end, at(jobs={"id": 2})],
        keyless_streams="replace",
    )

    assert result.code == 1
    assert "jobs: one of its SCHEMA messages has a key and another has none" in result.errors[0]
    assert project.tables("bronze") == []
    assert result.states == []
    # Where nothing came with the first, there is nothing to be divided.
    assert target(first, second, row("jobs", 2, version), *end, keyless_streams="replace").code == 0


def test_rows_without_a_key_are_appended_once(target: TargetRunner, project: Project) -> None:
    other = schema("jobs", {"id": INTEGER, "name": STRING, "note": STRING}, key=())

    result = target(KEYLESS, row("jobs", 1, 1), other, row("jobs", 2, 1), activate("jobs", 1))

    assert result.code == 0, result.log
    assert sorted(found["id"] for found in project.query(f"SELECT id FROM `{project.name}.bronze.jobs`")) == [1, 2]


@pytest.mark.parametrize("text", ["null", "[1.50]"])
@pytest.mark.parametrize("interval", [1, 1000], ids=["early-merges", "one-merge"])
def test_a_state_goes_out_as_it_is_whatever_it_is(
    text: str, interval: int, target: TargetRunner, capfd: pytest.CaptureFixture[str]
) -> None:
    source = target.folder / "input.singer"
    last = b'{"type":"STATE","value":%b}' % text.encode()
    source.write_bytes(lines([JOBS, row("jobs", 1), at(jobs={"id": 1}), row("jobs", 2), last]))
    capfd.readouterr()
    assert target.run(source, merge_interval_rows=interval) == 0
    assert capfd.readouterr().out.splitlines()[-1] == text


@pytest.mark.parametrize("value", [None, {"bookmarks": [1]}])
def test_a_state_that_cannot_be_divided_waits_for_every_stream(value: object, target: TargetRunner) -> None:
    start = at(jobs={"id": 1}, crews={"id": 1})
    target(CREWS, row("crews", 1), JOBS, row("jobs", 1))
    message: dict[str, Any] = {"type": "STATE", "value": value}

    result = target(start, JOBS, CREWS, BAD, row("jobs", 2), message)

    assert result.code == 1
    assert result.states == [start["value"]]


def test_numbers_in_a_state_go_out_with_every_digit_that_they_came_with(
    target: TargetRunner, capfd: pytest.CaptureFixture[str]
) -> None:
    numbers = f"9007199254740993.50,1E400,1e-99999999999999999999,{'7' * 5000},123456789012345678901234567890"
    text = f'{{"bookmarks":{{"jobs":{{"max":[{numbers}]}}}}}}'
    state_message = f'{{"type":"STATE","value":{text}}}'.encode()
    source = target.folder / "input.singer"
    source.write_bytes(lines([JOBS, row("jobs", 1), state_message]))
    capfd.readouterr()
    assert target.run(source) == 0
    assert capfd.readouterr().out == f"{text}\n"
