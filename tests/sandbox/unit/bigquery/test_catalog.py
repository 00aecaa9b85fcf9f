"""How the local BigQuery keeps its tables in DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
from local_bigquery.catalog import tables
from local_bigquery.engine import database

from servicetitan_sandbox.bigquery.catalog import Results

if TYPE_CHECKING:
    import pytest


def test_of_the_results_of_queries_only_the_newest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS emulator; CREATE SCHEMA emulator._results; ATTACH ':memory:' AS p")
    monkeypatch.setattr(database, "connection", lambda: connection)
    monkeypatch.setattr(Results, "MOST", 2)

    def write(cursor: object, sql: str, parameters: object, reference: tuple[str, str, str]) -> bool:  # noqa: ARG001 - the emulator's
        connection.execute(f"CREATE OR REPLACE TABLE {tables.name(*reference)} AS {sql}")
        return True

    write_and_drop = Results().drop_old(write)
    for job in ("first", "second", "first", "third"):
        assert write_and_drop(None, "SELECT 1", None, ("p", tables.RESULTS, job))
    for table in ("a", "b", "c"):
        write_and_drop(None, "SELECT 1", None, ("p", "main", table))

    left = {name for (name,) in connection.sql("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert left == {"p:first", "p:third", "a", "b", "c"}
