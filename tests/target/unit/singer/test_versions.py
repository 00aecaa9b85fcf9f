"""A snapshot is complete if the tap says so after its records, and only then."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.singer.versions import VersionTracker


def track(*events: tuple[str, int | None]) -> VersionTracker:
    """Return the tracker after these events: a record of a version, or its activation."""
    found = VersionTracker("jobs")
    for what, version in events:
        if what == "record":
            found.count_records(version, 1)
        else:
            assert version is not None
            found.activate(version)
    return found


RECORD, ACTIVATE = "record", "activate"


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
        [(ACTIVATE, 7), (RECORD, 7), (ACTIVATE, 7)],
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
