"""The staged rows that a statement reads, and the conditions that several statements share. Pure functions.

Aliases: `_etl_t` is the target table, `_etl_s` the staged rows. No column of a stream has such a name, and an alias
that is named like a column would hide it: `SET t = s.t` sets, with an alias `t`, the whole row.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_bigquery_softdelete.schema.system_columns import DELETED, OPERATION, PRESENT_ONLY, SYNCED
from target_bigquery_softdelete.sql.identifiers import quote_column
from target_bigquery_softdelete.sql.inline import inline_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_bigquery_softdelete.schema.columns import Column, TableColumns
    from target_bigquery_softdelete.sql.identifiers import TableId

OPERATION_SQL, SYNCED_SQL, DELETED_SQL = quote_column(OPERATION), quote_column(SYNCED), quote_column(DELETED)

IS_LIVE = f"_etl_t.{OPERATION_SQL} IS DISTINCT FROM 'DELETE'"
"""Condition for a row of the table that is not marked deleted."""


@dataclass(frozen=True)
class Source:
    """The source of a statement: staged rows, and the types that they must take."""

    staging: TableId
    """The staging table, also of rows that the statement carries itself: then it does not exist."""
    columns: TableColumns
    """The columns of the stream, as staged."""
    table_columns: Mapping[str, Column]
    """The same columns, by name, as the target table has them. It may lack those that can only be NULL."""
    seen_key_tables: tuple[TableId, ...] = ()
    """Staging tables whose keys were seen earlier in this run and whose rows are already written."""
    inline: str | None = None
    """The rows, if the statement carries them itself: the parameter `rows`. There is no staging table then."""

    @property
    def written(self) -> tuple[Column, ...]:
        """The columns that are written: all but those that can only be NULL and that the table does not have."""
        return tuple(column for column in self.columns.columns if column.name in self.table_columns)

    @property
    def other_written(self) -> tuple[Column, ...]:
        """Those of them that are not part of the key."""
        return tuple(column for column in self.written if column.name not in self.columns.key)

    def wraps(self, name: str) -> bool:
        """Return whether the staged rows have a column in a STRUCT, which is NULL where no record has the property."""
        return self.columns.keeps_absent and name not in self.columns.key

    def staged(self, column: Column) -> str:
        """Return the expression for the value of a column in the staged rows: NULL also where it is absent."""
        name = quote_column(column.name, of="_etl_s")
        return f"{name}.value" if self.wraps(column.name) else name

    @property
    def rows_sql(self) -> str:
        """What a FROM clause names to read the staged rows."""
        return self.staging.quoted if self.inline is None else f"(\n{indent(inline_rows(self.columns))}\n)"


def is_writable(condition: str, source: Source) -> str:
    """Return a condition on a staged row, and that the row may be written."""
    return f"{condition}{and_not_present_only(source)}"


def and_not_present_only(source: Source) -> str:
    """Return the rest of a condition that leaves out rows of which only the key counts, if there are any."""
    return f" AND NOT _etl_s.{quote_column(PRESENT_ONLY)}" if source.seen_key_tables else ""


def filter_partitions(word: str, partition: str, within: str) -> str:
    """Return a filter by which BigQuery skips the partitions without staged keys, if these partitions are known.

    Args:
        word: What comes before the filter: ` AND ` or ` WHERE `.
        partition: The column that the table requires in a filter, if it requires one.
        within: The column of the key that the table is partitioned by, if the range of the staged values is known.
    """
    if within:
        return f"{word}{quote_column(within, of='_etl_t')} BETWEEN @first AND @last"
    return filter_nothing(word, partition)


def filter_nothing(word: str, partition: str, *, of: str = "_etl_t") -> str:
    """Return a filter by the partition column that every row passes.

    BigQuery may require such a filter for a table. The staged rows do not tell in which partition the row of a key is.

    Args:
        word: What comes before the filter: ` AND ` or ` WHERE `.
        partition: The column that the table requires in a filter, if it requires one.
        of: Alias of the table.
    """
    if not partition:
        return ""
    name = quote_column(partition, of=of)
    return f"{word}({name} IS NULL OR {name} IS NOT NULL)"


def indent(text: str, by: int = 2) -> str:
    """Indent each line of a part of a statement."""
    return textwrap.indent(text, " " * by)
