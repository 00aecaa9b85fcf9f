"""Messages leave in order, and a STATE never before its records."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from singer_sdk.singerlib import RecordMessage, StateMessage

from tap_servicetitan.output.writer import MessageWriter

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_records_wait_for_the_state_that_covers_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "stdout"
    with path.open("w") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        writer = MessageWriter()
        writer.write_message(RecordMessage(stream="x", record={"id": 1}))
        writer.write_lines(b'{"type":"RECORD"}\n')
        assert path.read_bytes() == b""
        writer.write_message(StateMessage(value={"bookmarks": {}}))
        assert path.read_bytes().splitlines() == [
            b'{"type":"RECORD","stream":"x","record":{"id":1}}',
            b'{"type":"RECORD"}',
            b'{"type":"STATE","value":{"bookmarks":{}}}',
        ]


def test_numbers_are_exact() -> None:
    record = {"money": Decimal("1.10"), "large": 2**80, "small": Decimal("1E-7")}
    line = MessageWriter().serialize_message(RecordMessage(stream="x", record=record))
    assert b'"money":1.10,"large":1208925819614629174706176,"small":1E-7' in line
