"""A version that an earlier run began, or that comes again without a record, is no snapshot and no error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import Proxy
from support.singer import INTEGER, STRING, activate, lines, record, schema, state
from target_bigquery_softdelete.load.stream_load import MOST_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner

ITEMS = schema("items", {"id": INTEGER, "name": STRING})


def items(numbers: Iterable[int], version: int | None = None, name: str = "same") -> list[dict[str, Any]]:
    return [record("items", {"id": number, "name": name}, version) for number in numbers]


def at(**bookmark: object) -> dict[str, Any]:
    return state({"bookmarks": {"items": bookmark}})


def live(project: Project) -> set[int]:
    return {key for key, what in project.operations("items").items() if what != "DELETE"}


def assert_marks_nothing(result: Result, project: Project, before: set[int]) -> None:
    """Check that a run was none to complain about, and that no row was marked."""
    assert result.code == 0, result.log
    assert "allow_mass_delete" not in result.log
    assert result.log.count("items: no row was marked deleted") <= 1
    assert before <= live(project)
    assert not project.log("items")[-1]["rows_deleted"]


def whole(version: int, numbers: Iterable[int] = range(6)) -> list[dict[str, Any]]:
    return [ITEMS, *items(numbers, version), activate("items", version), at(whole=version)]


@pytest.mark.parametrize("version", [2, -2, 2**64])
def test_a_full_load_over_three_runs_marks_nothing(version: int, target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    runs = [
        [ITEMS, *items([0, 1], version), at(last=1)],
        [ITEMS, *items([2, 3], version), at(last=3)],
        [ITEMS, *items([4, 5], version), activate("items", version), at(whole=2)],
    ]

    for messages in runs:
        result = target(*messages)
        assert_marks_nothing(result, project, set(range(6)))
        assert result.states[-1] == messages[-1]["value"]
    assert "its version began in an earlier run" in result.log

    assert target(*whole(9, range(4))).code == 0  # the next one is a snapshot again
    assert live(project) == {0, 1, 2, 3}


def test_a_version_that_came_in_batches_counts_too(target: TargetRunner, project: Project, tmp_path: Path) -> None:
    target(*whole(1))
    file = tmp_path / "items.jsonl"
    file.write_text("".join(json.dumps({"id": number, "name": "same"}) + "\n" for number in range(3)))
    encoding = {"format": "jsonl", "compression": "none"}
    batch = {"type": "BATCH", "stream": "items", "encoding": encoding, "manifest": [file.as_uri()], "version": 2}

    assert_marks_nothing(target(ITEMS, batch, at(last=2)), project, set(range(6)))
    assert_marks_nothing(target(ITEMS, *items([4, 5], 2), activate("items", 2)), project, set(range(6)))


def test_an_early_merge_remembers_its_version_before_state_goes_out(target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    with target.start(merge_interval_rows=1) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(lines([ITEMS, *items([0, 1], 2), at(last=1), *items([2], 2)]))
        process.stdin.flush()
        said = json.loads(process.stdout.readline())
        process.kill()
    assert said == at(last=1)["value"]

    assert_marks_nothing(target(ITEMS, *items([2, 3, 4, 5], 2), activate("items", 2)), project, set(range(6)))


def test_a_snapshot_in_the_middle_of_which_state_was_saved_may_go_on(target: TargetRunner, project: Project) -> None:
    # All of it came, but the last STATE is one from its middle: the tap will go on from there.
    result = target(ITEMS, *items(range(3), 2), at(last=2), *items([3, 4], 2), activate("items", 2))
    assert result.states == [at(last=2)["value"]]

    assert_marks_nothing(target(ITEMS, *items([3, 4], 2), activate("items", 2)), project, set(range(5)))


def test_a_version_that_began_before_another_full_load_is_still_known(target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    target(ITEMS, *items([0, 1], 2), at(last=1))
    target(ITEMS, *items([0], 3))  # begun from the start, without success: the state is still the one above

    assert_marks_nothing(target(ITEMS, *items([2, 3, 4, 5], 2), activate("items", 2)), project, set(range(6)))


def test_a_bookmark_with_the_version_says_that_it_goes_on(target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    # An earlier release of the target remembered nothing. The tap says it.
    result = target(at(version=2, last=3), ITEMS, *items([4, 5], 2), activate("items", 2), at(whole=2))
    assert_marks_nothing(result, project, set(range(6)))
    # And it keeps a version for its changes.
    target(ITEMS, *items(range(6), 3), activate("items", 3), at(version=3, value="x"))
    assert_marks_nothing(target(ITEMS, *items([5], 3), activate("items", 3)), project, set(range(6)))


def test_a_version_that_goes_on_needs_the_rows_before_it(target: TargetRunner, project: Project) -> None:
    target(ITEMS, *items(range(3), 2), at(version=2, last=2))
    project.client.delete_table(f"{project.name}.bronze.items")

    result = target(at(version=2, last=2), ITEMS, *items([3], 2), activate("items", 2), at(whole=2))

    assert result.code == 1
    assert "the tap goes on from a bookmark, but the table" in result.errors[0]


@pytest.mark.parametrize("second", [1, 2], ids=["same-version", "new-version"])
@pytest.mark.parametrize("allow", [False, True])
def test_a_quiet_run_of_a_tap_that_announces_early(
    second: int,
    allow: bool,  # noqa: FBT001 - a parameter of the test
    target: TargetRunner,
    project: Project,
) -> None:
    first = target(ITEMS, activate("items", 1), *items(range(3), 1), at(value=1))
    assert_marks_nothing(first, project, {0, 1, 2})

    for _ in range(2):
        quiet = target(at(value=1), ITEMS, activate("items", second), at(value=1), allow_mass_delete=allow)
        assert_marks_nothing(quiet, project, {0, 1, 2})
        assert quiet.states[-1] == at(value=1)["value"]
    assert_marks_nothing(target(ITEMS, activate("items", second), *items([2, 3], second)), project, {0, 1, 2, 3})


def test_a_quiet_stream_beside_one_that_is_announced_early(target: TargetRunner, project: Project) -> None:
    target(ITEMS, *items(range(3)), at(value=1))
    other = schema("others", {"id": INTEGER})
    early = [other, activate("others", 1), record("others", {"id": 1}, 1)]

    assert_marks_nothing(target(ITEMS, activate("items", 1), *early), project, {0, 1, 2})
    # The table knows it from now on, without the other.
    assert_marks_nothing(target(ITEMS, activate("items", 2)), project, {0, 1, 2})


def test_an_empty_snapshot_of_a_tap_that_announces_it_properly_is_still_refused(
    target: TargetRunner, project: Project
) -> None:
    target(*whole(1))
    refused = target(ITEMS, activate("items", 2))
    assert refused.code == 1
    assert "the snapshot is empty" in refused.errors[0]
    # A tap may announce only its first version early. Once it has made a proper snapshot, it is believed.
    target(ITEMS, activate("items", 3), *items(range(6), 3))
    assert target(ITEMS, activate("items", 4)).code == 0
    assert target(*whole(5)).code == 0
    assert target(ITEMS, activate("items", 6)).code == 1
    assert live(project) == set(range(6))


def test_a_stream_that_failed_in_a_version_of_an_earlier_run(target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    target(ITEMS, *items([0, 1], 2), at(last=1))
    bad = record("items", {"id": {}}, 2)
    failed = target(at(last=1), ITEMS, *items([2, 3], 2), bad, activate("items", 2), at(whole=2))
    assert failed.code == 1
    assert failed.states == [at(last=1)["value"]]

    assert_marks_nothing(target(ITEMS, *items([2, 3, 4, 5], 2), activate("items", 2)), project, set(range(6)))


@pytest.mark.parametrize("names", [["*"], ["items"]])
def test_snapshots_of_a_tap_that_ends_changes_with_them_can_be_ignored(
    names: list[str], target: TargetRunner, project: Project
) -> None:
    target(*whole(1))
    changes = [ITEMS, *items([3], 2, "changed"), activate("items", 2), at(value=2)]

    result = target(*changes, ignore_activate_version=names)

    assert_marks_nothing(result, project, set(range(6)))
    assert "no row was marked deleted" not in result.log
    assert project.rows("items")[3]["name"] == "changed"
    assert result.states[-1] == at(value=2)["value"]
    empty = target(ITEMS, activate("items", 3), ignore_activate_version=[*names, "item"])
    assert empty.code == 0
    assert names == ["*"] or "`ignore_activate_version`: item." in empty.log


def test_only_what_is_new_is_written_down(target: TargetRunner, project: Project) -> None:
    def labels_written(*messages: dict[str, Any]) -> int:
        with Proxy(project.api_endpoint) as proxy:
            assert target(*messages, api_endpoint=proxy.url).code == 0
        return sum(request.method == "PATCH" and "/bronze/tables/items" in request.path for request in proxy.requests)

    early = [ITEMS, activate("items", 7), *items([0], 7)]
    assert labels_written(*whole(1)) == labels_written(*whole(2)) == 0
    assert labels_written(ITEMS, *items([0], 3)) == 1
    assert labels_written(ITEMS, *items([1], 3), activate("items", 3)) == 0
    assert labels_written(*early) == 1
    assert labels_written(*early) == labels_written(ITEMS, activate("items", 8)) == 0


def test_an_activation_before_the_records_and_one_after_them(target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    twice = [ITEMS, activate("items", 2), *items(range(4), 2), activate("items", 2), at(whole=2)]

    result = target(*twice)

    assert (result.code, result.states) == (0, [at(whole=2)["value"]]), result.log
    assert live(project) == set(range(4))
    # The same tap with nothing to read: that is no empty snapshot, with the version of the last run or another.
    for version in (2, 3):
        assert_marks_nothing(target(ITEMS, activate("items", version), at(whole=version)), project, set(range(4)))


def test_an_activation_after_the_records_after_which_the_tap_is_silent_proves_nothing(
    target: TargetRunner, project: Project
) -> None:
    target(*whole(1))
    # It may be the early one of the next parent, before which the tap has crashed.
    result = target(ITEMS, activate("items", 2), *items([0, 1], 2), activate("items", 2))
    assert_marks_nothing(result, project, set(range(6)))


def test_a_child_stream_that_activates_its_version_for_each_parent_marks_nothing(
    target: TargetRunner, project: Project
) -> None:
    target(*whole(1))
    begin = [ITEMS, activate("items", 2)]
    # The tap ends in the middle of the parents, after one that has no children.
    assert_marks_nothing(target(*begin, *items([1, 2], 2), *begin, at(parent=2)), project, set(range(6)))


def test_an_activation_before_the_schema_is_set_aside(target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    early = [activate("items", 2), activate("items", 2)]

    result = target(*early, ITEMS, *items(range(4), 2), at(whole=2))

    assert result.log.count("items: an ACTIVATE_VERSION message came before the stream's SCHEMA message") == 1
    assert_marks_nothing(result, project, set(range(6)))
    assert target(*early, ITEMS, *items(range(4), 3), activate("items", 3)).code == 0
    assert live(project) == set(range(4))
    assert target(activate("nothing", 1)).code == 0


def test_a_version_may_be_written_as_a_number_with_a_point(target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    as_float = [
        json.dumps(message).replace('"version": 2', '"version": 2.0').encode()
        for message in (ITEMS, *items([0, 1], 2), at(version=2))
    ]
    assert_marks_nothing(target(*as_float), project, set(range(6)))
    # It is the same version, so the rest of it is no snapshot, either.
    assert_marks_nothing(target(ITEMS, *items([2, 3], 2), activate("items", 2)), project, set(range(6)))

    whole_as_float = [
        json.dumps(message).replace('"version": 3', '"version": 3e0').encode() for message in whole(3, [0])
    ]
    assert target(*whole_as_float, allow_mass_delete=True).code == 0
    assert live(project) == {0}


def test_a_version_that_is_null_is_none(target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    null = [{**message, "version": None} for message in (*items([0]), activate("items", 1))]

    result = target(ITEMS, *null, at(whole=2))

    assert result.log.count("items: an ACTIVATE_VERSION message has no version") == 1
    assert_marks_nothing(result, project, set(range(6)))


def test_versions_can_be_ignored_by_the_name_that_the_setting_has_elsewhere(
    target: TargetRunner, project: Project
) -> None:
    target(*whole(1))
    changes = [ITEMS, *items([3], 2, "changed"), activate("items", 2), at(value=2)]

    assert_marks_nothing(target(*changes, process_activate_version_messages=False), project, set(range(6)))
    assert project.rows("items")[3]["name"] == "changed"
    target(*changes, process_activate_version_messages=True, allow_mass_delete=True)
    assert live(project) == {3}


@pytest.mark.parametrize("inline_bytes", [0, 1_000_000], ids=["staged", "inline"])
@pytest.mark.parametrize("first_ends", [True, False], ids=["two-ends", "one-end"])
def test_of_two_snapshots_in_one_run_the_last_counts(
    first_ends: bool,  # noqa: FBT001 - a parameter of the test
    inline_bytes: int,
    target: TargetRunner,
    project: Project,
) -> None:
    target(*whole(1))
    first = [*items(range(3), 2), *([activate("items", 2)] if first_ends else [])]
    second = [*items(range(2, 4), 3), activate("items", 3), at(whole=3)]

    result = target(ITEMS, *first, *second, inline_bytes=inline_bytes)

    assert result.code == 0, result.log
    assert live(project) == {2, 3}
    log = project.log("items")[-1]
    assert (log["rows_deleted"], log["rows_unchanged"]) == (4, 5)


def test_a_second_snapshot_that_does_not_end_leaves_the_first_in_force(target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    messages = [ITEMS, *items(range(3), 2), activate("items", 2), *items([4], 3), at(last=4)]

    assert target(*messages).code == 0

    assert live(project) == {0, 1, 2, 4}


def test_a_second_snapshot_of_rejected_records_marks_none_of_them(target: TargetRunner, project: Project) -> None:
    target(*whole(1))
    bad = [record("items", {"id": number, "name": []}, 3) for number in (0, 5)]
    messages = [ITEMS, *items(range(3), 2), *bad, activate("items", 3)]

    assert target(*messages, on_invalid_record="quarantine").code == 0

    assert live(project) == {0, 5}


def test_of_many_snapshots_in_one_run_those_past_the_most_count_as_one(target: TargetRunner, project: Project) -> None:
    messages = [
        message
        for number in range(MOST_VERSIONS + 2)
        for message in (*items([100 + number], number + 2), activate("items", number + 2))
    ]
    assert target(ITEMS, *messages, at(last=1)).code == 0
    last = 100 + MOST_VERSIONS + 1
    assert live(project) == {last - 2, last - 1, last}


def test_versions_that_change_with_each_record_cost_few_merges(target: TargetRunner, project: Project) -> None:
    messages = [message for number in range(30) for message in items([number], number + 10)]
    with Proxy(project.api_endpoint) as proxy:
        assert target(ITEMS, *messages, activate("items", 39), api_endpoint=proxy.url).code == 0
    merges = [request for request in proxy.requests if b"MERGE" in request.body and b"items" in request.body]
    assert len(merges) < 15
    assert len(project.rows("items")) == 30
