"""Makes records of a report's rows, which are arrays. Values stay the bytes they came as. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_servicetitan.api.pages import ListPage, decoded
from tap_servicetitan.errors import StreamError
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.reports.config import REPORT_DATE, REPORT_POSITION
from tap_servicetitan.transform.inject import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from tap_servicetitan.api.pages import Key
    from tap_servicetitan.reports.config import Report


class _Field(msgspec.Struct):
    name: str


class RunAnswer(msgspec.Struct, rename="camel"):
    """A page of a run."""

    data: list[list[msgspec.Raw]]
    fields: list[_Field]
    has_more: bool
    total_count: int | None = None

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [field.name for field in self.fields]


_decode = msgspec.json.Decoder(RunAnswer).decode
_encode = msgspec.json.Encoder().encode


def read_answer(body: bytes) -> RunAnswer:
    """Return the page of a run that a body holds. Raises msgspec.DecodeError for what is not JSON."""
    return decoded(body, _decode)


def page_of(report: Report, answer: RunAnswer, day: date | None, first: int) -> ListPage:
    """Return a page of a run as records.

    Args:
        report: The report.
        answer: The page.
        day: The day that it was run for, if it is run for days.
        first: How many rows came before it in this run.

    Raises:
        StreamError: If a row lacks a column, or the rows lack the key.
    """
    names = answer.names
    if lost := [name for name in report.key if name not in {*names, *report.own_fields}]:
        raise StreamError(f"the report has no field {', '.join(lost)} any more, which is its key: set another `key`")
    if any(len(row) != len(names) for row in answer.data):
        raise StreamError(f"a row of the report does not have {len(names)} values, as many as it has fields")
    heads = [_encode(name) + b":" for name in names]
    own = list(_own_values(report, day, first, len(answer.data)))
    return ListPage(
        records=[_record(before, heads, row) for before, row in zip(own, answer.data, strict=True)],
        keys=_keys(report, names, answer.data, first),
        newest=None,
        has_more=answer.has_more,
        total_count=answer.total_count,
        extracted_at=utc_now(),
    )


def _own_values(report: Report, day: date | None, first: int, rows: int) -> Iterator[list[bytes]]:
    dated = [b'"%b":"%b"' % (REPORT_DATE.encode(), str(day).encode())] if report.date_range else []
    for number in range(first, first + rows):
        yield dated if report.key else [*dated, b'"%b":%d' % (REPORT_POSITION.encode(), number)]


def _record(before: Sequence[bytes], heads: Sequence[bytes], row: Sequence[msgspec.Raw]) -> msgspec.Raw:
    values = [head + bytes(value) for head, value in zip(heads, row, strict=True)]
    return msgspec.Raw(b"{" + b",".join([*before, *values]) + b"}")


def _keys(report: Report, names: Sequence[str], rows: Sequence[Sequence[msgspec.Raw]], first: int) -> Sequence[Key]:
    """Return what identifies each row within its run: its place, or the text of its key."""
    places = [names.index(name) for name in report.key if name in names]
    if not places:
        return range(first, first + len(rows))
    return [tuple(bytes(row[place]).decode() for place in places) for row in rows]


def vanished(day: date, rows: int, before: int) -> ListPage:
    """Return deletion records for the rows that a day had when it was last read, and has no more.

    Args:
        day: The day.
        rows: How many rows it has now.
        before: How many it had.
    """
    now = utc_now()
    gone = range(rows, before)
    records = [_encode({REPORT_DATE: str(day), REPORT_POSITION: number, DELETED_AT: now}) for number in gone]
    return ListPage(
        records=list(map(msgspec.Raw, records)),
        keys=gone,
        newest=None,
        has_more=False,
        total_count=None,
        extracted_at=now,
    )
