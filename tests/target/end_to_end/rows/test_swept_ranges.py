"""Of a stream that is read in several runs, each marks what is gone from the ranges that it has read, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.singer import INTEGER, STRING, TIMESTAMP, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

Message = dict[str, Any]
Key = tuple[int, int]

PROPERTIES = {"parentId": INTEGER, "id": INTEGER, "createdOn": TIMESTAMP, "text": STRING}
PARENTS = range(1, 21)


def begin(**annotations: object) -> Message:
    """Return the SCHEMA message of a stream of notes, each of a parent."""
    message = schema("notes", PROPERTIES, ["parentId", "id"])
    message["schema"] |= {"x-tells-end": True, "x-own-bookmark": True, **annotations}
    return message


GOES_ON = begin(**{"x-versions-are-parts": True})


def day(number: int) -> str:
    return f"2026-01-{number:02}T10:00:00.123Z"


def note(parent: int, number: int, version: int | None = None, **values: object) -> Message:
    return record(
        "notes", {"parentId": parent, "id": number, "createdOn": day(parent), "text": "same", **values}, version
    )


def notes(parents: Iterable[int], version: int | None = None, without: Iterable[Key] = ()) -> list[Message]:
    """Return two notes of each parent, but for some."""
    keys = [(parent, number) for parent in parents for number in (1, 2)]
    return [note(*key, version) for key in keys if key not in set(without)]


def at(**bookmark: object) -> Message:
    return state({"bookmarks": {"notes": bookmark}})


def end(bookmark: dict[str, object], swept: dict[str, object], status: str = "complete") -> Message:
    """Return the message that ends the stream."""
    said = {"status": status, **({"reason": "the time was up"} if status != "complete" else {}), "swept": swept}
    return {**at(**bookmark), "x-read": {"notes": said}}


def by_parent(*ranges: dict[str, object], version: int = 7) -> dict[str, object]:
    return {"version": version, "property": "parentId", "ranges": list(ranges)}


@pytest.fixture
def loaded(target: TargetRunner) -> TargetRunner:
    """The target, with the notes of all parents in its table."""
    target.defaults = {**target.defaults, "max_delete_rows": 5}
    result = target(
        begin(),
        *notes(PARENTS, 1),
        {"type": "ACTIVATE_VERSION", "stream": "notes", "version": 1},
        {**at(place=1), "x-read": {"notes": {"status": "complete"}}},
    )
    assert result.code == 0, result.log
    return target


def gone(project: Project) -> set[Key]:
    rows = project.query(f"SELECT parent_id, id, _etl_operation AS what FROM `{project.name}.bronze.notes`")
    return {(row["parent_id"], row["id"]) for row in rows if row["what"] == "DELETE"}


def last(project: Project) -> tuple[str, str | None, int]:
    row = project.log("notes")[-1]
    return row["status"], row["error"], row["rows_deleted"]


def test_each_run_marks_what_is_gone_from_its_ranges(loaded: TargetRunner, project: Project) -> None:
    missing = [(3, 1), (10, 2), (11, 1), (20, 2)]
    first = loaded(
        begin(),
        at(place=1),
        note(15, 1, text="changed"),
        at(place=2),
        *notes(range(1, 11), 7, missing),
        end({"place": 3}, by_parent({"to": 10}), "incomplete"),
    )
    assert first.code == 0, first.log
    assert first.states[-1] == at(place=3)["value"]
    assert gone(project) == {(3, 1), (10, 2)}
    assert last(project) == ("incomplete", "the time was up", 2)

    second = loaded(
        GOES_ON,
        at(place=3),
        *notes(range(11, 21), 8, missing),
        end({"place": 4}, by_parent({"after": 10}, version=8)),
    )
    assert second.code == 0, second.log
    assert gone(project) == set(missing)
    assert last(project) == ("success", None, 2)

    # They come back like any other.
    loaded(GOES_ON, *notes([3], 9), end({"place": 5}, by_parent({"after": 2, "to": 3}, version=9)))
    assert gone(project) == set(missing) - {(3, 1)}


def test_what_is_between_two_ranges_stays(loaded: TargetRunner, project: Project) -> None:
    result = loaded(
        GOES_ON,
        *notes([1, 2, 3, 6, 7], 7, [(3, 2)]),
        end({"place": 2}, by_parent({"to": 3}, {"after": 5, "to": 7})),
    )
    assert result.code == 0, result.log
    assert gone(project) == {(3, 2)}


def test_ranges_of_times_end_before_their_upper_bound(loaded: TargetRunner, project: Project) -> None:
    ranges = [{"from": "2026-01-05T10:00:00Z", "before": "2026-01-08T10:00:00Z"}]
    swept = {"version": 7, "property": "createdOn", "ranges": ranges}
    result = loaded(GOES_ON, *notes([5, 7], 7), end({"place": 2}, swept))
    assert result.code == 0, result.log
    assert gone(project) == {(6, 1), (6, 2)}  # a record of day 4 or 8, which did not come either, is in no range


def test_rows_with_other_times_than_the_tap_has_read_mark_nothing(loaded: TargetRunner, project: Project) -> None:
    """If a list and a feed do not agree, the row of a record that was not read may seem to be in the range."""
    swept = {"version": 7, "property": "createdOn", "ranges": [{"before": "2026-01-04T12:00:00Z"}]}
    moved = [note(parent, number, 7, createdOn=day(parent + 1)) for parent in (1, 2, 3) for number in (1, 2)]
    result = loaded(GOES_ON, *moved, end({"place": 2}, swept))
    assert result.code == 0, result.log
    assert gone(project) == set()
    assert "6 of its rows had another `created_on` than that by which the tap has read them" in result.log
    assert last(project)[0] == "incomplete"
    # A part of a second is no other time: windows end with seconds.
    exact = [note(parent, 1, 8, createdOn=f"2026-01-0{parent + 1}T10:00:00Z") for parent in (1, 2, 3)]
    loaded(GOES_ON, *exact, end({"place": 3}, {**swept, "version": 8}))
    assert gone(project) == {(1, 2), (2, 2), (3, 2), (4, 1), (4, 2)}


def test_a_row_without_a_value_is_in_no_range(loaded: TargetRunner, project: Project) -> None:
    loaded(GOES_ON, note(4, 9, createdOn=None), at(place=2))
    swept = {"version": 7, "property": "createdOn", "ranges": [{"before": "2026-01-05T00:00:00Z"}]}
    assert loaded(GOES_ON, *notes([1, 2, 3], 7), end({"place": 3}, swept)).code == 0
    assert gone(project) == {(4, 1), (4, 2)}


def test_a_range_in_which_nothing_is_left(loaded: TargetRunner, project: Project) -> None:
    result = loaded(GOES_ON, end({"place": 2}, by_parent({"after": 4, "to": 6})))
    assert result.code == 0, result.log
    assert result.states[-1] == at(place=2)["value"]
    assert gone(project) == {(5, 1), (5, 2), (6, 1), (6, 2)}


def test_what_changes_brought_before_the_pass_does_not_count_as_read(loaded: TargetRunner, project: Project) -> None:
    result = loaded(
        begin(),
        note(2, 1, text="changed, and gone since"),
        *notes(range(1, 5), 7, [(2, 1)]),
        end({"place": 2}, by_parent({"to": 4})),
    )
    assert result.code == 0, result.log
    assert gone(project) == {(2, 1)}


def test_rows_that_were_merged_early_count_as_read(loaded: TargetRunner, project: Project) -> None:
    parts = [[*notes([parent], 7, [(3, 2)]), at(place=parent + 10)] for parent in range(1, 9)]
    result = loaded(
        begin(),
        at(place=1),
        *[message for part in parts for message in part],
        end({"place": 30}, by_parent({"to": 8})),
        merge_interval_rows=2,
    )
    assert result.code == 0, result.log
    assert len(result.states) > 2  # STATE goes out on the way, and that which is true after the sweep only at the end
    assert [each["bookmarks"]["notes"]["place"] == 30 for each in result.states] == [False] * (
        len(result.states) - 1
    ) + [True]
    assert gone(project) == {(3, 2)}


def test_without_that_word_a_version_marks_nothing(loaded: TargetRunner, project: Project) -> None:
    assert loaded(begin(), *notes([1, 2], 7), at(place=2)).code == 0
    assert gone(project) == set()
    # Nor does it in a later run that says so: some of its records came before.
    result = loaded(GOES_ON, *notes([4], 7), end({"place": 3}, by_parent({"to": 4})))
    assert result.code == 0
    assert gone(project) == set()
    assert "notes: no row was marked deleted: its version began in an earlier run" in result.log
    assert last(project)[0] == "incomplete"


def test_the_guard_counts_the_rows_of_the_range(loaded: TargetRunner, project: Project) -> None:
    def part(version: int) -> list[Message]:
        return [GOES_ON, at(place=1), *notes([1, 2], version), end({"place": 2}, by_parent({"to": 5}, version=version))]

    result = loaded(*part(7))
    assert result.code == 1
    assert "would mark 6 of 10 live rows deleted in the part that was read" in result.log
    assert gone(project) == set()
    assert last(project)[0] == "deletes_refused"
    assert at(place=2)["value"] not in result.states
    assert loaded(*part(8), allow_mass_delete_streams=["notes"]).states[-1] == at(place=2)["value"]
    assert gone(project) == {(parent, number) for parent in (3, 4, 5) for number in (1, 2)}


def test_ranges_that_would_empty_a_table_are_refused(target: TargetRunner, project: Project) -> None:
    target(begin(), *notes([1], 1), {"type": "ACTIVATE_VERSION", "stream": "notes", "version": 1}, at(place=1))
    result = target(GOES_ON, end({"place": 2}, by_parent({"to": 9})))
    assert result.code == 1
    assert "the snapshot is empty" in result.log
    assert gone(project) == set()


def test_parts_that_lose_much_count_together(loaded: TargetRunner, project: Project) -> None:
    """Each of them is within the limits: 5 rows."""
    codes = []
    for version, low in enumerate((0, 5, 10), start=7):
        parents = range(low + 1, low + 6)
        sweep = by_parent({"after": low, "to": low + 5}, version=version)
        missing = [(parent, 2) for parent in parents]
        result = loaded(
            GOES_ON,
            *notes(parents, version, missing),
            end({"place": version}, sweep),
            max_delete_fraction=0.3,
        )
        codes.append(result.code)
    assert codes == [0, 0, 1]
    assert "and 10 were marked in the last 14 days: together 15 of 40" in result.log
    assert len(gone(project)) == 10


def test_a_dry_run_marks_nothing_and_counts(loaded: TargetRunner, project: Project) -> None:
    result = loaded(GOES_ON, *notes([1], 7), end({"place": 2}, by_parent({"to": 2})), dry_run=True)
    assert result.code == 0, result.log
    assert result.states == []
    assert gone(project) == set()
    assert last(project) == ("dry_run", None, 2)


@pytest.mark.parametrize(
    ("swept", "reason"),
    [
        ({**by_parent({"to": 5}), "property": "customerId"}, "it has no column for `customerId`"),
        ({**by_parent({"to": "5"})}, "the column `parent_id`, by which the tap has read the stream in parts, is INT64"),
        ({**by_parent({"to": 5}), "property": "createdOn"}, "the column `created_on`"),
        ({**by_parent({"up to": 5})}, "the tap says in an unknown way"),
    ],
)
def test_ranges_that_the_table_does_not_tell_mark_nothing(
    swept: dict[str, object], reason: str, loaded: TargetRunner, project: Project
) -> None:
    result = loaded(GOES_ON, *notes([1, 2], 7), end({"place": 2}, swept))
    assert result.code == 0
    assert gone(project) == set()
    assert result.log.count(f"notes: no row was marked deleted: {reason}") == 1
    status, error, _ = last(project)
    assert status == "incomplete"
    assert reason in (error or "")


def test_a_property_that_a_map_may_have_changed_tells_nothing(loaded: TargetRunner, project: Project) -> None:
    maps = {"notes": {"parentId": "parentId + 1"}}
    result = loaded(GOES_ON, *notes([1, 2], 7), end({"place": 2}, by_parent({"to": 5})), stream_maps=maps)
    assert result.code == 0
    assert gone(project) == set()
    assert "a stream map may have changed the property" in result.log


def test_versions_that_are_ignored_have_no_ranges(loaded: TargetRunner, project: Project) -> None:
    ignored = {"ignore_activate_version": ["notes"]}
    result = loaded(GOES_ON, *notes([1], 7), end({"place": 2}, by_parent({"to": 5})), **ignored)
    assert result.code == 0
    assert result.states[-1] == at(place=2)["value"]
    assert gone(project) == set()
    assert last(project)[0] == "success"


def test_a_rejected_record_counts_as_read(loaded: TargetRunner, project: Project) -> None:
    quarantine = {"on_invalid_record": "quarantine"}
    bad = note(2, 1, 7, createdOn="yesterday")
    result = loaded(GOES_ON, *notes([1, 3], 7), bad, end({"place": 2}, by_parent({"to": 3})), **quarantine)
    assert result.code == 0, result.log
    assert gone(project) == {(2, 2)}


def test_a_record_that_fails_the_stream_keeps_everything(loaded: TargetRunner, project: Project) -> None:
    bad = note(2, 1, 7, createdOn="yesterday")
    result = loaded(GOES_ON, at(place=1), bad, end({"place": 2}, by_parent({"to": 3})))
    assert result.code == 1
    assert gone(project) == set()
    assert at(place=2)["value"] not in result.states


def test_a_pass_that_goes_on_needs_the_rows_of_the_runs_before(loaded: TargetRunner, project: Project) -> None:
    project.query(f"DROP TABLE `{project.name}.bronze.notes`")
    messages = [at(place=1), GOES_ON, *notes(range(11, 21), 7), end({"place": 2}, by_parent({"after": 10}))]
    result = loaded(*messages)
    assert result.code == 1
    assert "does not exist" in result.log
    assert at(place=2)["value"] not in result.states


def test_a_range_is_no_snapshot_that_is_remembered(loaded: TargetRunner, project: Project) -> None:
    part = [GOES_ON, *notes([1, 2], 7), end({"place": 2}, by_parent({"to": 2}))]
    loaded(*part)
    assert project.log("notes")[-1]["fingerprint"] is None
    loaded(GOES_ON, note(2, 3), at(place=3))
    loaded(
        *[{**message, "version": 8} if "version" in message else message for message in part[:-1]],
        end({"place": 4}, by_parent({"to": 2}, version=8)),
    )
    assert gone(project) == {(2, 3)}


def test_its_history_has_what_was_marked(target: TargetRunner, project: Project) -> None:
    target.defaults = {**target.defaults, "history": ["notes"]}
    target(begin(), *notes(PARENTS, 1), {"type": "ACTIVATE_VERSION", "stream": "notes", "version": 1}, at(place=1))
    target(GOES_ON, *notes([1, 2], 7, [(2, 2)]), end({"place": 2}, by_parent({"to": 2})))
    rows = project.query(
        f"SELECT parent_id, id FROM `{project.name}.bronze.notes_history` WHERE _etl_operation = 'DELETE'"
    )
    assert [(row["parent_id"], row["id"]) for row in rows] == [(2, 2)]


def test_the_bookmark_does_not_leave_with_another_stream(loaded: TargetRunner, project: Project) -> None:
    """All records are merged when the tap says what it has read, and another stream is merged before the sweep."""
    others = schema("others", {"id": INTEGER})
    others["schema"]["x-own-bookmark"] = True
    merged = [message for number, note in enumerate(notes([1, 2], 7)) for message in (at(place=number / 10), note)]
    result = loaded(
        GOES_ON,
        others,
        *merged,
        end({"place": 2}, by_parent({"to": 5})),
        record("others", {"id": 1}),
        record("others", {"id": 2}),
        {**at(place=2), "x-read": {"others": {"status": "complete"}}},
        merge_interval_rows=1,
    )
    assert result.code == 1  # the guard refuses it
    assert gone(project) == set()
    assert set(project.rows("others")) == {1, 2}
    places = [each["bookmarks"]["notes"]["place"] for each in result.states if "notes" in each["bookmarks"]]
    assert places
    assert 2 not in places
