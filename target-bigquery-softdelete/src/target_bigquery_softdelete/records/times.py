"""Converts JSON values to dates and times: TIMESTAMP, DATE and TIME. Pure functions."""

from __future__ import annotations

import datetime as dt
import re

from target_bigquery_softdelete.errors import InvalidValueError

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?)?"
    r"\s*(?:([Zz])|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)
_TIME = re.compile(
    r"(\d\d|\d(?=:))(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?(?:[Zz]|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)
_DAY = dt.timedelta(days=1)


def to_timestamp(value: object, place: str) -> dt.datetime:
    """Return a JSON value as a TIMESTAMP. A time without an offset is UTC.

    Raises:
        InvalidValueError: If it is not a date and time.
    """
    expected = "a date and time (ISO 8601, year 1 to 9999)"
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise InvalidValueError(place, expected, value)
    year, month, day, hour, minute, second, fraction, _, sign, offset_hours, offset_minutes = match.groups()
    offset = dt.timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    try:
        midnight = dt.datetime(int(year), int(month), int(day), tzinfo=dt.UTC)
        moment = midnight + _time_of_day(hour, minute, second, fraction)
        return moment + offset if sign == "-" else moment - offset
    except (ValueError, OverflowError):
        raise InvalidValueError(place, expected, value) from None


def to_date(value: object, place: str) -> dt.date:
    """Return a JSON value as a DATE.

    Raises:
        InvalidValueError: If it is not a date, or has a time of day other than midnight.
    """
    moment = to_timestamp(value, place)
    if moment.time() != dt.time():
        raise InvalidValueError(place, "a date", value)
    return moment.date()


def to_time(value: object, place: str) -> dt.time:
    """Return a JSON value as a TIME. One with an offset is converted to UTC, whatever the day.

    Raises:
        InvalidValueError: If it is not a time of day.
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise InvalidValueError(place, "a time of day", value)
    hour, minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    try:
        since_midnight = _time_of_day(hour, minute, second, fraction)
    except ValueError:
        since_midnight = _DAY
    if since_midnight >= _DAY:
        raise InvalidValueError(place, "a time of day", value)
    offset = dt.timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    in_utc = (since_midnight + offset if sign == "-" else since_midnight - offset) % _DAY
    return (dt.datetime.combine(dt.date.min, dt.time()) + in_utc).time()


def _time_of_day(hour: str | None, minute: str | None, second: str | None, fraction: str | None) -> dt.timedelta:
    """Return the time since midnight. 24:00:00 is the next midnight, and a leap second is the next second.

    Raises:
        ValueError: If it is not a time.
    """
    parts = (int(hour or 0), int(minute or 0), int(second or 0))
    if not (parts <= (24, 0, 0) and parts[1] < 60 and parts[2] <= 60):  # noqa: PLR2004 - hours, minutes, seconds
        raise ValueError(parts)
    # BigQuery stores microseconds. Further digits are cut, as its own functions do.
    microseconds = int((fraction or "").ljust(6, "0")[:6])
    return dt.timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2], microseconds=microseconds)
