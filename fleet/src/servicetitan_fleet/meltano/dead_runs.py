"""Tells Meltano's own database that a company's earlier runs have ended.

A Meltano that was killed leaves its run there as running, and for five minutes every other one refuses to start.
Whoever holds the company's system folder knows better: no process of an earlier run is alive.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime.clock import utc_now

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "meltano.db"
"""Name of the database in a company's system folder."""

_SECONDS = 10.0
_END = "UPDATE runs SET state = 'FAIL', ended_at = ? WHERE state = 'RUNNING'"
"""The table and its states are those of `Job` in meltano 4.4. It may also hold the state, so the file stays."""


def end_dead_runs(folder: Path) -> None:
    """Mark the runs in Meltano's database as failed that count as running. The caller holds the folder.

    Nothing happens if there is no database yet, or if it is not as expected: then Meltano says what is wrong with it.

    Args:
        folder: The company's system folder.
    """
    path = (folder / DATABASE).absolute()
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_open(path)) as database, database:
        database.execute(_END, [f"{utc_now():%Y-%m-%d %H:%M:%S.%f}"])


def _open(path: Path) -> sqlite3.Connection:
    # Without the mode, it would make a file that Meltano takes for a database of its own.
    return sqlite3.connect(f"{path.as_uri()}?mode=rw", timeout=_SECONDS, uri=True)
