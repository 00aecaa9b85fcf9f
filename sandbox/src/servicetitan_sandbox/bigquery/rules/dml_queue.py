"""At most two statements change the rows of one table at a time, and at most twenty wait for their turn.

That counts UPDATE, DELETE and MERGE
(https://cloud.google.com/bigquery/docs/reference/standard-sql/data-manipulation-language#dml-limitations). A script's
statements are not counted here.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local_bigquery.errors import BigQueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNNING = 2
WAITING = 20

_POLL_SECONDS = 0.05
_STATEMENT = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(?:MERGE(?:\s+INTO)?|UPDATE|DELETE(?:\s+FROM)?)\s+(?P<table>`[^`]+`|[\w.-]+)", re.IGNORECASE
)

_changed = threading.Condition()
_running: Counter[str] = Counter()
_waiting: Counter[str] = Counter()


def changed_table(statement: str, project: str) -> str | None:
    """Return the table whose rows a statement changes, as `project:dataset.table`; None if it changes none in place.

    Args:
        statement: A statement.
        project: The project of a table that is named without one.
    """
    match = _STATEMENT.match(statement)
    if match is None:
        return None
    names = match["table"].replace("`", "").rsplit(".", 2)
    return f"{names[0] if len(names) > 2 else project}:{'.'.join(names[-2:])}"  # noqa: PLR2004 - project, dataset, table


@contextmanager
def turn(table: str, is_stopped: Callable[[], bool]) -> Iterator[None]:
    """Wait for the turn of a statement on a table, and keep it within the block.

    Args:
        table: The table.
        is_stopped: Returns whether the statement waits no longer. Then it gets its turn at once.

    Raises:
        BigQueryError: If too many statements wait.
    """
    with _changed:
        _wait(table, is_stopped)
        _running[table] += 1
    try:
        yield
    finally:
        with _changed:
            _running[table] -= 1
            _changed.notify_all()


def _wait(table: str, is_stopped: Callable[[], bool]) -> None:
    if _running[table] < RUNNING:
        return
    if _waiting[table] >= WAITING:
        raise BigQueryError(
            "resourcesExceeded",
            "Resources exceeded during query execution: Too many DML statements outstanding against table "
            f"{table}, limit is {WAITING}.",
        )
    _waiting[table] += 1
    while _running[table] >= RUNNING and not is_stopped():
        _changed.wait(_POLL_SECONDS)
    _waiting[table] -= 1
