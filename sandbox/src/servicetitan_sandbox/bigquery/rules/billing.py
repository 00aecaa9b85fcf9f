"""What a statement reads, and what BigQuery bills for it: https://cloud.google.com/bigquery/pricing#on_demand_pricing.

Loads, changes of definitions and dry runs are free.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local_bigquery.api import jobs
from local_bigquery.catalog import metadata, names, tables
from local_bigquery.engine import database
from local_bigquery.jobs import query, runner, store
from local_bigquery.models import JobStatistics, JobStatistics2, Table
from local_bigquery.sql import translate
from local_bigquery.sql.rules.tables import resolve
from sqlglot import exp

from servicetitan_sandbox.bigquery.rules import byte_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fastapi import Response

    Reference = tuple[str, str, str]

MEGABYTE = 1 << 20
LEAST_BYTES = 10 * MEGABYTE
"""What is billed for a table that a statement reads, at least."""

_COSTS = ("totalBytesProcessed", "totalBytesBilled", "totalSlotMs")
_WRITES_ONLY = (*query.DDL, exp.TruncateTable, exp.Insert)
"""Statements that do not read the table that they name first."""


def install() -> None:
    """Let jobs say what they read and what is billed."""
    query._statement = _measure(query._statement)  # noqa: SLF001 - there is no other way in
    query._execute = _add_up(query._execute)  # noqa: SLF001
    runner._query = _say_in_job(runner._query)  # noqa: SLF001
    jobs.with_rows = _say_in_answer(jobs.with_rows)


def bytes_billed(processed: Iterable[int]) -> int:
    """Return what is billed for a statement, in bytes.

    Args:
        processed: How many bytes it reads of each table that it names.
    """
    total = sum(max(size, LEAST_BYTES) for size in processed)
    return -(-total // MEGABYTE) * MEGABYTE


@dataclass
class _Names:
    """What a statement names. It is gone through once, because that takes longer than all else."""

    tables: list[exp.Table] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    queries: set[str] = field(default_factory=set)
    """Names that the statement itself gives to queries."""
    has_star: bool = False
    """Whether it reads all columns of a table."""

    @classmethod
    def of(cls, tree: exp.Expression) -> _Names:
        found = cls()
        for node in tree.walk():
            if isinstance(node, exp.Column):
                found.columns.add(node.name.casefold())
            elif isinstance(node, exp.Table):
                found.tables.append(node)
            elif isinstance(node, exp.CTE):
                found.queries.add(node.alias_or_name.casefold())
            elif isinstance(node, exp.Star):
                found.has_star = found.has_star or not isinstance(node.parent, exp.Count)
        return found


def bytes_processed(tree: exp.Expression, context: translate.Context) -> dict[Reference, int]:
    """Return how many bytes a statement reads of each table, by the sizes that the emulator reports of its tables.

    Of a table whose rows it changes, it reads all columns; of others, those whose names occur in it.

    Args:
        tree: The statement.
        context: Where its names are looked up.
    """
    changed = None
    if isinstance(tree, _WRITES_ONLY):
        tree = tree.expression
        if not isinstance(tree, exp.Query):
            return {}
    elif target := names.target(tree):
        changed = names.reference(target, context.project_id, context.dataset_id)
    found = _Names.of(tree)
    columns = None if found.has_star else found.columns
    return {table: _size(table, None if table == changed else columns) for table in _tables(found, context)}


def _tables(found: _Names, context: translate.Context) -> set[Reference]:
    references = {resolve(table, context, found.queries) for table in found.tables}
    return {table for reference in references if reference for table in _below(reference, context)}


def _below(reference: Reference, context: translate.Context) -> Iterator[Reference]:
    """Yield a table, or the tables that a view reads."""
    stored = metadata.load(Table, *reference)
    if stored is not None and stored.view:
        for tree in translate.parse(stored.view.query):
            yield from _tables(_Names.of(tree), context)
    else:
        yield reference


def _size(table: Reference, columns: set[str] | None) -> int:
    """Return the size of some columns of a table in bytes; of all for None. A table that does not exist has none."""
    found = database.objects(*tables.physical(*table))
    if not found:
        return 0
    present = [column.name.casefold() for column in tables.columns(*table)]
    return int(tables.logical_bytes(found[0][2], sum(columns is None or name in columns for name in present)))


def _measure(run: Callable[..., JobStatistics2]) -> Callable[..., JobStatistics2]:
    # The parameters are those of the emulator's own function.
    def run_and_measure(cur, tree, context, destination, config, dry_run, isolated):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202,PLR0913,PLR0917
        sizes = list(bytes_processed(tree, context).values())
        if not dry_run:
            byte_limit.check(config.maximumBytesBilled, bytes_billed(sizes))
        done = run(cur, tree, context, destination, config, dry_run, isolated)
        return _with_bytes(done, sum(sizes), 0 if dry_run else bytes_billed(sizes))

    return run_and_measure


def _add_up(execute: Callable[..., tuple[JobStatistics2, list[JobStatistics2], object]]) -> Callable[..., object]:
    """Wrap the emulator's function, so that a script costs what its statements do."""

    def execute_and_add_up(*args: object) -> tuple[JobStatistics2, list[JobStatistics2], object]:
        done, children, result = execute(*args)
        if children:
            processed = sum(int(child.totalBytesProcessed or 0) for child in children)
            done = _with_bytes(done, processed, sum(int(child.totalBytesBilled or 0) for child in children))
        return done, children, result

    return execute_and_add_up


def _with_bytes(statistics: JobStatistics2, processed: int, billed: int) -> JobStatistics2:
    return statistics.replace(totalBytesProcessed=str(processed), totalBytesBilled=str(billed))


def _say_in_job(run: Callable[..., JobStatistics]) -> Callable[..., JobStatistics]:
    def run_and_say(*args: object) -> JobStatistics:
        begun = time.thread_time()
        done = run(*args)
        slot_ms = max(1, round((time.thread_time() - begun) * 1000))
        processed = (done.query and done.query.totalBytesProcessed) or "0"
        return done.replace(totalBytesProcessed=processed, totalSlotMs=str(slot_ms))

    return run_and_say


def _say_in_answer(answer: Callable[..., Response]) -> Callable[..., Response]:
    """Wrap the emulator's function that answers `jobs.query` and `jobs.getQueryResults`."""

    def answer_with_costs(payload: dict[str, object], rows: list[str]) -> Response:
        reference = payload["jobReference"]
        job = store.load(reference.projectId, reference.jobId or "")  # type: ignore[attr-defined]
        costs: dict[str, object] = {}
        if job is not None and job.status.state == "DONE" and job.statistics.query:
            costs = {**job.statistics.query.dump(), "totalSlotMs": job.statistics.totalSlotMs}
        known = {name: costs.get(name) for name in _COSTS if name in payload}
        return answer(payload | (known if costs or not payload["jobComplete"] else {}), rows)

    return answer_with_costs
