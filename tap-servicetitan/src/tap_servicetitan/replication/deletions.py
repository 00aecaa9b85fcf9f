"""Deletion records for records that only their position identifies. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_servicetitan.api.pages import ListPage
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.specs.spec import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Mapping

_encode = msgspec.json.Encoder().encode


def deletion_page(named: Mapping[str, str], position: str, rows: int, before: int) -> ListPage:
    """Return deletion records for the records that a list has lost since it was last read.

    Args:
        named: What names the list in its records.
        position: The field with the position of a record.
        rows: How many records the list has now.
        before: How many it had.
    """
    now = utc_now()
    gone = range(rows, before)
    records = [_encode({**named, position: number, DELETED_AT: now}) for number in gone]
    return ListPage(
        records=list(map(msgspec.Raw, records)),
        keys=gone,
        newest=None,
        has_more=False,
        total_count=None,
        extracted_at=now,
        sent=now,
    )
