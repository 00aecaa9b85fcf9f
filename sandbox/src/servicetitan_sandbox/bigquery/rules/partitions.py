"""How many partitions a statement or a job may modify, and how many a table may have.

https://cloud.google.com/bigquery/quotas#partitioned_tables. Tables that are partitioned by the time of ingestion do not
count here: the emulator knows only one partition of them.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from local_bigquery.catalog import metadata, names, tables
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query
from local_bigquery.models import Table
from sqlglot import exp

from servicetitan_sandbox.bigquery.transactions import transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import duckdb
    from local_bigquery.sql.translate import Context

MOST_MODIFIED, MOST_IN_TABLE = 4_000, 10_000

_NONE = "__NULL__"
"""The partition of rows without a value."""

_DML = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


class _TooManyPartitionsError(BigQueryError):  # type: ignore[misc] # the emulator has no types
    pass


def install() -> None:
    """Count the partitions that DML, CREATE TABLE AS, and jobs with a destination modify."""
    query._run = _with_count(query._run)  # noqa: SLF001 - there is no other way in
    tables.write = _with_count_of_rows(tables.write)


def _with_count(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def run_counted(cursor: duckdb.DuckDBPyConnection, tree: exp.Expression, context: Context, *rest: Any) -> Any:  # noqa: ANN401 - the emulator's
        *_, dry_run, _ = rest
        if dry_run or not (isinstance(tree, _DML) or (isinstance(tree, exp.Create) and tree.expression)):
            return run(cursor, tree, context, *rest)
        target = tree.find(exp.Table)
        reference = names.reference(target, context.project_id, context.dataset_id)
        try:
            with transaction(cursor):
                before = _sums(cursor, reference)
                result = run(cursor, tree, context, *rest)
                after = _sums(cursor, reference)
                _check({part for part in before | after if before.get(part) != after.get(part)}, after, "invalidQuery")
        except _TooManyPartitionsError:
            if isinstance(tree, exp.Create):
                tables.forget(*reference)
            raise
        return result

    return run_counted


def _with_count_of_rows(write: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(write)
    def write_counted(cursor: duckdb.DuckDBPyConnection, sql: str, *rest: Any, **options: Any) -> Any:  # noqa: ANN401 - the emulator's
        parameters, reference, config = rest[:3]
        layout = metadata.load(Table, *reference) or Table()
        partition = _partition(layout) or _partition(config)
        if partition:
            names = {name.casefold() for name in cursor.sql(sql, params=parameters).columns}
            if (_column(layout) or _column(config)) in names:
                rows = f"SELECT DISTINCT {partition} FROM ({sql})"  # noqa: S608 - the emulator's statement
                modified = {part for (part,) in cursor.sql(rows, params=parameters).fetchall()}
            else:
                modified = {_NONE}
            _check(modified, modified | set(_sums(cursor, reference)), "invalid")
        return write(cursor, sql, *rest, **options)

    return write_counted


def _check(modified: set[str], present: Collection[str], reason: str) -> None:
    """Check how many partitions are modified, and how many a table then has.

    Raises:
        BigQueryError: If it is too many.
    """
    for number, allowed in ((len(modified), MOST_MODIFIED), (len(present), MOST_IN_TABLE)):
        if number > allowed:
            message = f"allowed {allowed}, query produces at least {number} partitions"
            raise _TooManyPartitionsError(reason, f"Too many partitions produced by query, {message}")


def _sums(cursor: duckdb.DuckDBPyConnection, reference: tuple[str, str, str]) -> dict[str, int]:
    """Return a sum over the rows of each partition, which differs when a row does; none if it is not partitioned."""
    stored = metadata.load(Table, *reference)
    partition = _partition(stored) if stored else ""
    if not partition or not tables.exists(*reference):
        return {}
    total = "sum(CAST(hash(row_) AS HUGEINT))"
    sums = f"SELECT {partition}, {total} FROM {tables.name(*reference)} AS row_ GROUP BY 1"  # noqa: S608 - names
    return dict(cursor.sql(sums).fetchall())


def _column(table: Any) -> str:  # noqa: ANN401 - a table, or a configuration with the same fields
    """Return the column that a table is partitioned by, in lower case; empty if there is none."""
    partitioning = getattr(table, "timePartitioning", None) or getattr(table, "rangePartitioning", None)
    return ((partitioning and partitioning.field) or "").casefold()


def _partition(table: Any) -> str:  # noqa: ANN401 - a table, or a configuration with the same fields
    """Return the expression for the partition of a row, as text; empty if the table is not partitioned by a column."""
    by_time, by_range = getattr(table, "timePartitioning", None), getattr(table, "rangePartitioning", None)
    if by_time and by_time.field:
        value = f"date_trunc('{(by_time.type or 'DAY').lower()}', {quote(by_time.field)})"
    elif by_range:
        start, end, step = (int(part) for part in (by_range.range.start, by_range.range.end, by_range.range.interval))
        column = quote(by_range.field)
        value = f"CASE WHEN {column} >= {start} AND {column} < {end} THEN ({column} - {start}) // {step} END"
    else:
        return ""
    return f"coalesce(CAST({value} AS VARCHAR), '{_NONE}')"
