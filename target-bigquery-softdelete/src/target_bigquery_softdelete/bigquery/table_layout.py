"""How a new table is laid out: partitions, clusters, its key, and what it says of itself. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.cloud.bigquery import PartitionRange, RangePartitioning, TimePartitioning
from google.cloud.bigquery.table import PrimaryKey, TableConstraints

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.cloud.bigquery import Table

    from target_bigquery_softdelete.schema.columns import Column, TableColumns

_CLUSTERABLE = {Kind.INT64, Kind.STRING, Kind.BOOL, Kind.DATE, Kind.TIMESTAMP, Kind.NUMERIC, Kind.BIGNUMERIC}
"""Types by which BigQuery clusters, and which it takes in a primary key."""
_MOST_CLUSTERING_COLUMNS = 4
_MOST_KEY_COLUMNS = 16
_MOST_PARTITIONS = 10_000

_UNITS = {
    Kind.TIMESTAMP: ("HOUR", "DAY", "MONTH", "YEAR"),
    Kind.DATE: ("DAY", "MONTH", "YEAR"),
}
_PARTITION_BY = re.compile(
    r"(?P<column>\w+)(?::(?P<unit>hour|day|month|year)|:(?P<start>\d+):(?P<end>\d+):(?P<step>\d+))?", re.IGNORECASE
)


@dataclass(frozen=True)
class PartitionBy:
    """By which column a table is partitioned, and how finely."""

    column: str
    unit: str = "DAY"
    integers: tuple[int, int, int] | None = None
    """First value, value after the last, and step, where the column holds integers."""

    @classmethod
    def parse(cls, stream: str, text: str) -> PartitionBy:
        """Read the setting of a stream: `column`, `column:month` or `column:0:1000000:1000`.

        Raises:
            PluginError: If it is none of them.
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
        """Check that a stream has a column that can be partitioned by.

        Raises:
            PluginError: If it does not.
        """
        column = next((one for one in columns if one.name == self.column), None)
        if column is None:
            raise PluginError(f"setting `partition_by`: the stream `{stream}` has no column `{self.column}`.")
        units = () if column.repeated else _UNITS.get(column.kind, ())
        fits = column.kind is Kind.INT64 and not column.repeated if self.integers else self.unit in units
        if not fits:
            wanted = "a range" if self.integers else f"the unit {self.unit}"
            raise PluginError(
                f"setting `partition_by`: the column `{self.column}` of the stream `{stream}` is {column.sql_type}, "
                f"which BigQuery does not partition by {wanted}. It takes TIMESTAMP, DATE, or INT64 with a range."
            )


@dataclass(frozen=True)
class Layout:
    """What a new table has besides its columns."""

    clustering: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    partition_by: PartitionBy | None = None
    require_partition_filter: bool = False
    description: str = ""

    def apply(self, table: Table) -> None:
        """Give it to a table that is about to be created."""
        if self.description:
            table.description = self.description
        if self.clustering:
            table.clustering_fields = list(self.clustering)
        if self.primary_key:
            # BigQuery does not enforce it. It may rely on it, and the MERGE keeps it true.
            table.table_constraints = TableConstraints(PrimaryKey(columns=list(self.primary_key)), None)
        if self.partition_by:
            self._partition(table, self.partition_by)

    def _partition(self, table: Table, by: PartitionBy) -> None:
        table.require_partition_filter = self.require_partition_filter
        if by.integers:
            table.range_partitioning = RangePartitioning(PartitionRange(*by.integers), by.column)
        else:
            table.time_partitioning = TimePartitioning(by.unit, by.column)


def layout_of(
    columns: TableColumns, *, description: str, partition_by: PartitionBy | None, require_partition_filter: bool
) -> Layout:
    """Return the layout of the table of a stream."""
    key = columns.key_columns()
    declarable = len(key) <= _MOST_KEY_COLUMNS and all(one.kind in _CLUSTERABLE for one in key)
    return Layout(
        clustering=tuple(clustering(key)),
        primary_key=tuple(one.name for one in key) if declarable else (),
        partition_by=partition_by,
        require_partition_filter=require_partition_filter,
        description=description,
    )


def partitionable(key: Sequence[Column]) -> list[str]:
    """Return the columns of a key that a table may be partitioned by."""
    return [one.name for one in key if not one.repeated and (one.kind is Kind.INT64 or one.kind in _UNITS)]


def clustering(key: Sequence[Column]) -> list[str]:
    """Return the columns that a new table is clustered by: those of its key, as far as BigQuery can."""
    return [column.name for column in key if column.kind in _CLUSTERABLE][:_MOST_CLUSTERING_COLUMNS]
