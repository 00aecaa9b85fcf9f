"""The rows of a table that the ranges cover which a tap has read in a run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.cloud.bigquery import ScalarQueryParameter

from target_bigquery_softdelete.schema.columns import Kind
from target_bigquery_softdelete.sql.ranges import RowRanges, bound_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_bigquery_softdelete.schema.columns import Column, TableColumns
    from target_bigquery_softdelete.singer.swept_ranges import SweptRanges

_KINDS = {int: Kind.INT64, str: Kind.STRING, dt.datetime: Kind.TIMESTAMP}
"""The type of the column by that of the bounds. Another one might have another order than the source."""


@dataclass(frozen=True)
class SweptRows:
    """The rows, for statements."""

    ranges: RowRanges
    parameters: tuple[ScalarQueryParameter, ...]
    """The bounds."""
    doubt: Callable[[str], None] = lambda _: None
    """Called with the reason if the table turns out not to have the values by which the tap has read."""


def find_swept_rows(
    swept: SweptRanges, columns: TableColumns, in_table: Mapping[str, Column], doubt: Callable[[str], None]
) -> SweptRows | str:
    """Return the rows that are in the ranges, or why the table does not tell them.

    Args:
        swept: The ranges.
        columns: The columns of the stream.
        in_table: The same, by name, as the table has them.
        doubt: See `SweptRows`.
    """
    column = next((column for column in columns.columns if column.source == swept.source), None)
    has = in_table.get(column.name) if column else None
    if column is None or has is None:
        return f"it has no column for `{swept.source}`, by which the tap has read the stream in parts"
    kinds = {_KINDS[type(bound)] for bounds in swept.ranges for bound in bounds if bound is not None}
    if has.repeated or has.foreign or column.kind is not has.kind or kinds - {has.kind}:
        return (
            f"the column `{column.name}`, by which the tap has read the stream in parts, is {has.sql_type}, "
            f"and not {' or '.join(sorted(kinds or _KINDS.values()))}"
        )
    parameters = [
        ScalarQueryParameter(bound_name(number, is_upper=is_upper), str(has.kind), bound)
        for number, bounds in enumerate(swept.ranges)
        for is_upper, bound in zip((False, True), bounds, strict=True)
        if bound is not None
    ]
    bounded = tuple((low is not None, high is not None) for low, high in swept.ranges)
    return SweptRows(RowRanges(column.name, bounded, swept.are_times), tuple(parameters), doubt)
