"""Decides whether a record says that its row is deleted. Pure."""

from __future__ import annotations

import datetime as dt
import decimal

from target_bigquery_softdelete.errors import InvalidValueError
from target_bigquery_softdelete.records.times import to_timestamp
from target_bigquery_softdelete.schema.system_columns import DELETED_AT

AFTER, BEFORE = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
"""Between these, both excluded, is the time of a deletion. Sources write the others for "no time": 0001-01-01 (.NET),
1970-01-01 (Unix) and 9999-12-31 (databases)."""

_NO_TIME = frozenset({"", "0", "false", "null", "none"})


def says_deleted(value: object) -> bool:
    """Return whether a value of `_sdc_deleted_at` says that the row is deleted: only a time does.

    Raises:
        InvalidValueError: If it is neither a time nor one of the ways to write that there is none. The row may be live
            or deleted, so the record is not used.
    """
    if value is None or value is False:
        return False
    if isinstance(value, (int, decimal.Decimal)) and not isinstance(value, bool) and not value:
        return False
    text = value.strip() if isinstance(value, str) else value
    if isinstance(text, str) and (text.lower() in _NO_TIME or text.startswith("0000-")):
        return False
    try:
        return AFTER < to_timestamp(text, DELETED_AT) < BEFORE
    except InvalidValueError:
        raise InvalidValueError(DELETED_AT, "a date and time, or null", value) from None
