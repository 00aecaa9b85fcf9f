"""The embedded BigQuery: PyPI `local-bigquery` on DuckDB, started without a network."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import hosting

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTENSIONS = ("icu", "spatial", "ducklake")
"""The DuckDB extensions that `local-bigquery` loads, each pinned as a package of its own."""


def run(port: int = 0, data_dir: Path | None = None) -> None:
    """Serve BigQuery's REST API, and its Storage API over gRPC, until a signal comes.

    The ready line holds `bigquery.api_endpoint` and `bigquery.grpc_endpoint`.

    Args:
        port: Port of the REST API; 0 means a free one.
        data_dir: Where the tables live. By default a temporary directory that is removed at the end.
    """
    with hosting.listen(port) as bound, _directory(data_dir) as directory:
        _install_extensions(directory / ".home")

        # Imported late, because DuckDB finds its extensions through HOME.
        from local_bigquery import app  # noqa: PLC0415
        from local_bigquery.engine import database  # noqa: PLC0415
        from local_bigquery.grpc import server  # noqa: PLC0415
        from local_bigquery.settings import settings  # noqa: PLC0415

        settings.data_dir = directory
        # It would otherwise be opened by the first request, after the ready line.
        database.connection()
        storage, storage_port = server.start(hosting.HOST, 0)
        endpoints = {"api_endpoint": hosting.url(bound), "grpc_endpoint": f"{hosting.HOST}:{storage_port}"}
        try:
            hosting.serve(app, bound, {"bigquery": endpoints})
        finally:
            storage.stop(None)


@contextmanager
def _directory(data_dir: Path | None) -> Iterator[Path]:
    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
        yield data_dir.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="sandbox-bigquery-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def _install_extensions(home: Path) -> None:
    """Copy the extensions out of their packages into a home of our own: no download, nothing in the user's home."""
    home.mkdir(exist_ok=True)
    os.environ["HOME"] = str(home)

    import duckdb  # noqa: PLC0415
    from duckdb_extensions import import_extension  # noqa: PLC0415

    with duckdb.connect() as connection:
        for name in EXTENSIONS:
            import_extension(name, con=connection)
