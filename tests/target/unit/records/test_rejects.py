"""Only the latest version of a key decides whether its entry is open."""

from __future__ import annotations

import json

import pytest

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.records.block_converter import BlockConverter
from target_bigquery_softdelete.records.rejects import LONGEST_RECORD, Rejects
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns

DAY, ID, NAME = Column("Day", "day", Kind.DATE), Column("id", "id", Kind.NUMERIC), Column("name", "name", Kind.STRING)
COLUMNS = TableColumns((DAY, ID, NAME), ("id", "day"))


def take(rejects: Rejects, *records: tuple[object, object], columns: TableColumns = COLUMNS) -> list[str]:
    """Add a block of records: each an id and a name. A list fits neither column."""
    block = b"".join(
        json.dumps({"id": number, "Day": "2024-05-01", "name": name}).encode() + b"\n" for number, name in records
    )
    return rejects.add_block(BlockConverter(columns, "jobs", rejects=True).convert(block, 0), columns)


def key(number: object) -> str:
    return json.dumps({"Day": "2024-05-01", "id": number}, separators=(",", ":"))


Record = tuple[object, object]
BAD: Record = (1, [])
GOOD: Record = (1, "good")
SAME: Record = ("1.0", [])


@pytest.mark.parametrize(
    ("blocks", "still_open"),
    [
        ([[BAD]], [True]),
        ([[BAD, GOOD]], [False]),
        ([[GOOD, BAD]], [True]),
        ([[(2, "x"), GOOD, BAD, (3, "x")], [(2, "x")]], [True]),
        ([[BAD], [GOOD]], [False]),
        ([[GOOD], [BAD]], [True]),
        ([[BAD], [BAD]], [False, True]),
        ([[BAD, SAME]], [False, True]),
        ([[BAD, GOOD, SAME]], [False, True]),
        ([[BAD, SAME, GOOD]], [False, False]),
    ],
)
def test_the_last_version_of_a_key_decides(blocks: list[list[Record]], still_open: list[bool]) -> None:
    rejects = Rejects("jobs", 10)
    for block in blocks:
        take(rejects, *block)
    entries, _ = rejects.flush()
    assert [entry.open for entry in entries] == still_open
    assert rejects.flush() == ([], [])


def test_entries_of_earlier_runs_are_closed_by_good_and_by_bad_versions() -> None:
    rejects = Rejects("jobs", 10, [key(1), key(2), key(3), '{"id":1}', "no key"])
    take(rejects, (4, "x"), GOOD)
    take(rejects, (2, []))
    entries, settled = rejects.flush()
    assert settled == [key(1), key(2)]
    assert [(entry.record_key, entry.open) for entry in entries] == [(key(2), True)]

    take(rejects, (2, "x"))
    assert rejects.flush() == ([], [key(2)])


def test_the_readable_keys_of_rejected_records_are_returned() -> None:
    rejects = Rejects("jobs", 10)
    assert take(rejects, BAD, (7, "x"), (None, "x"), ("x", "y"), (10**40, [])) == [key(1)]
    assert (rejects.count, rejects.unreadable_keys) == (4, 3)
    entries, _ = rejects.flush()
    assert [entry.record_key for entry in entries] == [key(1), None, None, None]
    assert "record id=1, Day=2024-05-01: `name` must be a string" in rejects.first_reason


def test_a_stream_without_a_key_has_nothing_to_wait_for() -> None:
    rejects = Rejects("jobs", 10, [key(1)])
    assert take(rejects, BAD, GOOD, columns=TableColumns(COLUMNS.columns, ())) == []
    entries, settled = rejects.flush()
    assert ([(entry.record_key, entry.open) for entry in entries], settled) == ([(None, True)], [])
    assert rejects.unreadable_keys == 0


def test_a_key_that_is_nan_cannot_be_read() -> None:
    rejects = Rejects("jobs", 10)
    columns = TableColumns((Column("id", "id", Kind.FLOAT64), NAME), ("id",))
    assert take(rejects, (float("nan"), "x"), (0.5, []), columns=columns) == ['{"id":0.5}']
    assert rejects.unreadable_keys == 1


def test_a_long_record_is_cut_off() -> None:
    rejects = Rejects("jobs", 10)
    take(rejects, (1, ["x" * LONGEST_RECORD]))
    assert len(rejects.flush()[0][0].record) == LONGEST_RECORD


def test_a_record_beyond_the_limit_is_an_error_without_its_value() -> None:
    rejects = Rejects("jobs", 2)
    take(rejects, BAD, BAD)
    with pytest.raises(PluginError, match=r"jobs: more than `max_rejected_records` \(2\) .* but is an array") as error:
        take(rejects, (1, ["private"]))
    assert "private" not in str(error.value)
