"""Streamed rows cannot be changed for half an hour, nor be cloned for an hour and a half.

https://cloud.google.com/bigquery/docs/data-manipulation-language#limitations. BigQuery lets a statement pass that
changes other rows only. Here it looks at the table alone: which rows a statement would change is known only to its run.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_bigquery.catalog import metadata, names, tabledata, tables
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query, runner
from sqlglot import exp

from servicetitan_sandbox.bigquery.rules.pace import real_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_bigquery.models import Table

UNCHANGED_SECONDS = 30 * 60
UNCLONED_SECONDS = 90 * 60


@dataclass(frozen=True)
class _Streamed:
    """The rows that were streamed into a table."""

    count: int
    first: str
    """When the first of them came, in milliseconds since 1970."""
    last: float
    """When the last of them came, in monotonic seconds."""


_streamed: dict[tuple[str, ...], _Streamed] = {}
_lock = threading.Lock()


def install() -> None:
    """Add the rules to the emulator."""
    tabledata.insert_all = _note(tabledata.insert_all)
    tables.forget = _forget(tables.forget)
    tables.load = _show_buffer(tables.load)
    query._statement = _refuse_changes(query._statement)  # noqa: SLF001 - there is no other way in
    runner.HANDLERS["copy"] = _refuse_clone(runner.HANDLERS["copy"])


def _recent(table: tuple[str, ...], seconds: float) -> _Streamed | None:
    """Return what was streamed into a table, if the last of it is not older than this in BigQuery's time."""
    streamed = _streamed.get(table)
    if streamed is None or time.monotonic() - streamed.last >= real_seconds(table[0], seconds):
        return None
    return streamed


def _note(insert: Callable[..., dict[str, list[object]]]) -> Callable[..., dict[str, list[object]]]:
    # The parameters are those of the emulator's own function.
    def insert_and_note(project, dataset, table, body):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202
        answer = insert(project, dataset, table, body)
        key = (project, dataset, table)
        with _lock:
            before = _recent(key, UNCHANGED_SECONDS) or _Streamed(0, metadata.now(), 0.0)
            count = before.count + len(body.rows or []) - len(answer.get("insertErrors", []))
            if count:
                _streamed[key] = _Streamed(count, before.first, time.monotonic())
        return answer

    return insert_and_note


def _forget(forget: Callable[..., None]) -> Callable[..., None]:
    def forget_streamed(*table: str) -> None:
        _streamed.pop(table, None)
        forget(*table)

    return forget_streamed


def _show_buffer(load: Callable[..., Table]) -> Callable[..., Table]:
    """Wrap the emulator's function that describes a table: rows in the buffer are not among its rows."""

    def load_with_buffer(*table: str) -> Table:
        found = load(*table)
        streamed = _recent(table, UNCHANGED_SECONDS)
        if streamed is None:
            return found
        buffer = {"estimatedRows": str(streamed.count), "estimatedBytes": "0", "oldestEntryTime": streamed.first}
        rows = max(0, int(found.numRows or 0) - streamed.count)
        return found.replace(streamingBuffer=buffer, numRows=str(rows))

    return load_with_buffer


def _refuse_changes(run: Callable[..., object]) -> Callable[..., object]:
    # The parameters are those of the emulator's own function.
    def run_unless_recent(cur, tree, context, destination, config, dry_run, isolated):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202,PLR0913,PLR0917
        if isinstance(tree, exp.Update | exp.Delete | exp.Merge | exp.TruncateTable) and not _only_inserts(tree):
            table = names.reference(names.target(tree), context.project_id, context.dataset_id)
            if _recent(table, UNCHANGED_SECONDS):
                raise BigQueryError(
                    "invalidQuery",
                    f"UPDATE or DELETE statement over table {'.'.join(table)} would affect rows in the streaming "
                    "buffer, which is not supported",
                )
        return run(cur, tree, context, destination, config, dry_run, isolated)

    return run_unless_recent


def _only_inserts(tree: exp.Expression) -> bool:
    return isinstance(tree, exp.Merge) and all(
        isinstance(when.args["then"], exp.Insert) for when in tree.args["whens"].expressions
    )


def _refuse_clone(copy: Callable[..., object]) -> Callable[..., object]:
    # The parameters are those of the emulator's own function.
    def copy_unless_recent(cursor, config, upload):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202
        for source in config.sourceTables or [config.sourceTable]:
            table = tables.reference(source)
            if config.operationType == "CLONE" and _recent(table, UNCLONED_SECONDS):
                label = names.label(*table)
                raise BigQueryError("invalid", f"Table {label} has rows in the streaming buffer and cannot be cloned")
        return copy(cursor, config, upload)

    return copy_unless_recent
