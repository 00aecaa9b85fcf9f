"""The layout of a new table: partitions, clustering, primary key, description. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.cloud.bigquery import PartitionRange, RangePartitioning, TimePartitioning
from google.cloud.bigquery.table import PrimaryKey, TableConstraints

from target_bigquery_softdelete.config.options import PARTITION_UNITS
from target_bigquery_softdelete.schema.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.cloud.bigquery import Table

    from target_bigquery_softdelete.config.options import PartitionBy
    from target_bigquery_softdelete.schema.columns import Column, TableColumns

_CLUSTERABLE = {Kind.INT64, Kind.STRING, Kind.BOOL, Kind.DATE, Kind.TIMESTAMP, Kind.NUMERIC, Kind.BIGNUMERIC}
"""Types that BigQuery accepts for clustering and in a primary key."""
_MOST_CLUSTERING_COLUMNS = 4
_MOST_KEY_COLUMNS = 16


@dataclass(frozen=True)
class Layout:
    """All of a new table except its columns."""

    clustering: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    partition_by: PartitionBy | None = None
    require_partition_filter: bool = False
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels in addition to those of the settings."""

    def apply(self, table: Table) -> None:
        """Apply the layout to a table that is about to be created."""
        if self.description:
            table.description = self.description
        table.labels = {**table.labels, **self.labels}
        if self.clustering:
            table.clustering_fields = list(self.clustering)
        if self.primary_key:
            # BigQuery does not enforce it but may rely on it. The MERGE keeps it true.
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
    return Layout(
        clustering=tuple(clustering(key)),
        primary_key=primary_key(key),
        partition_by=partition_by,
        require_partition_filter=require_partition_filter,
        description=description,
    )


def partitionable(key: Sequence[Column]) -> list[str]:
    """Return the columns of a key that a table may be partitioned by."""
    return [
        column.name
        for column in key
        if not column.repeated and (column.kind is Kind.INT64 or column.kind in PARTITION_UNITS)
    ]


def primary_key(key: Sequence[Column]) -> tuple[str, ...]:
    """Return the columns of the primary key that a table can declare; none if BigQuery does not allow one of them."""
    declarable = len(key) <= _MOST_KEY_COLUMNS and all(map(clusterable, key))
    return tuple(column.name for column in key) if declarable else ()


def clusterable(column: Column) -> bool:
    """Return whether a table can be clustered by a column, or have it in its primary key."""
    return column.kind in _CLUSTERABLE


def clustering(key: Sequence[Column]) -> list[str]:
    """Return the columns by which a new table is clustered: those of its key, as far as BigQuery allows."""
    return [column.name for column in key if clusterable(column)][:_MOST_CLUSTERING_COLUMNS]
