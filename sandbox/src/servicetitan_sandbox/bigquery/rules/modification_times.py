"""The last-modified time of a table moves with every change of its rows, and the table's ETag with it.

`lastModifiedTime` is "the time when this table was last modified" (Table,
https://cloud.google.com/bigquery/docs/reference/rest/v2/tables): its definition or its rows. `__TABLES__` and
`INFORMATION_SCHEMA.TABLE_STORAGE` say the same. It is the time of the commit: after the job's start, before its end,
and for a statement in a transaction that of COMMIT. The ETag of a table has been seen to be that time in Base64
(googleapis/google-cloud-ruby#1629), so it moves, too.

Two things are not known of BigQuery. Whether work that has changed no row moves the time: here it does not, unless it
replaces the rows. And when rows that were streamed do: an answer of Google's says that the time "might be a few minutes
out of date" then (https://stackoverflow.com/questions/22734777); here it moves at once.
"""

from __future__ import annotations

import functools
import time
import weakref
from typing import TYPE_CHECKING, Any

from local_bigquery.catalog import metadata, names, tabledata, tables
from local_bigquery.engine import database
from local_bigquery.jobs import query
from local_bigquery.models import Table
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    Reference = tuple[str, str, str]

_DML = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)
_ENDS = (exp.Commit, exp.Rollback)
_TICK_SECONDS = 0.001

_uncommitted: MutableMapping[Any, set[Reference]] = weakref.WeakKeyDictionary()
"""The tables that each open transaction has changed, by its cursor."""


def install() -> None:
    """Let the time of a table move with what changes its rows."""
    query._run = _with_statement(query._run)  # noqa: SLF001 - there is no other way in
    tables.write = _with_result(tables.write)
    tabledata.insert_all = _with_streaming(tabledata.insert_all)


def touch(*table: str) -> None:
    """Move the last-modified time of a table to the present one, which is later than it was."""
    stored = metadata.load(Table, *table)
    if stored is None:
        return  # it has been dropped since
    while metadata.now() == stored.lastModifiedTime:
        time.sleep(_TICK_SECONDS)
    tables.annotate(table, Table(lastModifiedTime=metadata.now()))


def _with_statement(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def run_and_touch(cursor: Any, tree: exp.Expression, context: Any, *rest: Any) -> Any:  # noqa: ANN401 - the emulator's
        done = run(cursor, tree, context, *rest)
        *_, dry_run, _ = rest
        if dry_run:
            return done
        if isinstance(tree, exp.Transaction):
            _uncommitted[cursor] = set()
        elif isinstance(tree, _ENDS):
            _end(cursor, is_kept=isinstance(tree, exp.Commit))
        elif _has_changed(tree, done):
            _note(cursor, names.reference(tree.find(exp.Table), context.project_id, context.dataset_id))
        return done

    return run_and_touch


def _has_changed(tree: exp.Expression, done: Any) -> bool:  # noqa: ANN401 - the emulator's statistics
    """Return whether a statement has changed rows of a table, or its definition."""
    if isinstance(tree, exp.Alter):
        return (tree.args.get("kind") or "").upper() in {"TABLE", "VIEW"}
    return isinstance(tree, _DML) and int(done.numDmlAffectedRows or 0) > 0


def _note(cursor: Any, table: Reference) -> None:  # noqa: ANN401 - a cursor
    if cursor in _uncommitted:
        _uncommitted[cursor].add(table)
    else:
        touch(*table)


def _end(cursor: Any, *, is_kept: bool) -> None:  # noqa: ANN401 - a cursor
    for table in _uncommitted.pop(cursor, set()):
        if is_kept:
            touch(*table)


def _with_result(write: Callable[..., bool]) -> Callable[..., bool]:
    """Wrap the emulator's function that writes what a query, a load or a copy brings."""

    @functools.wraps(write)
    def write_and_touch(cursor: Any, sql: str, params: Any, table: Reference, *rest: Any, **options: Any) -> bool:  # noqa: ANN401 - the emulator's
        before = None if table[1] == tables.RESULTS else _size(table)
        is_new = write(cursor, sql, params, table, *rest, **options)
        has_replaced = rest[0].writeDisposition == "WRITE_TRUNCATE"
        if before is not None and not is_new and (has_replaced or _size(table) != before):
            touch(*table)
        return is_new

    return write_and_touch


def _size(table: Reference) -> tuple[int, int]:
    """Return how many rows and columns a table has."""
    found = database.objects(*tables.physical(*table))
    return (found[0][2], len(tables.columns(*table))) if found else (0, 0)


def _with_streaming(insert: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Wrap the emulator's function for `tabledata.insertAll`, which the Storage Write API calls, too."""

    @functools.wraps(insert)
    def insert_and_touch(project: str, dataset: str, table: str, body: Any) -> dict[str, Any]:  # noqa: ANN401 - the emulator's
        answer = insert(project, dataset, table, body)
        if len(answer.get("insertErrors", [])) < len(body.rows or []):
            touch(project, dataset, table + (body.templateSuffix or ""))
        return answer

    return insert_and_touch
