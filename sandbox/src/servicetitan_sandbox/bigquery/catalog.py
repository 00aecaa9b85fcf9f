"""Keeps the tables of each project in a separate DuckDB database, and looks up tables in the right project only.

`local-bigquery` keeps tables in DuckLake. That reads the whole catalog of a project again after each change of a table,
keeps every version, and makes all but one of several concurrent writers start again: a run of 120 streams took more
than two seconds of CPU per stream, and two gigabytes. DuckDB's own tables have the same types and the same
transactions. They lack BigQuery's time travel, which nothing here uses.

To look up a table or a dataset, `local-bigquery` queries `duckdb_tables()` and similar functions, which go through
every attached project each time. Querying the table by its name is faster, and so are the resources, where each dataset
is. A project without datasets is detached, for the same reason.
"""

from __future__ import annotations

import functools
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from local_bigquery.catalog import metadata, tables
from local_bigquery.engine import database
from local_bigquery.models import Dataset
from local_bigquery.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Fetch = Callable[..., list[tuple[object, ...]]]
    Exists = Callable[[str, str], bool]
    Delete = Callable[[str, str, bool], None]
    Write = Callable[..., bool]

_FOLDER = "projects"

_COLUMNS = """(
    SELECT {} AS database_name, {} AS schema_name, {} AS table_name, name AS column_name, NOT "notnull" AS is_nullable
    FROM pragma_table_info({})
)"""
"""Replaces `duckdb_columns()` in a query for the columns of one table."""


def attach(connection: duckdb.DuckDBPyConnection, project: str) -> None:
    """Attach the database of a project. Create it if it does not exist: in the form that knows table functions."""
    path = _path(project)
    path.parent.mkdir(exist_ok=True)
    form = "(STORAGE_VERSION 'v1.4.0')"
    connection.execute(f"ATTACH IF NOT EXISTS {_literal(str(path))} AS {database.quote(project)} {form}")
    database._attached.add(project)  # noqa: SLF001 - this replaces a function of that module


def detach_if_empty(project: str) -> None:
    """Remove the database of a project that has no datasets any more. It is created again when it is needed."""
    schemas = "SELECT 1 FROM duckdb_schemas() WHERE database_name = ? AND NOT internal AND schema_name <> 'main'"
    with database._attach_lock:  # noqa: SLF001 - this replaces functions of that module
        if not database.fetch(schemas, [project]):
            database.execute(f"DETACH DATABASE IF EXISTS {database.quote(project)}")
            database._attached.discard(project)  # noqa: SLF001 - this replaces functions of that module
            _path(project).unlink(missing_ok=True)


def attach_existing() -> None:
    """Attach the projects that an earlier process has created in the directory."""
    for path in (settings.data_dir / _FOLDER).glob("*.duckdb"):
        database.attach(path.stem)


def projects() -> list[str]:
    """Return the names of all projects."""
    return sorted(database._attached)  # noqa: SLF001 - this replaces a function of that module


def narrow(fetch: Fetch) -> Fetch:
    """Wrap the emulator's `fetch`, so that a query for the columns of one table reads only that table.

    Args:
        fetch: Runs a statement with parameters. In a query for columns the first three parameters are project, dataset
            and table.
    """

    def fetch_narrowly(sql: str, parameters: Sequence[object] | None = None) -> list[tuple[object, ...]]:
        if not parameters or "duckdb_columns()" not in sql:
            return fetch(sql, parameters)
        path = [str(parameter) for parameter in parameters[:3]]
        table = _COLUMNS.format(*map(_literal, path), _literal(database.quote(*path)))
        try:
            return fetch(sql.replace("duckdb_columns()", table), parameters)
        except (duckdb.CatalogException, duckdb.BinderException):  # no such table; no such project
            return []

    return fetch_narrowly


def narrow_objects(objects: Fetch) -> Fetch:
    """Wrap the emulator's `objects`, so that it finds a table by its name."""

    def find_by_name(project: str, dataset: str | None, table: str | None = None) -> list[tuple[object, ...]]:
        if table is None or dataset is None:  # a temporary table has no dataset
            return objects(project, dataset, table)
        name = database.quote(project, dataset, table)
        try:
            [(rows,)] = database.fetch(f"SELECT count(*) FROM (SELECT rowid FROM {name})")  # noqa: S608
        except duckdb.CatalogException:
            return []
        except duckdb.BinderException:  # a view, which has no row ids, or no such project
            return objects(project, dataset, table)
        return [(table, "TABLE", rows)]

    return find_by_name


def look_among_resources(exists: Exists) -> Exists:
    """Wrap the emulator's `exists`, so that it looks first where the datasets that requests have created are."""

    def is_known_or_exists(project: str, dataset: str) -> bool:
        return metadata.load(Dataset, project, dataset) is not None or exists(project, dataset)

    return is_known_or_exists


def detach_after(delete: Delete) -> Delete:
    """Wrap the emulator's function that deletes a dataset, so that a project without datasets is detached."""

    def delete_and_detach(project: str, dataset: str, delete_contents: bool) -> None:  # noqa: FBT001 - as the emulator's
        delete(project, dataset, delete_contents)
        detach_if_empty(project)

    return delete_and_detach


def plan_once(write: Write) -> Write:
    """Wrap the emulator's function that writes a query's result: it plans the query again for each look at its columns.

    That took a fifth of the time of small statements.
    """

    @functools.wraps(write)
    def write_planned(cursor: duckdb.DuckDBPyConnection | FreshCursor, *args: Any, **options: Any) -> bool:  # noqa: ANN401 - the emulator's
        with cursor.planning_once() if isinstance(cursor, FreshCursor) else nullcontext():
            return write(cursor, *args, **options)

    return write_planned


class Results:
    """The results of queries, of which only the newest are kept: each is a table, and DuckDB goes through all of them.

    After two thousand queries it took a tenth of a second to list the tables of a dataset. BigQuery keeps a result for
    about a day (https://cloud.google.com/bigquery/docs/cached-results).
    """

    MOST = 300

    def __init__(self) -> None:
        self._names: dict[tuple[str, ...], None] = {}
        self._lock = threading.Lock()

    def drop_old(self, write: Write) -> Write:
        """Wrap the emulator's function that writes a query's result, so that the oldest result goes for a new one."""

        @functools.wraps(write)
        # The parameters are those of the emulator's own function.
        def write_and_drop(cursor, sql, parameters, reference, *rest, **options):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN002,ANN003,ANN202
            done = write(cursor, sql, parameters, reference, *rest, **options)
            if reference[1] == tables.RESULTS:
                with database.cursor() as dropping:
                    for old in self._replaced_by(reference):
                        dropping.execute(f"DROP TABLE IF EXISTS {tables.name(*old)}")
            return done

        return write_and_drop

    def _replaced_by(self, reference: tuple[str, str, str]) -> list[tuple[str, ...]]:
        """Note a new result, and return those that are to go."""
        with self._lock:
            self._names.pop(reference, None)
            self._names[reference] = None
            old = list(self._names)[: -self.MOST]
            for each in old:
                del self._names[each]
        return old


class FreshCursor:
    """A new DuckDB cursor: it has no temporary tables, so it skips the query for them, and it knows its transaction.

    DuckDB refuses a transaction in a transaction, and then ends the outer one, too: so this refuses it beforehand.

    Args:
        cursor: The cursor, which runs everything else.
    """

    _TEMPORARY_TABLES = "SELECT table_name FROM duckdb_tables() WHERE temporary"
    _NONE = "SELECT '' AS table_name WHERE false"

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._in_transaction = False
        self._plans: dict[str, tuple[object, duckdb.DuckDBPyRelation]] | None = None

    def sql(self, query: str, **options: Any) -> duckdb.DuckDBPyRelation:  # noqa: ANN401 - DuckDB's signature
        """Return the relation of a query."""
        if query == self._TEMPORARY_TABLES:
            return self._cursor.sql(self._NONE)
        if self._plans is None:
            return self._cursor.sql(query, **options)
        parameters = options.get("params")
        before, relation = self._plans.get(query, (None, None))
        if relation is None or before is not parameters:
            relation = self._cursor.sql(query, **options)
            self._plans[query] = parameters, relation
        return relation

    @contextmanager
    def planning_once(self) -> Iterator[None]:
        """Plan each query once in the block, however often its relation is asked for: only its columns may be read."""
        self._plans = {}
        try:
            yield
        finally:
            self._plans = None

    def execute(self, query: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
        """Run a statement.

        Raises:
            TransactionException: If it begins a transaction in a transaction.
        """
        word = query.split(maxsplit=1)[0].rstrip(";").upper() if query.strip() else ""
        if word == "BEGIN" and self._in_transaction:
            raise duckdb.TransactionException("cannot start a transaction within a transaction")
        done = self._cursor.execute(query, parameters)
        if word in {"BEGIN", "COMMIT", "ROLLBACK"}:
            self._in_transaction = word == "BEGIN"
        return done

    def begin(self) -> None:
        """Begin a transaction. See `execute`."""
        self.execute("BEGIN")

    def commit(self) -> None:
        """Commit the transaction."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Take back the transaction."""
        self.execute("ROLLBACK")

    def __getattr__(self, name: str) -> object:
        return getattr(self._cursor, name)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _path(project: str) -> Path:
    return Path(settings.data_dir, _FOLDER, f"{project}.duckdb")
