"""Runs the local BigQuery: its directory, its ready line, its server."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from servicetitan_sandbox import hosting

if TYPE_CHECKING:
    from collections.abc import Iterator


def run(port: int = 0, data_dir: Path | None = None, *, pace: float = 1.0, latency: float = 0.0, seed: int = 1) -> None:
    """Serve BigQuery's REST API, and its Storage API over gRPC, until a signal arrives.

    The ready line holds `bigquery.api_endpoint` and `bigquery.grpc_endpoint`.

    Args:
        port: Port of the REST API; 0 means a free one.
        data_dir: Directory of the tables. By default a temporary one that is removed at the end.
        pace: How much faster time passes for what is counted by time.
        latency: How many times as long as in BigQuery, as far as is known, calls and jobs take. 0 for no wait.
        seed: What the times are drawn by.
    """
    # Imported late: the import takes seconds, and the other commands do not need it.
    from servicetitan_sandbox.bigquery import emulator  # noqa: PLC0415
    from servicetitan_sandbox.bigquery.rules import traffic  # noqa: PLC0415
    from servicetitan_sandbox.bigquery.rules.pace import set_default  # noqa: PLC0415

    with hosting.listen(port) as listener, _directory(data_dir) as directory:
        _use_home(directory / ".home")
        emulator.install_extensions()
        emulator.correct()
        set_default(pace)
        traffic.set_latency(latency, seed)
        with emulator.open_database(directory) as storage_port:
            endpoints = {"api_endpoint": hosting.url(listener), "grpc_endpoint": f"{hosting.HOST}:{storage_port}"}
            hosting.serve(emulator.app, listener, {"bigquery": endpoints})


@contextmanager
def _directory(data_dir: Path | None) -> Iterator[Path]:
    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
        yield data_dir.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="sandbox-bigquery-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def _use_home(home: Path) -> None:
    """Set the process's home directory, where DuckDB keeps its extensions."""
    home.mkdir(exist_ok=True)
    os.environ["HOME"] = str(home)
