"""Statements that write staged rows into a table, and the queries that count before. Pure functions that return text.

A statement that writes needs the parameters of :mod:`~target_bigquery_softdelete.sql.guards`, and `synced` TIMESTAMP.

Every name goes through :mod:`~target_bigquery_softdelete.sql.identifiers`; every value is a query parameter. No
statement is built from data.

Aliases: `_etl_t` is the target table, `_etl_s` the staged rows. No column of a stream has such a name, and an alias
that is named like a column would hide it: `SET t = s.t` sets, with an alias `t`, the whole row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.schema.system_columns import IN_RUN, IN_TABLE
from target_bigquery_softdelete.sql.expressions import comparable_value, updated_value
from target_bigquery_softdelete.sql.guards import IN_TIME, if_ours
from target_bigquery_softdelete.sql.identifiers import TableId, quote_column
from target_bigquery_softdelete.sql.source import (
    DELETED_SQL,
    IS_LIVE,
    OPERATION_SQL,
    SYNCED_SQL,
    Source,
    and_not_present_only,
    filter_nothing,
    filter_partitions,
    indent,
    is_writable,
)
from target_bigquery_softdelete.sql.staged_rows import staged_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_bigquery_softdelete.schema.columns import Column, TableColumns
    from target_bigquery_softdelete.sql.ranges import RowRanges

_IN_TABLE, _IN_RUN = quote_column(IN_TABLE), quote_column(IN_RUN)

NOT_EMPTY = "etl: the new table has a row already"
"""Text of the error if somebody has written into a table since it was created. BigQuery's message contains it."""

_FIRST_OPERATION = f"IF(_etl_s.{DELETED_SQL}, 'DELETE', 'INSERT')"


def merge(  # noqa: PLR0913 - which clauses it has, and which partitions it reads
    target: TableId,
    source: Source,
    *,
    mark_missing_deleted: bool,
    mark_deleted: bool = True,
    ranges: RowRanges | None = None,
    spare_taken: bool = False,
    partition: str = "",
    within: str = "",
    piece: str = "",
) -> str:
    """Return the MERGE that brings the target table up to date.

    Args:
        target: The table.
        source: The staged rows.
        mark_missing_deleted: Whether to mark rows deleted whose keys are not staged. Only for a complete snapshot.
        mark_deleted: Whether to mark rows deleted whose records say so. If not, such rows stay as they are.
        ranges: The only rows to mark because their keys are not staged. By default, all of the table.
        spare_taken: Whether to leave rows alone that are missing and whose `_etl_synced` is in the parameter `spared`
            ARRAY<TIMESTAMP>.
        partition: The column that the table requires in the filter of every statement, if it requires one.
        within: A column of the key that the table is partitioned by: BigQuery then reads only the partitions of its
            values between the parameters `first` and `last`. Not with `mark_missing_deleted`, which needs the rows of
            all partitions.
        piece: A column that the table is partitioned by: only staged rows are written whose value is between the
            parameters `piece_first` and `piece_last`, and with `piece_null` BOOL those without one. Not with
            `mark_missing_deleted`, for the same reason.

    Raises:
        ValueError: If `mark_missing_deleted` and one of the last two are combined.
    """
    if mark_missing_deleted and (within or piece):
        raise ValueError("rows outside of the partitions that are read would be marked deleted")
    names = [quote_column(column.name) for column in source.written]
    return "\n".join(
        [
            f"MERGE {target.quoted} AS _etl_t",
            "USING (",
            indent(_piece(source, piece)),
            ") AS _etl_s",
            f"ON {_same_key(source.columns)}{filter_partitions(' AND ', partition, within)}",
            *(_mark_deleted(source) if mark_deleted else ()),
            f"WHEN MATCHED AND {if_ours(_is_changed(source))} THEN",
            "  UPDATE SET",
            *(f"    {quote_column(column.name)} = {updated_value(column, source)}," for column in source.other_written),
            f"    {OPERATION_SQL} = 'UPDATE',",
            f"    {SYNCED_SQL} = @synced",
            f"WHEN NOT MATCHED BY TARGET{and_not_present_only(source)} AND {IN_TIME} THEN",
            f"  INSERT ({', '.join([*names, OPERATION_SQL, SYNCED_SQL])})",
            f"  VALUES ({', '.join([*map(source.staged, source.written), _FIRST_OPERATION, '@synced'])})",
            *(_mark_missing_deleted(partition, ranges, spare_taken=spare_taken) if mark_missing_deleted else ()),
        ]
    )


PREVIEW_COUNTS = ("staged", "live", "missing", "restored", "marked", "born_deleted", "unlabelled")
"""The columns of the query that previews a MERGE."""

DIFFER = "differ"
"""A further one, if it compares all columns."""

IN_RANGES = "in_ranges"
"""A further one, if only rows in some ranges are to be marked for being missing."""

MOVED = "moved"
"""And one more, if these are ranges of times: live rows to which a record gives another second."""


def preview_merge(  # noqa: PLR0913 - what it counts, and which partitions it reads
    target: TableId,
    source: Source,
    *,
    compare: bool = False,
    ranges: RowRanges | None = None,
    spare_taken: bool = False,
    partition: str = "",
    within: str = "",
) -> str:
    """Return the query that counts, before a MERGE, the rows that it will find.

    The query returns one row. Its columns, all INT64, are `staged` keys, `live` rows of the table, `missing` live rows
    whose key is not staged, `restored` rows that a record brings back, `marked` live rows that a record says are
    deleted, `born_deleted` keys that are new and deleted at once, and `unlabelled` rows of the table of which no merge
    has said what they are. With `within`, `live` and `missing` count only
    the partitions that are read, as in the MERGE.

    Args:
        target: The table.
        source: The staged rows.
        compare: Whether to read all columns, and to count in `differ` the staged keys that the MERGE would write.
        ranges: See :func:`merge`. Only rows in them are `missing`, and `in_ranges` counts the live ones. For times,
            which need `compare`, `moved` counts rows to which a record gives another second.
        spare_taken: See :func:`merge`. Such rows are not `missing`.
        partition: See :func:`merge`.
        within: See :func:`merge`.
    """
    columns = source.written if compare else source.columns.key_columns()
    read = dict.fromkeys([*(column.name for column in columns), *([ranges.column] if ranges else [])])
    names = ", ".join(map(quote_column, read))
    in_ranges = f" AND {ranges.condition}" if ranges else ""
    counts = {
        "staged": f"_etl_s.{_IN_RUN}{and_not_present_only(source)}",
        "live": f"_etl_t.{_IN_TABLE} AND {IS_LIVE}",
        "missing": (
            f"_etl_t.{_IN_TABLE} AND {IS_LIVE} AND _etl_s.{_IN_RUN} IS NULL"
            f"{in_ranges}{_and_not_taken(spare_taken=spare_taken)}"
        ),
        "restored": f"_etl_t.{OPERATION_SQL} = 'DELETE' AND {is_writable('NOT _etl_s.' + DELETED_SQL, source)}",
        "marked": f"_etl_t.{_IN_TABLE} AND {IS_LIVE} AND {is_writable('_etl_s.' + DELETED_SQL, source)}",
        "born_deleted": f"_etl_t.{_IN_TABLE} IS NULL AND {is_writable('_etl_s.' + DELETED_SQL, source)}",
        "unlabelled": f"_etl_t.{_IN_TABLE} AND (_etl_t.{OPERATION_SQL} IS NULL OR _etl_t.{SYNCED_SQL} IS NULL)",
        **({DIFFER: _is_written(source)} if compare else {}),
        **({IN_RANGES: f"_etl_t.{_IN_TABLE} AND {IS_LIVE}{in_ranges}"} if ranges else {}),
        **({MOVED: _is_moved(source, ranges)} if ranges and ranges.are_times else {}),
    }
    return "\n".join(
        [
            "SELECT",
            ",\n".join(f"  COUNTIF({condition}) AS {name}" for name, condition in counts.items()),
            f"FROM (SELECT {names}, {OPERATION_SQL}, {SYNCED_SQL}, TRUE AS {_IN_TABLE}",
            f"  FROM {target.quoted} AS _etl_t{filter_partitions(' WHERE ', partition, within)}) AS _etl_t",
            "FULL JOIN (",
            f"  SELECT *, TRUE AS {_IN_RUN} FROM (",
            indent(staged_rows(source, only_key=not compare), 4),
            "  )",
            ") AS _etl_s",
            f"ON {_same_key(source.columns)}",
        ]
    )


def count_live(target: TableId, *, partition: str = "") -> str:
    """Return the query that counts the rows that are not marked deleted, as `live` INT64."""
    return f"SELECT COUNTIF({IS_LIVE}) AS live FROM {target.quoted} AS _etl_t{filter_nothing(' WHERE ', partition)}"


def count_deleted(target: TableId, *, partition: str = "") -> str:
    """Return the query that counts, as `deleted`, the rows that earlier runs have written as deleted.

    Parameters: `since` and `began` TIMESTAMP, between which they were written.

    Args:
        target: The table.
        partition: A column that the query must filter by, if the table demands that.
    """
    return (
        f"SELECT COUNT(*) AS deleted\nFROM {target.quoted} AS _etl_t\n"
        f"WHERE {OPERATION_SQL} = 'DELETE' AND {SYNCED_SQL} >= @since AND {SYNCED_SQL} < @began"
        f"{filter_nothing(' AND ', partition)}"
    )


def mark_all_deleted(target: TableId, *, partition: str = "") -> str:
    """Return the UPDATE that marks every live row deleted, for an empty snapshot."""
    return (
        f"UPDATE {target.quoted} AS _etl_t\nSET {OPERATION_SQL} = 'DELETE', {SYNCED_SQL} = @synced\n"
        f"WHERE {if_ours(IS_LIVE)}{filter_nothing(' AND ', partition)}"
    )


def fill(target: TableId, source: Source, *, partition: str = "") -> str:
    """Return the query whose result is appended to a new table: the staged rows, the last of each key.

    It fails if the table has a row by now: then a MERGE must tell which are new.

    Args:
        target: The table.
        source: The staged rows. None of them says that it is deleted.
        partition: See :func:`merge`.
    """
    some_row = f"SELECT 1 FROM {target.quoted} AS _etl_t{filter_nothing(' WHERE ', partition)}"
    return "\n".join(
        [
            f"SELECT {', '.join(_named_values(source))}, 'INSERT' AS {OPERATION_SQL}, @synced AS {SYNCED_SQL}",
            "FROM (",
            indent(staged_rows(source)),
            ") AS _etl_s",
            f"WHERE {IN_TIME} AND IF(EXISTS({some_row}), ERROR('{NOT_EMPTY}'), TRUE)",
        ]
    )


def _named_values(source: Source) -> list[str]:
    names = [quote_column(column.name) for column in source.written]
    if not source.columns.keeps_absent:
        return names
    return [f"{source.staged(column)} AS {name}" for column, name in zip(source.written, names, strict=True)]


def append(target: TableId, source: Source) -> str:
    """Return the INSERT that adds the staged rows of a stream without a key."""
    names = [quote_column(column.name) for column in source.written]
    return "\n".join(
        [
            f"INSERT INTO {target.quoted} ({', '.join([*names, OPERATION_SQL, SYNCED_SQL])})",
            f"SELECT {', '.join([*names, _FIRST_OPERATION, '@synced'])}",
            "FROM (",
            indent(staged_rows(source)),
            ") AS _etl_s",
            f"WHERE {IN_TIME}",
        ]
    )


def replace(target: TableId, sources: Sequence[Source], *, partition: str = "") -> str:
    """Return the script that replaces all rows of a table without a key.

    The script is one transaction: a reader sees either all old rows or all new rows.
    """
    statements = [
        "BEGIN TRANSACTION",
        f"DELETE FROM {target.quoted} AS _etl_t WHERE {if_ours('TRUE')}{filter_nothing(' AND ', partition)}",
        *(append(target, source) for source in sources),
        "COMMIT TRANSACTION",
    ]
    return ";\n".join(statements) + ";"


def _piece(source: Source, column: str) -> str:
    """Return the query for the staged rows that are in a piece. Which row of a key counts is decided first."""
    rows = staged_rows(source)
    if not column:
        return rows
    value = f"{quote_column(column)}.value" if source.wraps(column) else quote_column(column)
    is_in_piece = f"{value} BETWEEN @piece_first AND @piece_last"
    return f"SELECT * FROM (\n{indent(rows)}\n)\nWHERE IFNULL({is_in_piece}, @piece_null)"


def pieces(source: Source, column: str, partition_order: str) -> str:
    """Return the query for the first and the last value of a column in each piece of the staged rows, in order.

    Parameter: `most` INT64, the partitions that a piece may have.

    Args:
        source: The staged rows.
        column: The column that the table is partitioned by.
        partition_order: Expression of that column by which two rows are in the same partition, and partitions in order.
    """
    name = quote_column(column)
    return "\n".join(
        [
            "SELECT MIN(value) AS first, MAX(value) AS last",
            f"FROM (SELECT {name} AS value, DENSE_RANK() OVER (ORDER BY {partition_order}) AS position",
            f"  FROM {source.rows_sql} WHERE {name} IS NOT NULL)",
            "GROUP BY FLOOR((position - 1) / @most)",
            "ORDER BY first",
        ]
    )


def _same_key(columns: TableColumns) -> str:
    # Plain equality, so that BigQuery can skip clusters.
    return " AND ".join(f"_etl_t.{quote_column(name)} = _etl_s.{quote_column(name)}" for name in columns.key)


def _differs(source: Source) -> str:
    changes = [
        f"OR {_is_present(column, source)}{comparable_value('_etl_t', column, source)} IS DISTINCT FROM "
        f"{comparable_value('_etl_s', column, source)}"
        for column in source.other_written
    ]
    return "\n".join([f"_etl_t.{OPERATION_SQL} = 'DELETE'", *changes])


def _is_present(column: Column, source: Source) -> str:
    return f"_etl_s.{quote_column(column.name)} IS NOT NULL AND " if source.wraps(column.name) else ""


def _is_changed(source: Source) -> str:
    """Return the condition for a matched row that takes the staged values."""
    return f"{is_writable('NOT _etl_s.' + DELETED_SQL, source)} AND (\n{indent(_differs(source))}\n)"


def _is_written(source: Source) -> str:
    """Return the condition for a staged key that a MERGE writes: all its clauses in one condition."""
    is_new = f"_etl_t.{_IN_TABLE} IS NULL"
    is_marked = f"_etl_s.{DELETED_SQL} AND {IS_LIVE}"
    is_changed = f"NOT _etl_s.{DELETED_SQL} AND (\n{indent(_differs(source), 6)}\n    )"
    return f"{is_writable(f'_etl_s.{_IN_RUN}', source)} AND (\n    {is_new} OR {is_marked} OR {is_changed}\n  )"


def _is_moved(source: Source, ranges: RowRanges) -> str:
    seconds = [
        f"TIMESTAMP_TRUNC({value}, SECOND)"
        for value in (quote_column(ranges.column, of="_etl_t"), source.staged(source.table_columns[ranges.column]))
    ]
    return is_writable(f"_etl_t.{_IN_TABLE} AND {IS_LIVE} AND {' != '.join(seconds)}", source)


def _mark_deleted(source: Source) -> tuple[str, ...]:
    is_marked = f"{is_writable(f'_etl_s.{DELETED_SQL}', source)} AND {IS_LIVE}"
    return (
        f"WHEN MATCHED AND {if_ours(is_marked)} THEN",
        f"  UPDATE SET {OPERATION_SQL} = 'DELETE', {SYNCED_SQL} = @synced",
    )


def _and_not_taken(*, spare_taken: bool) -> str:
    return f" AND _etl_t.{SYNCED_SQL} NOT IN UNNEST(@spared)" if spare_taken else ""


def _mark_missing_deleted(partition: str, ranges: RowRanges | None, *, spare_taken: bool) -> tuple[str, ...]:
    in_ranges = f" AND {ranges.condition}" if ranges else ""
    is_missing = if_ours(f"{IS_LIVE}{in_ranges}{_and_not_taken(spare_taken=spare_taken)}")
    return (
        f"WHEN NOT MATCHED BY SOURCE AND {is_missing}{filter_nothing(' AND ', partition)} THEN",
        f"  UPDATE SET {OPERATION_SQL} = 'DELETE', {SYNCED_SQL} = @synced",
    )
