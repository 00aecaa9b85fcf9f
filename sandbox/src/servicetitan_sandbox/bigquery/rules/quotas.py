"""Limits on how often a table or a dataset is changed: https://cloud.google.com/bigquery/quotas.

Statements that change rows are not held back by the limit on a table's updates, and do not count here. A query that
writes its result into a table counts as a load job does.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from local_bigquery.catalog import datasets, names, tables
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query, runner
from sqlglot import exp

from servicetitan_sandbox.bigquery.rules.pace import real_seconds
from servicetitan_sandbox.bigquery.rules.reasons import QUOTA_EXCEEDED, RATE_LIMIT_EXCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_bigquery.models import Dataset, Table

UPDATES = 5
UPDATE_SECONDS = 10
LOADS = 1500
DAY_SECONDS = 86_400

_MORE = "For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas"
_TABLE = f"Exceeded rate limits: too many table update operations for this table. {_MORE}"
_DATASET = f"Exceeded rate limits: too many dataset update operations for this dataset. {_MORE}"
_LOADS = f"Quota exceeded: Your table exceeded quota for imports or query appends per table. {_MORE}"

_times: defaultdict[tuple[str, ...], deque[float]] = defaultdict(deque)
_lock = threading.Lock()


def install() -> None:
    """Add the limits to the emulator."""
    tables.create = _count_created(tables.create)
    tables.update = _count_update(tables.update)
    datasets.update = _count_dataset(datasets.update)
    for kind in ("load", "copy"):
        runner.HANDLERS[kind] = _count_job(runner.HANDLERS[kind], kind)
    query._statement = _count_ddl(query._statement)  # noqa: SLF001 - there is no other way in


def _check(key: tuple[str, ...], most: int, seconds: float, refusal: BigQueryError) -> None:
    """Check that one more is within a limit.

    Args:
        key: What is counted: a kind, then the project and what is in it.
        most: How many there may be in a period.
        seconds: The period, in BigQuery's time.
        refusal: Raised if there are as many already.
    """
    since = time.monotonic() - real_seconds(key[1], seconds)
    with _lock:
        times = _times[key]
        while times and times[0] <= since:
            times.popleft()
        if len(times) >= most:
            raise refusal


def _note(*key: str) -> None:
    with _lock:
        _times[key].append(time.monotonic())


def _check_table(*table: str) -> None:
    _check(("table", *table), UPDATES, UPDATE_SECONDS, BigQueryError(RATE_LIMIT_EXCEEDED, _TABLE))


def _check_loads(*table: str) -> None:
    _check(("loads", *table), LOADS, DAY_SECONDS, BigQueryError(QUOTA_EXCEEDED, _LOADS))


def _count_created(create: Callable[..., Table]) -> Callable[..., Table]:
    def create_and_count(project: str, dataset: str, body: Table, translate: object) -> Table:
        table = (body.tableReference and body.tableReference.tableId) or ""
        _check_table(project, dataset, table)
        created = create(project, dataset, body, translate)  # one that exists already costs nothing
        _note("table", project, dataset, table)
        return created

    return create_and_count


def _count_update(update: Callable[..., Table]) -> Callable[..., Table]:
    def update_and_count(project: str, dataset: str, table: str, *rest: object) -> Table:
        _check_table(project, dataset, table)
        updated = update(project, dataset, table, *rest)
        _note("table", project, dataset, table)
        return updated

    return update_and_count


def _count_dataset(update: Callable[..., Dataset]) -> Callable[..., Dataset]:
    def update_and_count(project: str, dataset: str, *rest: object, **options: object) -> Dataset:
        refusal = BigQueryError(RATE_LIMIT_EXCEEDED, _DATASET)
        _check(("dataset", project, dataset), UPDATES, UPDATE_SECONDS, refusal)
        updated = update(project, dataset, *rest, **options)
        _note("dataset", project, dataset)
        return updated

    return update_and_count


def _count_job(run: Callable[..., object], kind: str) -> Callable[..., object]:
    # The parameters are those of the emulator's own function.
    def run_and_count(cursor, config, upload):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202
        table = tables.reference(config.destinationTable)
        if kind == "load":
            _check_loads(*table)
        _check_table(*table)
        _note("loads", *table)
        _note("table", *table)
        return run(cursor, config, upload)

    return run_and_count


def _count_ddl(run: Callable[..., object]) -> Callable[..., object]:
    # The parameters are those of the emulator's own function.
    def run_and_count(cur, tree, context, destination, config, dry_run, isolated):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202,PLR0913,PLR0917
        table = None if dry_run else _changed_table(tree, context, destination)  # type: ignore[no-untyped-call]
        is_result = destination is not None and isinstance(tree, exp.Query)
        if table is not None:
            if is_result:
                _check_loads(*table)
            _check_table(*table)
        done = run(cur, tree, context, destination, config, dry_run, isolated)
        if table is not None:
            _note("table", *table)
            if is_result:
                _note("loads", *table)
        return done

    return run_and_count


def _changed_table(tree, context, destination):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202 - the emulator's
    """Return the table whose definition a statement changes, or into which it writes its result; None for no table."""
    if destination is not None and destination.datasetId != tables.RESULTS:
        return tables.reference(destination)
    is_of_table = (tree.args.get("kind") or "").upper() in {"TABLE", "VIEW"} and not tree.find(exp.TemporaryProperty)
    target = tree.find(exp.Table) if isinstance(tree, query.DDL) and is_of_table else None
    if target is None:
        return None
    return names.reference(target, context.project_id, context.dataset_id)
