"""Which values a column of dates or times accepts, and how they are converted."""

from __future__ import annotations

import datetime as dt

import pytest

from support.target.values import refuses, value_of
from target_bigquery_softdelete.schema.columns import Kind

UTC = dt.UTC


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-06T07:08:09Z", dt.datetime(2024, 5, 6, 7, 8, 9, 0, UTC)),
        ("2024-05-06T07:08:09", dt.datetime(2024, 5, 6, 7, 8, 9, 0, UTC)),
        ("2024-05-06 07:08", dt.datetime(2024, 5, 6, 7, 8, 0, 0, UTC)),
        ("2024-05-06", dt.datetime(2024, 5, 6, 0, 0, 0, 0, UTC)),
        ("2024-05-06T07:08:09.1", dt.datetime(2024, 5, 6, 7, 8, 9, 100000, UTC)),
        ("2024-05-06T07:08:09.12345Z", dt.datetime(2024, 5, 6, 7, 8, 9, 123450, UTC)),
        ("2024-05-06T07:08:09.9999999Z", dt.datetime(2024, 5, 6, 7, 8, 9, 999999, UTC)),
        ("2024-05-06T07:08:09.123456789Z", dt.datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)),
        ("2024-05-06T07:08:09+01:30", dt.datetime(2024, 5, 6, 5, 38, 9, 0, UTC)),
        ("2024-05-06T07:08:09-0700", dt.datetime(2024, 5, 6, 14, 8, 9, 0, UTC)),
        ("2024-05-06T07:08:09+01", dt.datetime(2024, 5, 6, 6, 8, 9, 0, UTC)),
        ("2024-12-31T23:59:60Z", dt.datetime(2025, 1, 1, 0, 0, 0, 0, UTC)),
        ("2024-05-06T24:00:00", dt.datetime(2024, 5, 7, 0, 0, 0, 0, UTC)),
        ("0001-01-01T00:00:00", dt.datetime(1, 1, 1, 0, 0, 0, 0, UTC)),
        ("9999-12-31T23:59:59.9999999", dt.datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
    ],
)
def test_a_timestamp_is_utc_with_microseconds(text: str, moment: dt.datetime) -> None:
    assert value_of(Kind.TIMESTAMP, f'"{text}"') == moment


@pytest.mark.parametrize(
    "text",
    [
        *('""', '"soon"', "1715000000", "true", '"2024-02-30"', '"2024-13-01"', '"2024-05-06T25:00:00"', '"20240506"'),
        *('"2024-05-06T24:00:01"', '"2024-05-06T07:60:00"', '"2024-05-06T07:08:61"', '"10000-01-01T00:00:00Z"'),
        *(
            '"0000-01-01T00:00:00Z"',
            '"0001-01-01T00:00:00+01:00"',
            '"9999-12-31T23:59:59-01:00"',
            '"9999-12-31T24:00:00"',
        ),
    ],
)
def test_a_timestamp_that_bigquery_does_not_have_is_refused(text: str) -> None:
    refuses(Kind.TIMESTAMP, text)


def test_a_date_may_have_the_time_midnight_but_no_other() -> None:
    assert value_of(Kind.DATE, '"2024-05-06"') == dt.date(2024, 5, 6)
    assert value_of(Kind.DATE, '"2024-05-06T00:00:00Z"') == dt.date(2024, 5, 6)
    refuses(Kind.DATE, '"2024-05-06T00:00:01Z"')


def test_a_time_is_a_time_of_day() -> None:
    assert value_of(Kind.TIME, '"07:08:09.1234567"') == dt.time(7, 8, 9, 123456)
    assert value_of(Kind.TIME, '"07:08"') == dt.time(7, 8)
    assert (
        value_of(Kind.TIME, '"7:08"') == value_of(Kind.TIME, '"7:08:00"') == dt.time(7, 8)
    )  # as MySQL's taps write it
    for text in ('"24:00:00"', '"23:59:60"', '"838:59:59"', '"7"', '"-1:00:00"', '"07:08+"', "7"):
        refuses(Kind.TIME, text)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        *(("07:08:09Z", dt.time(7, 8, 9)), ("07:08:09z", dt.time(7, 8, 9)), ("07:08:09+00:00", dt.time(7, 8, 9))),
        *(("08:00:01+02:00", dt.time(6, 0, 1)), ("08:00:01.5-0230", dt.time(10, 30, 1, 500000))),
        *(("01:00:00+02", dt.time(23, 0)), ("23:30:00-01:00", dt.time(0, 30)), ("8:00+08:00", dt.time(0, 0))),
    ],
)
def test_a_time_with_an_offset_is_converted_to_utc(text: str, time: dt.time) -> None:
    assert value_of(Kind.TIME, f'"{text}"') == time
