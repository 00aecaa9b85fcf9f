"""Turns a report's rows, which are arrays, into records. Values stay the bytes that they came as. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_servicetitan.api.pages import ListPage, decode_body
from tap_servicetitan.errors import StreamError
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.reports.cells import text_column
from tap_servicetitan.reports.config import REPORT_DATE, REPORT_POSITION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from tap_servicetitan.api.pages import Key
    from tap_servicetitan.reports.cells import CellReader
    from tap_servicetitan.reports.config import Report


class _Field(msgspec.Struct):
    name: str


class RunPage(msgspec.Struct, rename="camel"):
    """A page of a report run."""

    data: list[list[msgspec.Raw]]
    fields: list[_Field]
    has_more: bool
    total_count: int | None = None

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [field.name for field in self.fields]


_decode = msgspec.json.Decoder(RunPage).decode
_encode = msgspec.json.Encoder().encode


def decode_run_page(body: bytes) -> RunPage:
    """Decode a page of a run. Raises msgspec.DecodeError if the body is not JSON."""
    return decode_body(body, _decode)


def to_list_page(
    report: Report, page: RunPage, day: date | None, first: int, readers: Mapping[str, CellReader]
) -> ListPage:
    """Return a page of a run as a page of records.

    Args:
        report: The report.
        page: The page of the run.
        day: The day that the report was run for, if it has a date range.
        first: How many rows of this run came before the page.
        readers: Readers of the columns that may hold what does not fit, by name.

    Raises:
        StreamError: If a row lacks a column, or the rows lack the key.
    """
    names = page.names
    if lost := [name for name in report.key if name not in {*names, *report.own_fields}]:
        raise StreamError(f"the report no longer has the key field {', '.join(lost)}: set another `key`")
    if any(len(row) != len(names) for row in page.data):
        raise StreamError(f"a row of the report does not have one value for each of its {len(names)} fields")
    columns = [_Column(name, readers.get(name)) for name in names]
    own = list(_own_values(report, day, first, len(page.data)))
    now = utc_now()
    return ListPage(
        records=[_record(before, columns, row) for before, row in zip(own, page.data, strict=True)],
        keys=_keys(report, names, page.data, first),
        newest=None,
        has_more=page.has_more,
        total_count=page.total_count,
        extracted_at=now,
        sent=now,
    )


def _own_values(report: Report, day: date | None, first: int, rows: int) -> Iterator[list[bytes]]:
    dated = [b'"%b":"%b"' % (REPORT_DATE.encode(), str(day).encode())] if report.date_range else []
    for number in range(first, first + rows):
        yield dated if report.key else [*dated, b'"%b":%d' % (REPORT_POSITION.encode(), number)]


class _Column:
    """A column of a run: what comes before each value in a record."""

    def __init__(self, name: str, reader: CellReader | None) -> None:
        self._head = _encode(name) + b":"
        self._text_head = _encode(text_column(name)) + b":"
        self._reader = reader

    def fields(self, cell: bytes) -> Iterator[bytes]:
        """Yield the fields of a record that a cell makes."""
        if self._reader is None:
            yield self._head + cell
            return
        value, text = self._reader.read(cell)
        yield self._head + value
        if text is not None:
            yield self._text_head + text


def _record(before: Sequence[bytes], columns: Sequence[_Column], row: Sequence[msgspec.Raw]) -> msgspec.Raw:
    fields = (field for column, cell in zip(columns, row, strict=True) for field in column.fields(bytes(cell)))
    return msgspec.Raw(b"{" + b",".join([*before, *fields]) + b"}")


def _keys(report: Report, names: Sequence[str], rows: Sequence[Sequence[msgspec.Raw]], first: int) -> Sequence[Key]:
    """Return the key of each row within its run: its position, or the text of its key fields."""
    indexes = [names.index(name) for name in report.key if name in names]
    if not indexes:
        return range(first, first + len(rows))
    return [tuple(bytes(row[index]).decode() for index in indexes) for row in rows]
