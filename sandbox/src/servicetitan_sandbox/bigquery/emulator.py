"""Starts `local-bigquery` 0.3.2 without a network, and corrects it where it differs from BigQuery.

The target relies on each of the corrections, and each has a test that fails without it.
"""

from __future__ import annotations

import functools
import gc
import logging
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
from duckdb_extensions import import_extension
from local_bigquery import app
from local_bigquery.catalog import datasets, metadata, row_access, tables
from local_bigquery.engine import database, types
from local_bigquery.grpc import server
from local_bigquery.jobs import merge, query, store
from local_bigquery.settings import settings
from local_bigquery.sql import rules
from sqlglot import exp

from servicetitan_sandbox import hosting
from servicetitan_sandbox.bigquery import cache, catalog, control_api
from servicetitan_sandbox.bigquery import merge as duckdb_merge
from servicetitan_sandbox.bigquery.rules import (
    billing,
    collation,
    column_names,
    decimals,
    encryption,
    expirations,
    free_projects,
    jobs,
    jobs_view,
    json_numbers,
    json_parts,
    keys,
    listing,
    modification_times,
    null_arrays,
    partitions,
    query_destinations,
    query_requests,
    quotas,
    regions,
    request_size,
    statements,
    streaming,
    table_listing,
    text_casts,
    traffic,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local_bigquery.models import TableFieldSchema

__all__ = ["app", "correct", "install_extensions", "open_database"]

_RECURSION_LIMIT = 20_000

EXTENSIONS = ("icu", "spatial", "ducklake")
"""The DuckDB extensions that `local-bigquery` loads, each pinned as a separate package."""


def install_extensions() -> None:
    """Copy DuckDB's extensions from their packages to the home directory, where DuckDB looks for them."""
    with duckdb.connect() as connection:
        for name in EXTENSIONS:
            import_extension(name, con=connection)


@contextmanager
def open_database(directory: Path) -> Iterator[int]:
    """Open the database in a directory, serve the Storage API, and yield the port of the Storage API."""
    settings.data_dir = directory
    # Otherwise the first request would open the database, after the ready line.
    database.connection()
    # Otherwise DuckDB would look for missing tables among the variables of this process.
    database.execute("SET GLOBAL python_enable_replacements = false")
    catalog.attach_existing()
    _collect_garbage_rarely()
    resources = cache.Resources(directory / "resources.sqlite")
    metadata.fetch, metadata.execute, row_access.fetch = resources.fetch, resources.execute, resources.fetch
    storage, port = server.start(hosting.HOST, 0)
    try:
        yield port
    finally:
        storage.stop(None)
        resources.close()


def correct() -> None:
    """Apply the corrections to the emulator's modules."""
    # A statement about a thousand columns becomes a parsed expression with a thousand levels. At the default limit it
    # would fail as a server error, which clients retry.
    sys.setrecursionlimit(_RECURSION_LIMIT)
    # It warns of each view with options: DuckDB has none, and the emulator keeps them among its resources.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    rules.NODE_RULES.append(_wide_number_mode)
    query.DML_COUNTS[exp.TruncateTable] = "deletedRowCount"
    database._attach = catalog.attach  # noqa: SLF001 - there is no other way in
    database.projects = catalog.projects
    database.fetch = catalog.narrow(database.fetch)
    database.objects = catalog.narrow_objects(database.objects)
    datasets.exists = catalog.look_among_resources(datasets.exists)
    datasets.delete = catalog.detach_after(datasets.delete)
    _replace_execute()
    _replace_alter()
    _make_atomic()
    _install_caches()
    statements.install()
    table_listing.install()
    decimals.install()
    json_numbers.install()
    json_parts.install()
    text_casts.install()
    keys.install()
    partitions.install()
    for rule in (column_names, expirations, free_projects, listing, collation, streaming, billing, quotas):
        rule.install()
    for rule in (query_destinations, null_arrays, modification_times):
        rule.install()
    tables.write = catalog.Results().drop_old(catalog.plan_once(tables.write))
    jobs.install()
    query_requests.install()
    encryption.install()
    regions.install(app)
    request_size.install(app)
    traffic.install(app)
    control_api.install(app)


def _collect_garbage_rarely() -> None:
    """Run the garbage collector less often: it took half of a statement's time.

    A parsed statement has thousands of objects that refer to each other, and half a million others are permanent.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


def _install_caches() -> None:
    cache.forbid_import("pandas")
    kept = cache.Jobs()
    store.save, store.load, store.list_, store.delete = kept.save, kept.load, kept.list, kept.delete
    jobs_view.install(kept)
    merge.run = cache.with_cache(duckdb_merge.use_duckdb_merge(merge.run))
    for module, name in ((database, "fetch"), (database, "objects"), (tables, "columns")):
        setattr(module, name, cache.cacheable(getattr(module, name)))


def _make_atomic() -> None:
    """Let only one request at a time look up and change tables.

    The emulator first checks whether a table exists, then creates, replaces or drops it. Of two concurrent requests
    both would succeed, or one would fail with an error of the database.
    """
    lock = threading.RLock()
    for name in ("create", "update", "delete", "annotate", "_lookup"):
        setattr(tables, name, _with_lock(getattr(tables, name), lock))


def _with_lock(operation: Callable[..., object], lock: threading.RLock) -> Callable[..., object]:
    @functools.wraps(operation)
    def run(*args: object) -> object:
        with lock:
            return operation(*args)

    return run


def _replace_execute() -> None:
    execute = query.execute

    # The parameters are those of the emulator's own function.
    def execute_with_fresh_cursor(cursor, *args, session=None, **options):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN002,ANN003,ANN202
        return execute(cursor if session else catalog.FreshCursor(cursor), *args, session=session, **options)

    query.execute = execute_with_fresh_cursor


def _replace_alter() -> None:
    alter = tables._alter  # noqa: SLF001 - there is no other way in

    def alter_with_nested_fields(project: str, dataset: str, table: str, fields: list[TableFieldSchema]) -> None:
        alter(project, dataset, table, fields)
        _add_nested_fields((project, dataset, table), fields)

    tables._alter = alter_with_nested_fields  # noqa: SLF001


def _wide_number_mode(node: exp.Expression, context: object) -> exp.Expression:  # noqa: ARG001 - the rules' signature
    """Accept `PARSE_JSON(x, wide_number_mode => 'round')` in a MERGE, too.

    The emulator removes the argument's name, but not in statements that it has rendered and parsed again.
    """
    if isinstance(node, exp.Anonymous) and node.name.lower() == "parse_json":
        arguments = [item.expression if isinstance(item, exp.Kwarg) else item for item in node.expressions]
        node.set("expressions", arguments)
    return node


def _add_nested_fields(reference: tuple[str, str, str], fields: list[TableFieldSchema]) -> None:
    """Add the nested fields of a new schema to a table. The emulator adds only columns, and silently skips the rest."""
    present = {field.name.casefold(): field for field in tables.columns(*reference)}
    for field in fields:
        for path, added in _missing(present[field.name.casefold()], field):
            column = ".".join(database.quote(part) for part in (*path, added.name))
            database.execute(f"ALTER TABLE {tables.name(*reference)} ADD COLUMN {column} {types.duckdb_type(added)}")


def _missing(old: TableFieldSchema, new: TableFieldSchema) -> Iterator[tuple[tuple[str, ...], TableFieldSchema]]:
    """Yield the nested fields that only the new field has, each with the path of its container."""
    here = (old.name, "element") if old.mode == "REPEATED" else (old.name,)
    present = {field.name.casefold(): field for field in old.fields or []}
    for field in new.fields or []:
        if field.name.casefold() not in present:
            yield here, field
            continue
        for path, added in _missing(present[field.name.casefold()], field):
            yield (*here, *path), added
