"""Cells that are not of the type that the description of a report promises keep their text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.reports.cells import CellReader, check_format, is_typed

NUMBER = {"type": ["number", "null"], "format": "decimal"}
BOOLEAN = {"type": ["boolean", "null"]}
DATE = {"type": ["string", "null"], "format": "date-time"}
TIME = {"type": ["string", "null"], "format": "time"}

KEPT: list[tuple[dict[str, Any], bytes]] = [
    (NUMBER, b"null"),
    (NUMBER, b"1.50"),
    (NUMBER, b"-3e2"),
    (NUMBER, b"9007199254740993.000000000001"),
    (BOOLEAN, b"true"),
    (DATE, b'"2024-09-01T00:00:00-05:00"'),
    (DATE, b'"2024-09-01T00:00:00.1234567Z"'),
    (DATE, b'"0001-01-01T00:00:00"'),
    (TIME, b'"08:00:01"'),
]

MISFITS: list[tuple[dict[str, Any], bytes, str]] = [
    (NUMBER, b'"45.5%"', "45.5%"),
    (NUMBER, b'""', ""),
    (NUMBER, b'"1,234.50"', "1,234.50"),
    (NUMBER, b'"007"', "007"),
    (NUMBER, b'" 5"', " 5"),
    (NUMBER, b"true", "true"),
    (NUMBER, b'"1e400"', "1e400"),
    (NUMBER, b"[1.10]", "[1.10]"),
    (BOOLEAN, b'"Yes"', "Yes"),
    (BOOLEAN, b"1", "1"),
    (DATE, b'"09/01/2024"', "09/01/2024"),
    (DATE, b'"2024-13-01"', "2024-13-01"),
    (DATE, b"20240901", "20240901"),
    (TIME, b'"25:00"', "25:00"),
    (TIME, b'"8 am"', "8 am"),
    (TIME, b'{"a": 1.0}', '{"a": 1.0}'),
]


@pytest.mark.parametrize(("schema", "cell"), KEPT)
def test_a_cell_that_fits_stays_as_it_came(schema: dict[str, Any], cell: bytes) -> None:
    assert CellReader(schema, None).read(cell) == (cell, None)


@pytest.mark.parametrize(("schema", "cell", "text"), MISFITS)
def test_a_cell_that_does_not_fit_keeps_its_text(schema: dict[str, Any], cell: bytes, text: str) -> None:
    value, kept = CellReader(schema, None).read(cell)
    assert (value, json.loads(kept or b"null")) == (b"null", text)


def test_a_number_that_came_as_text_is_a_number() -> None:
    assert CellReader(NUMBER, None).read(b'"1.10"') == (b"1.10", None)


@pytest.mark.parametrize(
    ("schema", "form", "cell", "value"),
    [
        (NUMBER, "percent", b'"45.50%"', b"45.50"),
        (NUMBER, "percent", b'" 7 %"', b"7"),
        (NUMBER, "percent", b'"7"', b"7"),
        (NUMBER, "percent", b"7.0", b"7.0"),
        (NUMBER, "percent", b'"x%"', b"null"),
        (NUMBER, "thousands", b'"-1,234,567.80"', b"-1234567.80"),
        (NUMBER, "thousands", b'"1,23"', b"null"),
        (DATE, "%m/%d/%Y", b'"09/01/2024"', b'"2024-09-01T00:00:00"'),
        (DATE, "%m/%d/%Y", b'"2024-09-01"', b'"2024-09-01"'),
        (DATE, "%m/%d/%Y", b'"31/12/2024"', b"null"),
        (NUMBER, "%m/%d/%Y", b'"09/01/2024"', b"null"),
    ],
)
def test_a_format_that_is_set_is_read(schema: dict[str, Any], form: str, cell: bytes, value: bytes) -> None:
    found, text = CellReader(schema, form).read(cell)
    assert found == value
    assert (text is None) == (value != b"null")


@pytest.mark.parametrize("form", ["percent", "thousands", "%m/%d/%Y", "%d.%m.%y %H:%M"])
def test_a_format_that_is_known(form: str) -> None:
    check_format("r", "c", form)


@pytest.mark.parametrize("form", ["", "per cent", "%", "%Q", "%H:%M:%Z%", "%%"])
def test_a_format_that_is_none_is_refused(form: str) -> None:
    with pytest.raises(PluginError, match="the format of c in r is neither"):
        check_format("r", "c", form)


def test_texts_and_any_json_promise_nothing() -> None:
    assert not is_typed({"type": ["string", "null"]})
    assert not is_typed({})
    assert all(is_typed(schema) for schema in (NUMBER, BOOLEAN, DATE, TIME))
