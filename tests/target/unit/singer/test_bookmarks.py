"""Which bookmarks a STATE message moves, and which ones a tap can go on from."""

from __future__ import annotations

from typing import Any

import pytest

from target_bigquery_softdelete.singer.bookmarks import Bookmarks


def test_it_names_the_streams_whose_bookmark_has_changed() -> None:
    bookmarks = Bookmarks()

    assert bookmarks.note_state({"bookmarks": {"jobs": {"page": 1}, "crews": {}}}, []) == ["jobs", "crews"]
    assert bookmarks.note_state({"bookmarks": {"jobs": {"page": 1}, "crews": {}}}, []) == []
    assert bookmarks.note_state({"bookmarks": {"jobs": {"page": 2}, "crews": {}}}, []) == ["jobs"]
    assert bookmarks.note_state({"bookmarks": {"crews": {"page": 1}}}, []) == ["crews"]


@pytest.mark.parametrize("value", [{}, {"bookmarks": None}, {"bookmarks": []}, {"other": {"jobs": {"page": 1}}}])
def test_a_state_without_bookmarks_may_be_that_of_any_stream(value: dict[str, Any]) -> None:
    bookmarks = Bookmarks()

    assert bookmarks.note_state(value, ["jobs"]) == ["jobs"]
    assert not bookmarks.note_state(value, ["jobs"])
    assert not bookmarks.can_resume("jobs")


@pytest.mark.parametrize(
    ("bookmark", "expected"),
    [
        ({"continue_from": "token"}, True),
        ({"newest": None, "continue_from": ""}, True),
        ({"partitions": []}, True),
        ({"newest": None}, False),
        ({}, False),
        (None, False),
        ("2024-05-01", False),
    ],
)
def test_a_tap_goes_on_from_an_object_with_a_value(bookmark: object, *, expected: bool) -> None:
    bookmarks = Bookmarks()
    bookmarks.note_state({"bookmarks": {"jobs": bookmark}}, [])

    assert bookmarks.can_resume("jobs") is expected
    assert not bookmarks.can_resume("crews")


@pytest.mark.parametrize(
    ("bookmark", "version"),
    [
        ({"version": 7}, 7),
        ({"version": -(2**70)}, -(2**70)),
        ({"version": "7"}, None),
        ({"version": True}, None),
        ({}, None),
        (None, None),
        (7, None),
    ],
)
def test_a_bookmark_may_name_the_version_that_goes_on(bookmark: object, version: int | None) -> None:
    bookmarks = Bookmarks()
    bookmarks.note_state({"bookmarks": {"jobs": bookmark}}, [])

    assert bookmarks.version("jobs") == version
    assert bookmarks.version("crews") is None
