"""Settings that are more than one value: delete limits, partitions, what to do about another run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_bigquery_softdelete.schema.columns import Column

OnConcurrentRun = Literal["refuse", "wait", "allow"]
"""What a run does when another run is writing into the same dataset."""

LABEL = r"[a-z0-9_-]{1,63}"
"""What BigQuery allows as the value of a label, without the letters of other scripts."""

LABEL_FORM = "at most 63 lower-case letters, digits, `_` and `-`"
"""The same in words."""

_MOST_PARTITIONS = 10_000

PARTITION_UNITS = {
    Kind.TIMESTAMP: ("HOUR", "DAY", "MONTH", "YEAR"),
    Kind.DATE: ("DAY", "MONTH", "YEAR"),
}
"""Units of time by which BigQuery partitions, by the type of the column."""

_PARTITION_BY = re.compile(
    r"(?P<column>\w+)(?::(?P<unit>hour|day|month|year)|:(?P<start>\d+):(?P<end>\d+):(?P<step>\d+))?", re.IGNORECASE
)


@dataclass(frozen=True)
class DeleteLimits:
    """How much one run may mark deleted. It is refused if it exceeds both limits, alone or with the runs before it."""

    fraction: float
    """Share of the live rows of a table, 0 to 1 (setting `max_delete_fraction`)."""
    rows: int
    """Rows of a table (setting `max_delete_rows`)."""
    lifted: bool = False
    """Whether the limits do not apply to this run (settings `allow_mass_delete` and
    `allow_mass_delete_streams`)."""
    days: int = 14
    """Days of which the marks count together (setting `max_delete_days`). With 0 each run is judged alone."""


@dataclass(frozen=True)
class PartitionBy:
    """The column by which a table is partitioned, and the size of a partition."""

    column: str
    unit: str = "DAY"
    integers: tuple[int, int, int] | None = None
    """First value, value after the last, and step, where the column holds integers."""

    @classmethod
    def parse(cls, stream: str, text: str) -> PartitionBy:
        """Read the setting of a stream: `column`, `column:month` or `column:0:1000000:1000`.

        Raises:
            PluginError: If the text is none of these.
        """
        found = _PARTITION_BY.fullmatch(text)
        if not found:
            raise PluginError(
                f"setting `partition_by`: `{text}`, for the stream `{stream}`, is neither a column, nor a column and a "
                "unit as in `created_on:month`, nor a column and a range as in `id:0:1000000:1000`."
            )
        if found["start"] is None:
            return cls(found["column"], (found["unit"] or "DAY").upper())
        start, end, step = (int(found[part]) for part in ("start", "end", "step"))
        if not step or not 0 < (end - start) / step <= _MOST_PARTITIONS:
            raise PluginError(
                f"setting `partition_by`: `{text}`, for the stream `{stream}`, does not make 1 to {_MOST_PARTITIONS} "
                "partitions."
            )
        return cls(found["column"], integers=(start, end, step))

    def check(self, columns: Sequence[Column], stream: str) -> None:
        """Check that a stream has the column, and that BigQuery can partition by it.

        Raises:
            PluginError: If it cannot.
        """
        column = next((column for column in columns if column.name == self.column), None)
        if column is None:
            raise PluginError(f"setting `partition_by`: the stream `{stream}` has no column `{self.column}`.")
        units = () if column.repeated else PARTITION_UNITS.get(column.kind, ())
        fits = column.kind is Kind.INT64 and not column.repeated if self.integers else self.unit in units
        if not fits:
            wanted = "a range" if self.integers else f"the unit {self.unit}"
            raise PluginError(
                f"setting `partition_by`: the column `{self.column}` of the stream `{stream}` is {column.sql_type}, "
                f"which BigQuery does not partition by {wanted}. It takes TIMESTAMP, DATE, or INT64 with a range."
            )
