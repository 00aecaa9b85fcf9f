"""Records go into a table by three ways, and the values that arrive are the same.

A block of records goes through native code, record by record when one of it does not fit, and through Python objects
when a stream map is to change them.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from support.singer import INTEGER, TIMESTAMP, activate, record, schema
from support.target.model import encoded
from support.target.scenarios import COLUMNS
from target_bigquery_softdelete.records.block_converter import BlockConverter

if TYPE_CHECKING:
    import pytest

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

NUMBER: dict[str, Any] = {"type": ["number", "null"]}
SHAPES: dict[str, Any] = {
    **{name: shape for name, (shape, _) in COLUMNS.items()},
    "big": {"type": ["number", "null"], "multipleOf": 1e-18},
    "when": TIMESTAMP,
    "clock": {"type": ["string", "null"], "format": "time"},
    "anything": {},
    "either": {"type": ["integer", "string", "null"]},
    "rows": {
        "type": ["array", "null"],
        "items": {"type": "object", "properties": {"at": TIMESTAMP, "cost": COLUMNS["price"][0], "tags": {}}},
    },
    "tree": {
        "type": ["object", "null"],
        "properties": {"leaf": NUMBER, "branch": {"type": "object", "properties": {"leaves": COLUMNS["tags"][0]}}},
    },
}
"""Columns of every kind, by name."""

NATIVE: list[dict[str, Any]] = [
    {"t": "line\nbreak\r\u2028 \N{GRINNING FACE} \\ \0 é", "anything": "5", "either": 5, "rows": [], "tree": {}},
    {"t": "", "anything": Decimal("1.10"), "either": "5", "rows": [{}], "tree": {"branch": {}}},
    {"when": "0001-01-01T00:00:00", "clock": "23:59:59.999999", "s": -(2**63), "anything": 0},
    {"when": None, "h": 5, "price": Decimal("-0.000000001"), "big": Decimal("0.123456789012345678")},
    {"rows": [{"at": "2024-01-01T00:00:00.5Z", "cost": Decimal("1.5"), "tags": [1]}, {"tags": "x"}], "tags": []},
    {"tree": {"leaf": Decimal("0.1"), "branch": {"leaves": ["a", ""]}}, "group": None, "item_1": {'k.e"y': None}},
]
"""Records that are easily misread, and that native code reads."""

BY_ROW: list[dict[str, Any]] = [
    {"when": "2024-02-29T23:59:60+05:30", "clock": "00:00:00", "s": "12", "anything": False},
    {"when": "9999-12-31T23:59:59.9999999Z", "h": 1e-300, "price": "1e2", "anything": {"b": 1, "a": [None, {}]}},
    {"when": "2024-05-01", "select": "2024-05-01T00:00:00Z", "end": "true", "either": True, "unknown": [1]},
]
"""Records that native code leaves to the conversion record by record."""


def test_every_way_brings_the_same_values(
    target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_row = record_by_row(monkeypatch)
    streams = {"native": [*usual(150), *NATIVE], "awkward": [*usual(20), *NATIVE, *BY_ROW]}
    start = [schema(stream, {"id": INTEGER, **SHAPES}) for stream in streams]
    rows = [
        message
        for stream, values in streams.items()
        for message in [
            *(record(stream, {"id": n, **fields}, 1) for n, fields in enumerate(values)),
            activate(stream, 1),
        ]
    ]
    # Each block gets a record that does not fit, so that none of them goes through native code.
    broken = [record(stream, {"id": 1000, "s": "many"}, 1) for stream in streams]
    maps = {stream: {"how": "'mapped'"} for stream in streams}

    fast = target(*encoded([*start, *rows]), dataset="fast")
    assert by_row == {"awkward"}
    single = target(*encoded([*start, *broken, *rows]), dataset="single", on_invalid_record="quarantine")
    assert by_row == {"awkward", "native"}
    mapped = target(*encoded([*start, *rows]), dataset="mapped", stream_maps=maps)

    assert [run.code for run in (fast, single, mapped)] == [0, 0, 0], fast.log + single.log + mapped.log
    for stream, values in streams.items():
        found = table(project, "mapped", stream)
        assert {row.pop("how") for row in found} == {"mapped"}
        assert len(found) == len(values)
        assert found == table(project, "fast", stream)
        assert found == table(project, "single", stream)


def usual(count: int) -> list[dict[str, Any]]:
    """Return records with values of every kind, and without some."""
    dice = random.Random(5)
    # Some of its numbers have exponents, which native code does not read where there are decimals.
    columns = {name: draw for name, (_, draw) in COLUMNS.items() if name != "h"}
    return [{name: draw(dice) for name, draw in columns.items() if dice.random() < 0.9} for _ in range(count)]


def record_by_row(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return a set that collects the names of streams with blocks that are converted record by record."""
    streams: set[str] = set()
    convert = BlockConverter.convert_by_record

    def convert_by_record(self: BlockConverter, *args: Any) -> Any:  # noqa: ANN401 - those of the method
        streams.add(self._stream)
        return convert(self, *args)

    monkeypatch.setattr(BlockConverter, "convert_by_record", convert_by_record)
    return streams


def table(project: Project, dataset: str, stream: str) -> list[dict[str, Any]]:
    """Return the rows of a table without the time when they were written."""
    return project.query(f"SELECT * EXCEPT (_etl_synced) FROM `{project.name}.{dataset}.{stream}` ORDER BY id")
