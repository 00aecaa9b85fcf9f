"""Gives the emulator's database further functions, as DuckDB's macros."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from local_bigquery.engine import database

if TYPE_CHECKING:
    import duckdb


def add_macros(statements: str) -> None:
    """Create macros whenever the database is opened, after those that were added before.

    Args:
        statements: The statements that create them.
    """
    connect = database._connect.__wrapped__  # noqa: SLF001 - there is no other way in

    def connect_with_macros() -> duckdb.DuckDBPyConnection:
        connection: duckdb.DuckDBPyConnection = connect()
        connection.execute(statements)
        return connection

    database._connect = functools.cache(connect_with_macros)  # noqa: SLF001
