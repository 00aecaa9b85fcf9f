"""Which streams the tap has read to their ends."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.singer.read_ends import COMPLETE, ReadEnds, ReadStatus

TELLING = {"x-tells-end": True}


@pytest.fixture
def ends() -> ReadEnds:
    return ReadEnds()


def test_a_tap_that_tells_is_believed(ends: ReadEnds) -> None:
    for stream in ("jobs", "calls", "leads", "forms"):
        ends.note_schema(stream, TELLING)
    ends.note_state(
        {
            "jobs": {"status": "complete"},
            "calls": {"status": "skipped", "reason": "HTTP 403"},
            "leads": {"status": "failed", "reason": "HTTP 503"},
        }
    )
    found = {stream: ends.of(stream) for stream in ("jobs", "calls", "leads", "forms")}
    assert {stream: end.status.value for stream, end in found.items()} == {
        "jobs": "complete",
        "calls": "skipped",
        "leads": "failed",
        "forms": "incomplete",
    }
    assert found["calls"].reason == "HTTP 403"
    assert found["forms"].reason.startswith("the tap ended without saying")


def test_the_state_of_a_tap_that_tells_is_no_end(ends: ReadEnds) -> None:
    ends.note_schema("jobs", TELLING)
    ends.note_state()
    assert ends.of("jobs").status is ReadStatus.INCOMPLETE


def test_records_after_the_end_are_a_new_beginning(ends: ReadEnds) -> None:
    ends.note_schema("jobs", TELLING)
    ends.note_state({"jobs": {"status": "complete"}})
    assert ends.of("jobs") == COMPLETE
    ends.note_record("jobs")
    assert ends.of("jobs").status is ReadStatus.INCOMPLETE


def test_other_taps_say_it_with_state_or_activate_version(ends: ReadEnds) -> None:
    for stream in ("jobs", "calls"):
        ends.note_schema(stream, {})
        ends.note_record(stream)
    assert ends.of("jobs").status is ReadStatus.INCOMPLETE
    ends.note_activation("jobs")
    assert ends.of("jobs") == COMPLETE
    assert "without a STATE" in ends.of("calls").reason
    ends.note_state()
    assert ends.of("calls") == COMPLETE
    ends.note_record("jobs")
    assert ends.of("jobs").status is ReadStatus.INCOMPLETE


def test_the_worst_source_of_a_table_counts(ends: ReadEnds) -> None:
    ends.note_state({"a": {"status": "skipped", "reason": "1"}, "b": {"status": "failed", "reason": "2"}})
    assert ends.worst_of(["a", "b", "c"]).reason == "2"
    assert ends.worst_of(["c"]) == COMPLETE
    assert ends.worst_of([]) == COMPLETE


@pytest.mark.parametrize("read", [None, [], "jobs", {"jobs": None}, {"jobs": {"status": ["complete"]}}, {"jobs": {}}])
def test_what_says_nothing_is_ignored(ends: ReadEnds, read: object) -> None:
    ends.note_schema("jobs", TELLING)
    ends.note_state(read)
    assert ends.of("jobs").status is ReadStatus.INCOMPLETE
