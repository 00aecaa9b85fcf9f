"""Transactions of DuckDB."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run the block in a transaction, or as a part of the transaction that a session or another block has begun."""
    try:
        cursor.begin()
    except duckdb.TransactionException:
        yield
        return
    try:
        yield
    except BaseException:
        cursor.rollback()
        raise
    cursor.commit()
