"""STATE leaves the target only when every record that it covers is written."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_bigquery_softdelete.singer.lenient_json import encode_record
from target_bigquery_softdelete.singer.state import StateComposer, says_place

DEEP = 1000 if sys.version_info < (3, 13) else 3000
"""How deep a text may be nested for `json`. Python 3.12 reads less deep than the versions before and after it."""

STREAMS = ["a", "b", "c"]

RECORD, WRITTEN, STATE = "record", "written", "state"

EVENTS = st.lists(
    st.tuples(st.sampled_from([RECORD, WRITTEN]), st.sampled_from(STREAMS))
    | st.tuples(st.just(STATE), st.sets(st.sampled_from(STREAMS))),
    max_size=30,
)


def bookmarks(state: dict[str, Any] | None) -> dict[str, int]:
    found: dict[str, int] = state["bookmarks"] if state else {}
    return found


class World:
    """Events so far. In a state, the bookmark of a stream is the number of its records that were read before it."""

    def __init__(self) -> None:
        self.composer = StateComposer()
        self.read = dict.fromkeys(STREAMS, 0)
        self.written = dict.fromkeys(STREAMS, 0)
        self.emitted: dict[str, Any] | None = None
        self.last: dict[str, Any] | None = None

    def happens(self, kind: str, what: Any) -> None:  # noqa: ANN401
        """Report an event to the composer, and remember it."""
        if kind == RECORD:
            self.read[what] += 1
            self.composer.note_record(what)
        elif kind == WRITTEN:
            self.written[what] = self.read[what]
            self.composer.mark_written(what)
        else:
            self.last = {"bookmarks": {name: self.read[name] for name in what}, "total": sum(self.read.values())}
            self.composer.note_state(self.last)
        self.emitted = self.composer.next_state() or self.emitted


@settings(max_examples=300)
@given(EVENTS)
def test_no_bookmark_is_ahead_of_the_written_records(events: list[tuple[str, Any]]) -> None:
    world = World()
    for event in events:
        world.happens(*event)
        for name, count in bookmarks(world.emitted).items():
            assert count <= world.written[name]
        assert (world.emitted or {}).get("total", 0) <= sum(world.written.values())


@settings(max_examples=300)
@given(EVENTS, st.permutations(STREAMS))
def test_the_last_state_is_emitted_when_all_is_written(events: list[tuple[str, Any]], order: list[str]) -> None:
    world = World()
    for event in [*events, *((WRITTEN, name) for name in order)]:
        world.happens(*event)
    assert world.emitted == world.last


def composer(*unwritten: str) -> StateComposer:
    state = StateComposer()
    for name in STREAMS:
        state.note_stream(name)
    for name in unwritten:
        state.note_record(name)
    return state


def test_a_stream_that_failed_holds_back_only_its_own_bookmark() -> None:
    state = composer("a", "b")
    state.note_state({"bookmarks": {"a": 1, "b": 2, "c": 3}})
    assert state.next_state() == {"bookmarks": {"c": 3}}
    state.mark_written("b")
    assert state.next_state() == {"bookmarks": {"b": 2, "c": 3}}


def test_a_failed_stream_keeps_its_last_safe_bookmark() -> None:
    state = composer()
    state.note_state({"bookmarks": {"a": 1, "b": 1}})
    state.note_record("a")
    state.note_state({"bookmarks": {"a": 9, "b": 9}})
    assert state.next_state() == {"bookmarks": {"a": 1, "b": 9}}


def test_a_state_is_emitted_once() -> None:
    state = composer()
    state.note_state({"bookmarks": {"a": 1}})
    assert state.next_state() is not None
    assert state.next_state() is None
    state.note_state({"bookmarks": {"a": 1}})
    assert state.next_state() is None


def test_a_state_without_bookmarks_waits_for_every_stream() -> None:
    state = composer("a")
    state.note_state({"cursor": "x"})
    assert state.next_state() is None
    state.mark_written("a")
    assert state.next_state() == {"cursor": "x"}


def test_a_part_without_a_stream_waits_for_every_stream() -> None:
    state = composer("a")
    state.note_state({"bookmarks": {"a": 0, "b": 1, "unknown": 2}, "currently_syncing": "a"})
    assert state.next_state() == {"bookmarks": {"b": 1}}
    state.mark_written("a")
    assert state.next_state() == {"bookmarks": {"a": 0, "b": 1, "unknown": 2}, "currently_syncing": "a"}


def test_a_bookmark_that_the_tap_dropped_does_not_return() -> None:
    state = composer("a")
    state.mark_written("a")
    state.note_state({"bookmarks": {"a": 1, "b": 1}})
    state.note_state({"bookmarks": {"b": 2}})
    assert state.next_state() == {"bookmarks": {"b": 2}}


def test_the_composer_keeps_its_own_copy() -> None:
    state, message = composer(), {"bookmarks": {"a": {"since": 1}}}
    state.note_state(message)
    message["bookmarks"]["a"]["since"] = 99
    first = state.next_state()
    assert first == {"bookmarks": {"a": {"since": 1}}}
    first["bookmarks"]["a"]["since"] = 98
    state.note_state({"bookmarks": {"a": {"since": 1}, "b": 1}})
    assert state.next_state() == {"bookmarks": {"a": {"since": 1}, "b": 1}}


@pytest.mark.parametrize("own", [{}, {"value": None}, {"partitions": [{"context": {"id": 1}}]}, None])
def test_a_stream_without_a_place_of_its_own_holds_back_every_bookmark(own: object) -> None:
    state = composer()
    state.note_state({"bookmarks": {"a": 1, "b": own}})
    state.note_record("b")
    state.note_state({"bookmarks": {"a": 2, "b": own}})
    assert state.next_state() == {"bookmarks": {"a": 1, "b": own}}
    state.mark_written("b")
    assert state.next_state() == {"bookmarks": {"a": 2, "b": own}}


def test_a_stream_that_is_in_no_state_holds_back_every_bookmark() -> None:
    state = composer("b")
    state.note_state({"bookmarks": {"a": 2}})
    assert state.next_state() is None
    state.note_state({"bookmarks": {"a": 3, "b": {"id": 7}}})  # now it has a place of its own
    assert state.next_state() == {"bookmarks": {"a": 3}}


def test_a_stream_that_no_other_bookmark_covers_holds_back_none() -> None:
    state = composer("b")
    state.note_stream("b", is_independent=True)
    state.note_state({"bookmarks": {"a": 2}})
    assert state.next_state() == {"bookmarks": {"a": 2}}


def test_the_bookmark_of_a_stream_that_is_not_in_the_run_stays() -> None:
    state = StateComposer()
    state.note_state({"bookmarks": {"a": 1, "other": 5}})
    state.note_record("a")
    state.note_state({"bookmarks": {"a": 2}})
    state.mark_written("a")
    assert state.next_state() == {"bookmarks": {"a": 2, "other": 5}}


def test_a_state_that_drops_the_bookmark_of_a_stream_that_fails_later_leaves_it() -> None:
    state = StateComposer()
    state.note_state({"bookmarks": {"a": {"id": 1}, "b": {"id": 1}}})
    state.note_stream("a")
    state.note_record("a")
    state.note_state({"bookmarks": {"a": {"id": 2}}})
    state.note_stream("b")
    state.mark_written("a")
    assert state.next_state() == {"bookmarks": {"a": {"id": 2}, "b": {"id": 1}}}
    state.note_record("b")
    state.note_state({"bookmarks": {"a": {"id": 3}, "b": {"id": 9}}})
    assert state.next_state() == {"bookmarks": {"a": {"id": 3}, "b": {"id": 1}}}


@pytest.mark.parametrize("later", [{}, {"cursor": "x"}, {"bookmarks": None}])
def test_a_state_without_bookmarks_leaves_those_of_streams_that_are_not_in_the_run(later: dict[str, Any]) -> None:
    state = composer()
    state.note_state({"bookmarks": {"a": 1, "other": 5}})
    state.mark_written("a")
    state.note_state(later)
    assert state.next_state() == {**later, "bookmarks": {"other": 5}}


def test_a_bookmark_that_was_held_stays_when_the_tap_no_longer_names_it() -> None:
    state = composer("a")
    state.note_state({"bookmarks": {"a": 1, "other": 5}})
    state.note_state({"bookmarks": {"a": 2}})
    state.note_state({"bookmarks": {"a": 3}})
    state.mark_written("a")
    assert state.next_state() == {"bookmarks": {"a": 3, "other": 5}}


@pytest.mark.parametrize(
    "text",
    [
        *("null", "7", "1.5", "true", '"text"', "[1,{}]", "{}", '{"bookmarks":[1,2]}', '{"bookmarks":null}'),
        *(f'{{"bookmarks":{{"a":{"[" * 700}{"]" * 700}}}}}', "[" * DEEP + "]" * DEEP),
        *('{"bookmarks":"x","a":1}', '{"bookmarks":{"a":"2024"}}', '{"bookmarks":{"a":[null]},"x":null}'),
        '{"bookmarks":{"":1,"a":null}}',
    ],
)
def test_a_state_passes_as_it_is_whatever_its_shape(text: str) -> None:
    value = json.loads(text)
    for before in (None, {"bookmarks": {"a": 7}}, [2]):
        state = composer()
        state.note_state(before)
        state.note_record("a")
        assert encode_record(state.next_state()) == json.dumps(before, separators=(",", ":")).encode()
        state.note_state(value)
        assert state.next_state() is None
        state.mark_written("a")
        assert json.loads(encode_record(state.next_state())) == value
        assert state.next_state() is None


def test_0_and_false_are_different_states() -> None:
    state = composer()
    for value in (0, False, 0.0, {"bookmarks": {"a": 1}}, {"bookmarks": {"a": True}}, True, 1):
        state.note_state(value)
        assert encode_record(state.next_state()) == encode_record(value)
        assert state.next_state() is None


def test_a_bookmark_at_any_depth_says_a_place() -> None:
    nested: Any = 7
    for _ in range(3000):
        nested = {"a": [nested]}
    assert says_place(nested)
    assert not says_place({"a": [None, False, "", {"version": 7}]})


def test_the_bookmark_of_a_stream_without_a_table_waits_for_that_and_holds_back_no_other() -> None:
    composer = StateComposer()
    for stream in ("a", "b"):
        composer.note_stream(stream)
    composer.note_tableless("a")
    composer.note_state({"bookmarks": {"a": 1, "b": 1}})
    assert composer.next_state() == {"bookmarks": {"b": 1}}
    composer.mark_written("a")
    assert composer.next_state() == {"bookmarks": {"a": 1, "b": 1}}
