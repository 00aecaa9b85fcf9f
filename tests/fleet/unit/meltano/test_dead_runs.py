"""Runs of a Meltano that was killed count as ended; whatever else is wrong with its database is left to Meltano."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.meltano.dead_runs import DATABASE, end_dead_runs

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.executescript(statement)


def test_runs_that_count_as_running_have_failed_and_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "ac me?#"  # a path that is no address as it is
    folder.mkdir()
    write(
        folder,
        "CREATE TABLE runs (state TEXT, ended_at TEXT);"
        "INSERT INTO runs VALUES ('RUNNING', NULL), ('SUCCESS', '2026-01-01 00:00:00.000000')",
    )
    end_dead_runs(folder)
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as database:
        (failed, ended), success = database.execute("SELECT state, ended_at FROM runs")
    assert failed == "FAIL"
    assert ended > "2026-01-01"
    assert success == ("SUCCESS", "2026-01-01 00:00:00.000000")


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_a_database_that_is_not_there_or_not_as_expected_stays_as_it_is(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    if content is not None:
        path.write_bytes(content)
    end_dead_runs(tmp_path)
    assert (path.read_bytes() if path.exists() else None) == content
