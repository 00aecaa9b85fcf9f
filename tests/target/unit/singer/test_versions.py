"""A snapshot is complete if the tap says so after its records, and only then."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.singer.swept_ranges import SweptRanges
from target_bigquery_softdelete.singer.versions import TableVersions, TapHabits


def track(*events: tuple[str, int | None], into: TableVersions | None = None, stream: str = "jobs") -> TableVersions:
    """Return the versions after these events: a record of a version, its activation, or a bookmark with it."""
    found = into or TableVersions("jobs")
    found.of(stream)
    for what, version in events:
        if what == "record":
            found.count_records(stream, version, 1)
        elif what == "schema":
            found.of(stream).note_schema()
        elif what == "bookmark":
            found.of(stream).note_bookmark(version)
        else:
            assert version is not None
            found.of(stream).activate(version)
    return found


RECORD, ACTIVATE, BOOKMARK, SCHEMA = "record", "activate", "bookmark", ("schema", None)


def test_it_is_complete_when_it_is_activated_after_its_records() -> None:
    found = track((RECORD, 7), (RECORD, 7), (ACTIVATE, 7))
    assert found.is_complete
    assert not list(found.warnings())


@pytest.mark.parametrize(
    "events",
    [
        [],
        [(RECORD, None)],
        [(RECORD, 7)],
        [(ACTIVATE, 7), (RECORD, 7)],
        [(ACTIVATE, 7), (RECORD, 7), (ACTIVATE, 7), (RECORD, 7)],
        [(ACTIVATE, 7), (RECORD, 7), (ACTIVATE, 7), (RECORD, 7), (ACTIVATE, 7)],
        [SCHEMA, (ACTIVATE, 7), (RECORD, 7), SCHEMA, (ACTIVATE, 7)],
        [SCHEMA, (ACTIVATE, 7), (RECORD, 7), SCHEMA, (ACTIVATE, 7), (RECORD, 7), SCHEMA, (ACTIVATE, 7)],
        [SCHEMA, (ACTIVATE, 7), (RECORD, 7), SCHEMA, (ACTIVATE, 7), SCHEMA, (ACTIVATE, 7), (RECORD, 7), (ACTIVATE, 7)],
        [(RECORD, 7), (ACTIVATE, 7), (RECORD, 7)],
        [(RECORD, 7), (ACTIVATE, 7), (RECORD, 7), (ACTIVATE, 7)],
        [(RECORD, 7), (ACTIVATE, 8)],
        [(RECORD, 8), (ACTIVATE, 7)],
        [(RECORD, None), (ACTIVATE, 7)],
        [(ACTIVATE, 7), (RECORD, None)],
    ],
)
def test_it_is_not_complete_otherwise(events: list[tuple[str, int | None]]) -> None:
    found = track(*events)
    assert not found.is_complete
    assert not found.is_empty


def test_an_activation_before_the_records_does_not_hide_the_one_after_them() -> None:
    found = track(SCHEMA, (ACTIVATE, 7), (RECORD, 7), (RECORD, 7), (ACTIVATE, 7))
    assert not found.is_complete  # it may be the early one of the next parent, and the tap has crashed
    found.note_state()
    assert found.is_complete
    assert not list(found.warnings())
    # In a later run without a record, the early one must not look like an empty snapshot.
    assert found.announces_early()


@pytest.mark.parametrize(
    ("events", "last"),
    [
        ([(RECORD, 7), (ACTIVATE, 7)], 7),
        ([(RECORD, 7), (ACTIVATE, 7), (RECORD, 8), (ACTIVATE, 8)], 8),
        ([(RECORD, 7), (RECORD, 8), (ACTIVATE, 8), (ACTIVATE, 7)], 8),
        ([(RECORD, 7), (ACTIVATE, 7), (RECORD, 8)], 7),
        ([(RECORD, 7), (RECORD, 8)], None),
        ([(ACTIVATE, 7)], None),
    ],
)
def test_the_last_complete_version_is_the_one_that_began_last(
    events: list[tuple[str, int | None]], last: int | None
) -> None:
    assert track(*events).of("jobs").last_complete == last


@pytest.mark.parametrize("events", [[(ACTIVATE, 7), (RECORD, 7)], [(RECORD, 7), (ACTIVATE, 8)]])
def test_an_unused_snapshot_gives_one_warning(events: list[tuple[str, int | None]]) -> None:
    (warning,) = track(*events, *events).warnings()
    assert warning.startswith("jobs: no row was marked deleted: ACTIVATE_VERSION came before the records")


def test_without_a_snapshot_there_is_no_warning() -> None:
    assert not list(track((RECORD, 7)).warnings())


def test_a_snapshot_without_records_is_empty_and_not_complete() -> None:
    found = track((ACTIVATE, 7))
    assert found.is_empty
    assert not found.is_complete
    assert not list(found.warnings())


def test_a_later_version_can_be_complete_when_an_earlier_one_is_not() -> None:
    assert track((ACTIVATE, 7), (RECORD, 7), (RECORD, 8), (ACTIVATE, 8)).is_complete


def test_the_first_reason_that_invalidates_a_snapshot_is_named() -> None:
    found = track((RECORD, 7), (ACTIVATE, 7))
    found.invalidate("its key changed on the way")
    found.invalidate("something else")
    assert not found.is_complete
    assert list(found.warnings()) == ["jobs: no row was marked deleted: its key changed on the way."]


@pytest.mark.parametrize(("version", "versioned"), [(None, False), (7, True)])
def test_only_records_with_a_version_belong_to_a_snapshot(version: int | None, *, versioned: bool) -> None:
    assert track((RECORD, version)).has_versions is versioned


def after_a_run_with(*begun: tuple[str, int], early: bool = False) -> TableVersions:
    """Return the versions of a table of which an earlier run has begun some."""
    return TableVersions("jobs", began_earlier=lambda stream, version: (stream, version) in begun, was_early=early)


def open_versions(*events: tuple[str, int | None], at_end: bool = True) -> list[int]:
    return [version for _, version in track(*events).open_versions(at_end=at_end)]


def test_a_version_that_an_earlier_run_began_is_no_snapshot_of_this_one() -> None:
    found = track((RECORD, 7), (ACTIVATE, 7), into=after_a_run_with(("jobs", 7)))
    assert not found.is_complete
    assert not found.is_empty
    assert list(found.warnings()) == [
        "jobs: no row was marked deleted: its version began in an earlier run, so this run has not seen all of it."
    ]
    assert track((RECORD, 8), (ACTIVATE, 8), into=after_a_run_with(("jobs", 7))).is_complete
    assert track((RECORD, 7), (ACTIVATE, 7), into=after_a_run_with(("crews", 7))).is_complete


def test_a_version_in_the_bookmark_from_before_the_run_began_in_an_earlier_one() -> None:
    found = TableVersions("jobs")
    found.of("jobs").note_resumption(7)
    assert not track((RECORD, 7), (ACTIVATE, 7), into=found).is_complete
    assert track((RECORD, 8), (ACTIVATE, 8), into=found).is_complete


@pytest.mark.parametrize("version", [7, -7, 0, 2**70])
def test_a_version_that_is_announced_again_without_a_record_is_no_empty_snapshot(version: int) -> None:
    for found in (
        after_a_run_with(("jobs", version)),
        after_a_run_with(early=True),
        TableVersions("jobs", habits=TapHabits(announces_early=True)),
        track((BOOKMARK, version)),
    ):
        track((ACTIVATE, version), into=found)
        assert not found.is_complete
        assert not found.is_empty
        assert found.announces_early()
        (warning,) = found.warnings()
        assert "came without a record" in warning


def test_a_stream_that_is_announced_early_is_a_hint_for_the_others() -> None:
    habits = TapHabits()
    quiet = track((ACTIVATE, 1), into=TableVersions("crews", habits=habits))
    assert quiet.is_empty
    track((ACTIVATE, 1), (RECORD, 1), into=TableVersions("jobs", habits=habits))
    assert not quiet.is_empty


@pytest.mark.parametrize(
    ("events", "during", "at_end"),
    [
        ([(RECORD, None)], [], []),
        ([(RECORD, 7), (ACTIVATE, 7)], [], []),
        ([(RECORD, 7)], [], [7]),
        ([(ACTIVATE, 7), (RECORD, 7)], [], [7]),
        ([(RECORD, 7), (BOOKMARK, None)], [7], [7]),
        ([(RECORD, 7), (BOOKMARK, None), (RECORD, 7), (ACTIVATE, 7)], [7], [7]),
        ([(RECORD, 7), (ACTIVATE, 7), (BOOKMARK, None)], [], []),
        ([(RECORD, 7), (ACTIVATE, 7), (BOOKMARK, 7)], [7], [7]),
        ([(RECORD, 7), (ACTIVATE, 7), (RECORD, 7)], [], [7]),
        ([(RECORD, 7), (RECORD, 8), (ACTIVATE, 8)], [], [7]),
    ],
)
def test_a_version_may_go_on_in_another_run(
    events: list[tuple[str, int | None]], during: list[int], at_end: list[int]
) -> None:
    assert open_versions(*events, at_end=False) == during
    assert open_versions(*events) == at_end


def test_a_table_of_several_streams_is_complete_when_each_is_by_its_own_version() -> None:
    found = TableVersions("jobs")
    found.expect(["east", "west"])
    track((RECORD, 1), (ACTIVATE, 1), into=found, stream="east")
    assert not found.is_complete  # nothing came of the other
    track((RECORD, 2), into=found, stream="west")
    assert not found.is_complete
    track((ACTIVATE, 1), into=found, stream="west")
    assert not found.is_complete  # that was the version of the first
    (warning,) = found.warnings()
    assert "`west`" in warning
    track((ACTIVATE, 2), into=found, stream="west")
    assert found.is_complete


def test_one_of_several_streams_without_a_record_marks_nothing() -> None:
    found = track((RECORD, 1), (ACTIVATE, 1), into=TableVersions("jobs"), stream="east")
    track((ACTIVATE, 1), into=found, stream="west")
    assert not found.is_complete
    assert not found.is_empty
    both = track((ACTIVATE, 1), into=track((ACTIVATE, 2), stream="east"), stream="west")
    assert both.is_empty
    both.expect(["north"])
    assert not both.is_empty


def ranges(version: int = 7) -> SweptRanges:
    return SweptRanges(version, "parent", ((None, 17),), are_times=False)


def swept_after(*events: tuple[str, int | None], into: TableVersions | None = None) -> TableVersions:
    """Return the versions after these events, and after the tap has said which ranges it has read of version 7."""
    found = track(*events, into=into)
    found.of("jobs").note_swept(ranges())
    return found


@pytest.mark.parametrize("events", [[(RECORD, 7)], [(RECORD, None), (RECORD, 7), (BOOKMARK, None), (RECORD, 7)], []])
def test_ranges_count_that_one_run_has_read(events: list[tuple[str, int | None]]) -> None:
    found = swept_after(*events)
    assert found.swept == ranges()
    assert not found.is_complete
    assert not list(found.warnings())


@pytest.mark.parametrize("events", [[(RECORD, 6), (RECORD, 7)], [(RECORD, 7), (ACTIVATE, 7)], [(ACTIVATE, 6)]])
def test_ranges_do_not_count_beside_another_version(events: list[tuple[str, int | None]]) -> None:
    found = swept_after(*events)
    assert found.is_swept
    assert found.swept is None
    assert "records of another version came, too" in " ".join(found.warnings())


def test_ranges_do_not_count_if_the_stream_goes_on() -> None:
    for version in (None, 7):
        found = track((RECORD, version), into=swept_after((RECORD, 7)))
        assert found.swept is None
        assert "the stream went on" in (found.sweep_problem() or "")
    twice = swept_after(into=swept_after((RECORD, 7)))
    assert twice.swept is None


def test_ranges_of_a_version_that_an_earlier_run_has_begun_do_not_count() -> None:
    found = swept_after((RECORD, 7), into=TableVersions("jobs", began_earlier=lambda _, version: version == 7))
    assert found.swept is None
    assert "began in an earlier run" in (found.sweep_problem() or "")


def test_ranges_do_not_count_where_other_streams_have_rows() -> None:
    found = TableVersions("jobs")
    found.expect({"others"})
    swept_after((RECORD, 7), into=found)
    assert found.swept is None
    assert "other streams" in (found.sweep_problem() or "")
    both = track((RECORD, 7), stream="others")
    assert swept_after((RECORD, 7), into=both).swept is None


def test_ranges_do_not_count_for_a_reason_that_the_load_has_found() -> None:
    rejected, unfit = swept_after((RECORD, 7)), swept_after((RECORD, 7))
    rejected.invalidate("a record was rejected whose key cannot be read")
    unfit.note_unswept("it has no such column")
    assert rejected.swept is unfit.swept is None
    assert (rejected.sweep_problem(), unfit.sweep_problem()) == (
        "a record was rejected whose key cannot be read",
        "it has no such column",
    )


def test_a_version_whose_ranges_were_swept_is_remembered_as_one_that_did_not_end() -> None:
    assert swept_after((RECORD, 7)).open_versions(at_end=True) == [("jobs", 7)]
