"""Cells of a report that are not of the type that its description promises. Pure.

The real API sends `"45.5%"` or an empty text in columns of numbers, and dates as a person writes them. Such a cell must
not fail its report, and must not be lost: the column is null in that row, and a second column keeps the text.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.exact_numbers import fits_exactly
from tap_servicetitan.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json = dict[str, Any]

TEXT_SUFFIX = "__text"
"""What the name of the column that keeps the texts ends in, after the name of the column that they were in."""

TEXT_SCHEMA: Mapping[str, object] = {"type": ["string", "null"]}
"""JSON Schema of that column."""

PERCENT, THOUSANDS = "percent", "thousands"
"""The ways to write numbers that the setting `formats` knows. Anything else is a pattern of a date."""

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
"""A number as JSON writes it: a text like `007` is rather a name."""
_GROUPED = re.compile(r"-?\d{1,3}(?:,\d{3})*(?:\.\d+)?")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?Z?")


def is_typed(schema: Json) -> bool:
    """Return whether a column promises anything that a cell can break: it is no text, and not any JSON."""
    return _kind(schema) is not None


def text_column(name: str) -> str:
    """Return the name of the column that keeps the texts of a column."""
    return f"{name}{TEXT_SUFFIX}"


def check_format(report: str, column: str, text: str) -> None:
    """Check an entry of the setting `formats`.

    Raises:
        PluginError: If it is neither a known word nor a pattern of a date.
    """
    if text in {PERCENT, THOUSANDS}:
        return
    day = dt.datetime(2001, 2, 3)  # noqa: DTZ001 - a day, wherever the company is
    try:
        known = dt.datetime.strptime(day.strftime(text), text) == day  # noqa: DTZ007 - as above
    except ValueError:
        known = False
    if not known:
        raise PluginError(
            f"setting `reports`: the format of {column} in {report} is neither `{PERCENT}` nor `{THOUSANDS}` nor a "
            "pattern of a date such as `%m/%d/%Y`"
        )


_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class CellReader:
    """Reads the cells of one column."""

    def __init__(self, schema: Json, form: str | None) -> None:
        """Prepare to read.

        Args:
            schema: JSON Schema of the column, which `is_typed`.
            form: How its texts are written, by the setting `formats`; None if they are written as JSON writes them.
        """
        self._kind = _kind(schema) or ""
        self._fits = _FITTING[self._kind]
        self._rewrite = _rewriter(form) if form else None

    def read(self, cell: bytes) -> tuple[bytes, bytes | None]:
        """Return the value of a cell, and what is left to say about it as text, both as JSON.

        Args:
            cell: The cell as it came: JSON.
        """
        if cell == b"null":
            return cell, None
        value = _decode(cell)
        if not isinstance(value, str):
            return (cell, None) if self._fits(value) else (b"null", msgspec.json.encode(cell.decode()))
        plain = self._rewrite(value.strip()) if self._rewrite else None
        text = value if plain is None else plain
        if not self._fits(text):
            return b"null", cell
        return (text.encode() if self._kind == "number" else msgspec.json.encode(text)), None


def _rewriter(form: str) -> Callable[[str], str | None]:
    """Return a function that rewrites a text as JSON writes such a value, or returns None."""
    if form == PERCENT:
        return lambda text: text[:-1].strip() if text.endswith("%") else None
    if form == THOUSANDS:
        return lambda text: text.replace(",", "") if _GROUPED.fullmatch(text) else None

    def read_date(text: str) -> str | None:
        try:
            return dt.datetime.strptime(text, form).isoformat()  # noqa: DTZ007 - a day, wherever the company is
        except ValueError:
            return None

    return read_date


def _kind(schema: Json) -> str | None:
    kinds = schema.get("type", [])
    kind = next((one for one in ([kinds] if isinstance(kinds, str) else kinds) if one != "null"), None)
    return schema.get("format") if kind == "string" else kind


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return False
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return False
    return fits_exactly(value)


def _is_moment(value: object) -> bool:
    if not isinstance(value, str) or "-" not in value[:5]:
        return False
    try:
        dt.datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


_FITTING: Mapping[str, Callable[[object], bool]] = {
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "date-time": _is_moment,
    "time": lambda value: isinstance(value, str) and bool(_TIME.fullmatch(value)),
}
