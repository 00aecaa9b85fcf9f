"""A NULL array that is written to a table is there as an empty one.

https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_nulls: "BigQuery translates a NULL ARRAY
into an empty ARRAY in the query result, although inside the query NULL and empty ARRAYs are two distinct values". So a
column of an array is never NULL in a table, whatever wrote it. DuckDB keeps both. Arrays inside a STRUCT stay as they
are here.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from local_bigquery.catalog import names, tabledata, tables
from local_bigquery.engine import database, results
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query
from sqlglot import exp

from servicetitan_sandbox.bigquery.transactions import transaction

if TYPE_CHECKING:
    from collections.abc import Callable

_DML = (exp.Insert, exp.Update, exp.Merge)


def install() -> None:
    """Replace NULL arrays in what statements, jobs and streaming write, and in new columns."""
    results._without_null_elements = _without_nulls(results._without_null_elements)  # noqa: SLF001 - no other way in
    query._run = _with_statement(query._run)  # noqa: SLF001
    tables.write = _with_result(tables.write)
    tables._alter = _with_columns(tables._alter)  # noqa: SLF001
    tabledata.insert_all = _with_streaming(tabledata.insert_all)


def _fill(cursor: Any, *table: str) -> None:  # noqa: ANN401 - a cursor
    """Make the NULL arrays of a table empty."""
    try:
        arrays = [quote(field.name) for field in tables.columns(*table) if field.mode == "REPEATED"]
    except BigQueryError:
        return  # it was dropped since, or has no columns yet
    name = tables.name(*table)
    for array in arrays:
        if cursor.execute(f"SELECT 1 FROM {name} WHERE {array} IS NULL LIMIT 1").fetchone():  # noqa: S608 - names
            cursor.execute(f"UPDATE {name} SET {array} = [] WHERE {array} IS NULL")  # noqa: S608


def _without_nulls(write: Callable[..., str]) -> Callable[..., str]:
    """Wrap the emulator's function that writes the expression of a column of a result."""

    @functools.wraps(write)
    def write_without_nulls(expression: str, column: str, kind: Any) -> str:  # noqa: ANN401 - a type of DuckDB
        written = write(expression, column, kind)
        return f"coalesce({written}, [])" if kind.id in {"list", "array"} else written

    return write_without_nulls


def _with_statement(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def run_and_fill(cursor: Any, tree: exp.Expression, context: Any, *rest: Any) -> Any:  # noqa: ANN401 - the emulator's
        *_, dry_run, _ = rest
        if dry_run or not (isinstance(tree, _DML) or _may_add_columns(tree)):
            return run(cursor, tree, context, *rest)
        table = names.reference(tree.find(exp.Table), context.project_id, context.dataset_id)
        if not isinstance(tree, _DML):
            done = run(cursor, tree, context, *rest)
            _fill(cursor, *table)
            return done
        with transaction(cursor):
            done = run(cursor, tree, context, *rest)
            _fill(cursor, *table)
        return done

    return run_and_fill


def _may_add_columns(tree: exp.Expression) -> bool:
    is_table = (tree.args.get("kind") or "").upper() == "TABLE" and not tree.find(exp.TemporaryProperty)
    return is_table and isinstance(tree, exp.Create | exp.Alter)


def _with_result(write: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(write)
    def write_and_fill(cursor: Any, sql: str, params: Any, table: Any, *rest: Any, **options: Any) -> bool:  # noqa: ANN401 - the emulator's
        is_new = write(cursor, sql, params, table, *rest, **options)
        if not is_new and table[1] != tables.RESULTS and not options.get("isolated"):
            _fill(cursor, *table)  # the columns that the result lacks
        return is_new

    return write_and_fill


def _with_columns(alter: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(alter)
    def alter_and_fill(project: str, dataset: str, table: str, fields: Any) -> None:  # noqa: ANN401 - the emulator's
        alter(project, dataset, table, fields)
        with database.cursor() as cursor:
            _fill(cursor, project, dataset, table)

    return alter_and_fill


def _with_streaming(insert: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @functools.wraps(insert)
    def insert_and_fill(project: str, dataset: str, table: str, body: Any) -> dict[str, Any]:  # noqa: ANN401 - the emulator's
        answer = insert(project, dataset, table, body)
        with database.cursor() as cursor:
            _fill(cursor, project, dataset, table + (body.templateSuffix or ""))
        return answer

    return insert_and_fill
