"""Records are split into pieces of a size."""

from __future__ import annotations

import msgspec

from tap_servicetitan.output.batch_messages import split_records


def test_pieces_are_as_large_as_they_may_be_and_lose_nothing() -> None:
    records = [msgspec.Raw(b"x" * size) for size in (11, 4, 6, 1, 10, 11, 1, 1, 10)]
    assert [[len(bytes(record)) for record in piece] for piece in split_records(records, 10)] == [
        [11],
        [4, 6],
        [1],
        [10],
        [11],
        [1, 1],
        [10],
    ]
    assert list(split_records([], 10)) == []
