"""Lets the emulator look up tables in one project instead of in all of them.

`local-bigquery` asks DuckDB's functions `duckdb_tables()` and the like, which go through every attached project each
time: with ten projects a trivial query takes a second. A project's own DuckLake catalog has the same answers in
ordinary tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
from local_bigquery.engine import database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Fetch = Callable[..., list[tuple[object, ...]]]

_LOOKUPS = {
    "duckdb_schemas()": """(
        SELECT {project} AS database_name, schema_name
        FROM {catalog}.ducklake_schema WHERE end_snapshot IS NULL
    )""",
    "duckdb_tables()": """(
        SELECT {project} AS database_name, schema_name, table_name, coalesce(record_count, 0) AS estimated_size
        FROM {catalog}.ducklake_table AS t
        JOIN {catalog}.ducklake_schema AS s USING (schema_id)
        LEFT JOIN {catalog}.ducklake_table_stats USING (table_id)
        WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL
    )""",
    "duckdb_views()": """(
        SELECT {project} AS database_name, schema_name, view_name, false AS internal
        FROM {catalog}.ducklake_view AS v
        JOIN {catalog}.ducklake_schema AS s USING (schema_id)
        WHERE v.end_snapshot IS NULL AND s.end_snapshot IS NULL
    )""",
    "duckdb_columns()": """(
        SELECT {project} AS database_name, schema_name, table_name, column_name, nulls_allowed AS is_nullable
        FROM {catalog}.ducklake_column AS c
        JOIN {catalog}.ducklake_table AS t USING (table_id)
        JOIN {catalog}.ducklake_schema AS s USING (schema_id)
        WHERE c.parent_column IS NULL
        AND c.end_snapshot IS NULL AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL
    )""",
}
"""What stands for each function; `{project}` is a string literal, `{catalog}` the name of the project's catalog."""

_RESULTS_PROJECT = "emulator"
"""The database in which the emulator keeps the results of queries, none of which has a column that is NOT NULL."""

_NO_COLUMNS = (
    "(FROM (VALUES ('', '', '', '', true)) AS t(database_name, schema_name, table_name, column_name, is_nullable))"
)


def narrow(fetch: Fetch) -> Fetch:
    """Return the emulator's function `fetch` with lookups that go to the one project they are about.

    Args:
        fetch: Runs a statement with parameters; in lookups the first parameter is the project.
    """

    def narrowed(sql: str, parameters: Sequence[object] | None = None) -> list[tuple[object, ...]]:
        return fetch(_narrowed(sql, parameters[0]) if parameters else sql, parameters)

    return narrowed


def narrow_results(objects: Fetch) -> Fetch:
    """Return the emulator's function `objects`, but one that finds the result of a query by asking for it alone."""

    def narrowed(project: str, dataset: str, table: str | None = None) -> list[tuple[object, ...]]:
        if project != _RESULTS_PROJECT or table is None:
            return objects(project, dataset, table)
        try:
            [(rows,)] = database.fetch(f"SELECT count(*) FROM {database.quote(project, dataset, table)}")  # noqa: S608
        except duckdb.CatalogException:
            return []
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


def _narrowed(sql: str, project: object) -> str:
    if project == _RESULTS_PROJECT:
        return sql.replace("duckdb_columns()", _NO_COLUMNS)
    if project not in database._attached:  # noqa: SLF001 - only these have a catalog of their own
        return sql
    for function, lookup in _LOOKUPS.items():
        if function in sql:
            literal = "'" + str(project).replace("'", "''") + "'"
            catalog = database.quote(f"__ducklake_metadata_{project}")
            sql = sql.replace(function, lookup.format(project=literal, catalog=catalog))
    return sql
