"""Writes staged rows into a table that is ready for them: preview, guard, merge. All state is in the arguments."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypedDict

from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

from target_bigquery_softdelete.audit.stream_report import EarlierMarks, MergeResult
from target_bigquery_softdelete.bigquery import table_schema
from target_bigquery_softdelete.bigquery.fused_queries import Question
from target_bigquery_softdelete.errors import WarehouseError
from target_bigquery_softdelete.load.delete_guard import LiveRows
from target_bigquery_softdelete.load.key_types import check_exact_as_double
from target_bigquery_softdelete.load.pieces import is_too_many, naming_partitions, write_merge
from target_bigquery_softdelete.load.take_over import take_over_rows
from target_bigquery_softdelete.plugin_runtime.plurals import pluralize
from target_bigquery_softdelete.records.inline_rows import sent_bytes
from target_bigquery_softdelete.sql import merge as sql
from target_bigquery_softdelete.sql.history import UNVERSIONED
from target_bigquery_softdelete.sql.inline import ROWS_PARAMETER
from target_bigquery_softdelete.sql.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_bigquery_softdelete.bigquery.statements import StatementResult
    from target_bigquery_softdelete.load.prepare_table import PreparedTable
    from target_bigquery_softdelete.load.staging_table import StagedRows
    from target_bigquery_softdelete.load.stream_table import StreamTable
    from target_bigquery_softdelete.load.swept_rows import SweptRows
    from target_bigquery_softdelete.sql.identifiers import TableId
    from target_bigquery_softdelete.sql.ranges import RowRanges

logger = logging.getLogger(__name__)


class _Filters(TypedDict):
    """What the preview and the MERGE read of the table. See `sql.merge`."""

    partition: str
    within: str
    ranges: RowRanges | None


def merge(  # noqa: PLR0913 - what is written, and what that says of other rows
    table: StreamTable,
    prepared: PreparedTable,
    staged: StagedRows,
    *,
    complete: bool,
    swept: SweptRows | None = None,
    seen_key_tables: tuple[TableId, ...] = (),
) -> MergeResult:
    """Merge staged rows that have a key, and return what that changed.

    Args:
        table: The table.
        prepared: The same table, ready for these rows.
        staged: The rows.
        complete: Whether they, with `seen_key_tables`, are a complete snapshot: then rows that are missing from it
            are marked deleted, unless the guard refuses.
        swept: The only rows of which they are that. By default, all of the table.
        seen_key_tables: Other staging tables with keys that came in this run.

    Raises:
        LeaseLostError: If the run no longer holds its lease.
        OvertakenError: If another run wrote such a row since this one began to read.
        PluginError: If keys would fall together.
        WarehouseError: If a statement fails.
    """
    declared, complete = complete, complete and not table.adoption.is_running
    source = Source(staged.table_id, staged.columns, prepared.columns, seen_key_tables, inline=staged.inline_text)
    key, rows = staged.columns.key, rows_parameters(source)
    pairs = [(column, prepared.columns[column.name]) for column in staged.columns.key_columns()]
    check_exact_as_double(table, source.rows_sql, pairs, parameters=rows)
    # What is appended conflicts with nothing: together with the MERGE of another run, both would add the same rows.
    may_fill = prepared.is_new and not staged.has_deletions and table.is_written_alone
    if may_fill and (filled := _fill(table, prepared, staged)):
        return filled
    within, limits = ("", rows) if declared else _partition_range(prepared, staged, rows)
    ranges = swept.ranges if swept and declared else None
    limits = [*limits, *(swept.parameters if swept and ranges else ())]
    filters = _Filters(partition=prepared.partition_filter, within=within, ranges=ranges)
    # A list that is read in full is mostly unchanged, and a query that finds that out is cheaper than a MERGE. Other
    # rows may be unchanged, too, such as the last page of a feed: they are compared where that costs nothing.
    compare = declared or prepared.is_small
    found = _preview(table, prepared, source, limits, compare=compare, **filters)
    if found["unlabelled"]:
        has_moment = table_schema.has_deletion_times(prepared.fields)
        take_over_rows(table, prepared.modified, has_moment=has_moment, partition=prepared.partition_filter)
        _append_versions(table, prepared, key)
        found = _preview(table, prepared, source, limits, compare=compare, **filters)
    if declared and not complete:
        logger.warning(
            "%s: %s of %s %s in the run that takes the table over.",
            table.stream,
            pluralize(found["missing"], "live row"),
            table.name,
            "is not in the snapshot, and stays as it is"
            if found["missing"] == 1
            else "are not in the snapshot, and stay as they are",
        )
    complete = complete and not _have_moved(swept, found)
    may_mark = _judge(table, found, prepared, complete=complete, within=within, seen=len(seen_key_tables))
    missing = found["missing"] if complete and may_mark else 0
    marked = found["marked"] if may_mark else 0
    if compare and not missing and found["differ"] == found["marked"] - marked:
        return MergeResult(unchanged=found["staged"])
    marks_missing = complete and may_mark
    spares = marks_missing and bool(table.adoption.taken_at)
    statement = sql.merge(
        table.table_id,
        source,
        mark_missing_deleted=marks_missing,
        mark_deleted=may_mark,
        spare_taken=spares,
        **filters,
    )
    parameters = [*limits, *(_spared(table) if spares else [])]
    done = write_merge(
        table, prepared, source, statement, parameters, mark_deleted=may_mark, divisible=not missing, rows=rows
    )
    if done.inserted or done.updated:
        _append_versions(table, prepared, key)
    return _count(found, done, missing=missing, marked=marked)


def _have_moved(swept: SweptRows | None, found: Mapping[str, int]) -> bool:
    """Return whether the table has other values than those by which the tap has read the ranges.

    Then a row that seems to be in one of them may belong to a record that is not.
    """
    moved = found.get(sql.MOVED, 0)
    if swept and moved:
        swept.doubt(f"{moved} of its rows had another `{swept.ranges.column}` than that by which the tap has read them")
    return moved > 0


def _preview(  # noqa: PLR0913 - what is counted, and where
    table: StreamTable,
    prepared: PreparedTable,
    source: Source,
    limits: Sequence[ScalarQueryParameter],
    *,
    compare: bool,
    partition: str,
    within: str,
    ranges: RowRanges | None,
) -> Mapping[str, int]:
    spared = _spared(table)
    statement = sql.preview_merge(
        table.table_id,
        source,
        compare=compare,
        ranges=ranges,
        spare_taken=bool(spared),
        partition=partition,
        within=within,
    )
    names = [*sql.PREVIEW_COUNTS, *([sql.DIFFER] if compare else []), *([sql.IN_RANGES] if ranges else [])]
    names += [sql.MOVED] if ranges and ranges.are_times else []
    if table.history is not None:
        names.append(UNVERSIONED)
        statement = table.history.count_lacking(
            statement, prepared.fields, source.columns.key, run=table.statements.run, partition=partition
        )
    found = table.statements.count(
        Question(
            statement,
            names,
            [*limits, *spared],
            sent_bytes=sent_bytes(source.inline) if source.inline else 0,
            table=table.table_id.table,
        )
    )
    if found.get(UNVERSIONED):  # a crash prevented it, or somebody else has written
        _append_versions(table, prepared, source.columns.key)
    return found


def _spared(table: StreamTable) -> list[ArrayQueryParameter]:
    """Return the parameter by which a statement spares the rows that this run took over, if there are any."""
    taken_at = table.adoption.taken_at
    return [ArrayQueryParameter("spared", "TIMESTAMP", taken_at)] if taken_at else []


def _judge(  # noqa: PLR0913 - the counts, and what they are the counts of
    table: StreamTable, found: Mapping[str, int], prepared: PreparedTable, *, complete: bool, within: str, seen: int
) -> bool:
    """Return whether the guard lets a merge mark rows deleted.

    Args:
        table: The table.
        found: The counts of the preview.
        prepared: The same table, ready for the merge.
        complete: Whether rows that are missing would be marked.
        within: The column that the preview filtered by, if it did: then it has not counted all live rows.
        seen: Other staging tables with keys that came in this run.
    """
    guard, by_record = table.guard, found["marked"]
    if not complete and not guard.needs_live(by_record):
        return guard.refusal is None
    live = _count_live(table, prepared) if within else found["live"]
    missing = found["missing"] if complete else 0
    staged = found["staged"] or seen
    counts = LiveRows(live, by_record=by_record, missing=missing, in_ranges=found.get(sql.IN_RANGES))
    return _ask_guard(table, prepared, counts, staged=staged)


def _ask_guard(table: StreamTable, prepared: PreparedTable, live: LiveRows, *, staged: int) -> bool:
    """Return what the guard says, and tell it what earlier runs have marked if it needs to know. See its `judge`."""
    earlier = _earlier_marks(table, prepared) if table.guard.needs_earlier(live) else None
    return table.guard.judge(live, staged=staged, earlier=earlier)


def _earlier_marks(table: StreamTable, prepared: PreparedTable) -> EarlierMarks:
    """Return what earlier runs have marked: by the log, and by the table, where one was killed before it wrote that."""
    logged = table.earlier_runs.marks_of(table.name)
    if logged.unknown:
        return logged
    statement = sql.count_deleted(table.table_id, partition=prepared.partition_filter)
    parameters = [
        ScalarQueryParameter("since", "TIMESTAMP", logged.since),
        ScalarQueryParameter("began", "TIMESTAMP", table.statements.began),
    ]
    found = table.statements.run(statement, "count-deleted", parameters=parameters)
    return logged.with_unlogged(found.rows[0]["deleted"])


def _count_live(table: StreamTable, prepared: PreparedTable) -> int:
    statement = sql.count_live(table.table_id, partition=prepared.partition_filter)
    live: int = table.statements.run(statement, "count").rows[0]["live"]
    return live


def _count(found: Mapping[str, int], done: StatementResult, *, missing: int, marked: int) -> MergeResult:
    """Return what a MERGE changed.

    Args:
        found: The counts of the preview.
        done: The counts of the MERGE, in which rows that it marked deleted are updates.
        missing: Rows that it marked deleted because the snapshot lacks them.
        marked: Rows that it marked deleted because a record says so.
    """
    written = done.updated - missing
    return MergeResult(
        inserted=done.inserted - found["born_deleted"],
        updated=written - found["restored"] - marked,
        deleted=missing + marked + found["born_deleted"],
        restored=found["restored"],
        unchanged=found["staged"] - done.inserted - written,
        marked=missing + marked,
    )


def _fill(table: StreamTable, prepared: PreparedTable, staged: StagedRows) -> MergeResult | None:
    """Append to a new table: nothing in it needs to be counted, and nothing can be missing from a snapshot.

    The result of a query is appended, which takes BigQuery about half as long as a statement that changes rows.

    Returns:
        What was written, or None if it must be merged after all: somebody else has written into the table, or it
        would have too many partitions for one statement.
    """
    # Other keys that came in this run are no rows: they only tell what is not missing.
    source = Source(staged.table_id, staged.columns, prepared.columns, inline=staged.inline_text)
    statement = sql.fill(table.table_id, source, partition=prepared.partition_filter)
    try:
        table.statements.write(statement, "fill", parameters=rows_parameters(source), appends=True)
    except WarehouseError as error:
        if sql.NOT_EMPTY in str(error) or is_too_many(error):
            return None
        raise
    _append_versions(table, prepared, source.columns.key)
    return MergeResult(inserted=staged.keys if staged.keys is not None else _count_rows(table))


def _count_rows(table: StreamTable) -> int:
    """Return how many rows a table has, which costs no query."""
    found = table.warehouse.read_table(table.table_id)
    return (found.num_rows or 0) if found else 0


def rows_parameters(source: Source) -> list[ScalarQueryParameter]:
    """Return the parameter with the rows of a statement that carries them itself, if it does."""
    return [] if source.inline is None else [ScalarQueryParameter(ROWS_PARAMETER, "STRING", source.inline)]


def mark_all_deleted(table: StreamTable, prepared: PreparedTable, key: Sequence[str]) -> MergeResult:
    """Handle a complete snapshot without any row: mark every live row deleted, unless the guard refuses.

    Args:
        table: The table.
        prepared: The same table, as it is.
        key: Names of the key columns of the stream.

    Raises:
        LeaseLostError: If the run no longer holds its lease.
        OvertakenError: If another run wrote such a row since this one began to read.
        WarehouseError: If a statement fails.
    """
    if table.adoption.is_running:
        logger.warning("%s: the snapshot is empty, so its table %s was not taken over.", table.stream, table.name)
        return MergeResult()
    partition = prepared.partition_filter
    live = _count_live(table, prepared)
    if not live or not table.guard.judge(LiveRows(live, missing=live), staged=0):
        return MergeResult()
    _append_versions(table, prepared, key)
    with naming_partitions(table, prepared):
        table.statements.write(sql.mark_all_deleted(table.table_id, partition=partition), "mark-missing")
    _append_versions(table, prepared, key)
    return MergeResult(deleted=live, marked=live)


def append(table: StreamTable, prepared: PreparedTable, staged: StagedRows) -> MergeResult:
    """Append staged rows that have no key.

    Raises:
        LeaseLostError: If the run no longer holds its lease.
        OvertakenError: If another run wrote such a row since this one began to read.
        WarehouseError: If the statement fails.
    """
    source = Source(staged.table_id, staged.columns, prepared.columns, inline=staged.inline_text)
    with naming_partitions(table, prepared):
        done = table.statements.write(sql.append(table.table_id, source), "append", parameters=rows_parameters(source))
    return MergeResult(inserted=done.inserted)


def replace(table: StreamTable, parts: Sequence[tuple[PreparedTable, StagedRows]]) -> MergeResult:
    """Replace all rows of a table without a key. In the run that takes it over, only add to them.

    Args:
        table: The table.
        parts: The rows, and the table as it was made ready for them. There is at least one part.

    Raises:
        LeaseLostError: If the run no longer holds its lease.
        OvertakenError: If another run wrote such a row since this one began to read.
        WarehouseError: If the statement fails.
    """
    sources = [
        Source(staged.table_id, staged.columns, prepared.columns, inline=staged.inline_text)
        for prepared, staged in parts
    ]
    carried = [parameter for source in sources for parameter in rows_parameters(source)]
    if table.adoption.is_running:
        return MergeResult(inserted=sum(append(table, prepared, staged).inserted for prepared, staged in parts))
    partition = parts[-1][0].partition_filter
    staged = sum(rows.count for _, rows in parts)
    live = _count_live(table, parts[-1][0])
    if live > staged and not _ask_guard(table, parts[-1][0], LiveRows(live, missing=live - staged), staged=staged):
        return MergeResult()
    with naming_partitions(table, parts[-1][0]):
        statement = sql.replace(table.table_id, sources, partition=partition)
        table.statements.write(statement, "replace", parameters=carried)
    return MergeResult(inserted=staged)


def remove_all(table: StreamTable, prepared: PreparedTable) -> MergeResult:
    """Handle a complete snapshot without any row of a table without a key: remove every row, unless the guard refuses.

    Args:
        table: The table.
        prepared: The same table, as it is.

    Raises:
        LeaseLostError: If the run no longer holds its lease.
        WarehouseError: If a statement fails.
    """
    if table.adoption.is_running:
        logger.warning("%s: the snapshot is empty, so its table %s was not taken over.", table.stream, table.name)
        return MergeResult()
    live = _count_live(table, prepared)
    if live and table.guard.judge(LiveRows(live, missing=live), staged=0):
        with naming_partitions(table, prepared):
            table.statements.write(sql.replace(table.table_id, [], partition=prepared.partition_filter), "replace")
    return MergeResult()


def _append_versions(table: StreamTable, prepared: PreparedTable, key: Sequence[str]) -> None:
    """Bring the history up to date."""
    if table.history is not None:
        table.history.append_versions(
            prepared.fields, key, run=table.statements.run, partition=prepared.partition_filter
        )


def _partition_range(
    prepared: PreparedTable, staged: StagedRows, rows: Sequence[ScalarQueryParameter]
) -> tuple[str, list[ScalarQueryParameter]]:
    """Return the column of the key by which the table is partitioned, and its first and last staged value besides."""
    by_name = {column.name.lower(): column for column in staged.columns.key_columns() if column.name in staged.ranges}
    column = by_name.get(prepared.partitioned_by.lower())
    if column is None or prepared.columns[column.name].kind is not column.kind:
        return "", list(rows)
    first, last = staged.ranges[column.name]
    kind = str(column.kind)
    return column.name, [
        *rows,
        ScalarQueryParameter("first", kind, first),
        ScalarQueryParameter("last", kind, last),
    ]
