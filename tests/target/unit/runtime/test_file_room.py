"""The room for local files: shared by those that are written, and limited for those that wait for their load."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from target_bigquery_softdelete.runtime import file_room
from target_bigquery_softdelete.runtime.file_room import FileRoom

if TYPE_CHECKING:
    import pytest


def test_files_that_are_written_share_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_room, "FILE_BYTES", 60)
    monkeypatch.setattr(file_room, "MOST_OPEN_BYTES", 100)
    room = FileRoom()

    room.open()
    assert not room.is_full(59)
    assert room.is_full(60)
    room.open()
    assert not room.is_full(49)
    assert room.is_full(50)
    room.close()
    assert not room.is_full(59)


def test_a_file_waits_until_others_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_room, "MOST_WAITING_BYTES", 100)
    room = FileRoom()

    with ThreadPoolExecutor(1) as pool:
        room.wait_for_load(60)
        room.wait_for_load(40)
        third = pool.submit(room.wait_for_load, 41)
        room.end_load(40)
        assert not third.done()
        room.end_load(60)
        third.result(timeout=10)


def test_a_file_that_is_larger_than_the_room_waits_only_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_room, "MOST_WAITING_BYTES", 100)
    room = FileRoom()

    room.wait_for_load(200)
    room.end_load(200)
    room.wait_for_load(100)
