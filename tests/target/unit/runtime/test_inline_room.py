"""The room for rows that may travel with statements: limited for a stream and for the run, and given back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from target_bigquery_softdelete.runtime import inline_room
from target_bigquery_softdelete.runtime.inline_room import InlineRoom

if TYPE_CHECKING:
    import pytest


def test_a_stream_may_hold_twice_what_it_may_send() -> None:
    room = InlineRoom(1000)

    assert room.take(2000, 0)
    assert room.take(1500, 500)
    assert not room.take(1501, 500)
    assert not room.take(2001, 0)
    assert not InlineRoom(0).take(1, 0)


def test_all_streams_together_hold_no_more_than_the_run_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline_room, "MOST_HELD_BYTES", 100)
    room = InlineRoom(1000)

    assert room.take(60, 0)
    assert not room.take(41, 0)
    assert room.take(40, 60)
    assert not room.take(1, 0)
    room.give_back(100)
    assert room.take(100, 0)


def test_what_was_refused_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline_room, "MOST_HELD_BYTES", 100)
    room = InlineRoom(40)

    assert not room.take(101, 0)
    assert not room.take(81, 0)
    assert room.take(80, 0)


def test_threads_never_hold_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline_room, "MOST_HELD_BYTES", 500)
    room = InlineRoom(1000)

    def take_often(_: int) -> int:
        return sum(room.take(1, 0) for _ in range(200))

    with ThreadPoolExecutor(8) as executor:
        assert sum(executor.map(take_often, range(8))) == 500
