"""Keeps a project's tables in a DuckDB database of its own, and looks things up in the one project they are about.

`local-bigquery` keeps them in DuckLake, which reads the whole catalog of a project again after each change of a table,
remembers every version of it, and lets of several writers at once all but one begin anew: a run of 120 streams took
more than two seconds of CPU a stream, and two gigabytes. DuckDB's own tables have the same types and the same
transactions. What they lack is the time travel of BigQuery, which nothing here uses.

To look up a table, it asks DuckDB's functions `duckdb_tables()` and the like, which go through every attached project
each time. A table can be asked by its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
from local_bigquery.engine import database
from local_bigquery.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Fetch = Callable[..., list[tuple[object, ...]]]

_FOLDER = "projects"

_COLUMNS = """(
    SELECT {} AS database_name, {} AS schema_name, {} AS table_name, name AS column_name, NOT "notnull" AS is_nullable
    FROM pragma_table_info({})
)"""
"""What stands for `duckdb_columns()` where the columns of one table are asked for."""


def attach(connection: duckdb.DuckDBPyConnection, project: str) -> None:
    """Attach the database of a project, and create it when there is none."""
    folder = settings.data_dir / _FOLDER
    folder.mkdir(exist_ok=True)
    path = _literal(str(folder / f"{project}.duckdb"))
    connection.execute(f"ATTACH IF NOT EXISTS {path} AS {database.quote(project)}")
    database._attached.add(project)  # noqa: SLF001 - this is a part of that module


def attach_kept() -> None:
    """Attach the projects that an earlier process has left in the directory."""
    for path in (settings.data_dir / _FOLDER).glob("*.duckdb"):
        database.attach(path.stem)


def projects() -> list[str]:
    """Return the names of all projects."""
    return sorted(database._attached)  # noqa: SLF001 - this is a part of that module


def narrow(fetch: Fetch) -> Fetch:
    """Return the emulator's function `fetch`, but one that asks one table for its columns instead of all tables.

    Args:
        fetch: Runs a statement with parameters; where columns are asked for, the first three are project, dataset and
            table.
    """

    def narrowed(sql: str, parameters: Sequence[object] | None = None) -> list[tuple[object, ...]]:
        if not parameters or "duckdb_columns()" not in sql:
            return fetch(sql, parameters)
        path = [str(part) for part in parameters[:3]]
        table = _COLUMNS.format(*map(_literal, path), _literal(database.quote(*path)))
        try:
            return fetch(sql.replace("duckdb_columns()", table), parameters)
        except (duckdb.CatalogException, duckdb.BinderException):  # no such table; no such project
            return []

    return narrowed


def narrow_objects(objects: Fetch) -> Fetch:
    """Return the emulator's function `objects`, but one that finds a table by its name."""

    def narrowed(project: str, dataset: str, table: str | None = None) -> list[tuple[object, ...]]:
        if table is None:
            return objects(project, dataset, table)
        name = database.quote(project, dataset, table)
        try:
            [(rows,)] = database.fetch(f"SELECT count(*) FROM (SELECT rowid FROM {name})")  # noqa: S608
        except duckdb.CatalogException:
            return []
        except duckdb.BinderException:  # a view has no row ids, and of a project that is not there nothing is found
            return objects(project, dataset, table)
        return [(table, "TABLE", rows)]

    return narrowed


class FreshCursor:
    """A new DuckDB cursor that knows without a look-up that it has no temporary tables yet.

    Args:
        cursor: The cursor, which does everything else.
    """

    _QUESTION = "SELECT table_name FROM duckdb_tables() WHERE temporary"
    _NONE = "SELECT '' AS table_name WHERE false"

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def sql(self, query: str, **options: Any) -> duckdb.DuckDBPyRelation:  # noqa: ANN401 - DuckDB's signature
        """Return the relation of a query."""
        return self._cursor.sql(self._NONE if query == self._QUESTION else query, **options)

    def __getattr__(self, name: str) -> object:
        return getattr(self._cursor, name)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
