"""Large pages wait for room, small ones do not, and nobody waits for ever."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tap_servicetitan.concurrency.room import SMALL_BYTES, Place, Room

if TYPE_CHECKING:
    from collections.abc import Callable


def in_thread(take: Callable[[], Place | None]) -> tuple[threading.Event, list[Place | None]]:
    """Take room in a thread, and return an event that is set when it has some, and where it is then."""
    taken, places = threading.Event(), list[Place | None]()

    def work() -> None:
        places.append(take())
        taken.set()

    threading.Thread(target=work, daemon=True).start()
    return taken, places


def test_a_page_waits_until_another_one_has_gone() -> None:
    room = Room(lambda: 0, most_bytes=2 * SMALL_BYTES, longest_wait_seconds=60)
    first, second = room.take(SMALL_BYTES), room.take(SMALL_BYTES)
    taken, _ = in_thread(lambda: room.take(SMALL_BYTES))
    assert not taken.wait(0.2)
    assert first
    first.give_back()
    first.give_back()  # twice is once
    assert taken.wait(20)
    assert second


def test_a_place_that_nobody_knows_of_is_free() -> None:
    room = Room(lambda: 0, most_bytes=SMALL_BYTES, longest_wait_seconds=60)
    for _ in range(3):
        assert room.take(SMALL_BYTES)


def test_a_small_page_and_a_single_large_one_never_wait() -> None:
    room = Room(lambda: 0, most_bytes=SMALL_BYTES, longest_wait_seconds=60)
    place = room.take(10 * SMALL_BYTES)
    assert place
    assert room.take(SMALL_BYTES - 1) is None


def test_those_who_wait_go_on_one_by_one_when_nothing_is_written() -> None:
    room = Room(lambda: 0, most_bytes=SMALL_BYTES, longest_wait_seconds=0.05)
    place = room.take(SMALL_BYTES)
    waiting = [in_thread(lambda: room.take(SMALL_BYTES)) for _ in range(3)]
    assert all(taken.wait(20) for taken, _ in waiting)
    assert place


def test_while_something_is_written_they_wait() -> None:
    room = Room(lambda: 1, most_bytes=SMALL_BYTES, longest_wait_seconds=0.01)
    place = room.take(SMALL_BYTES)
    taken, _ = in_thread(lambda: room.take(SMALL_BYTES))
    assert not taken.wait(0.3)
    assert place
    place.give_back()
    assert taken.wait(20)
