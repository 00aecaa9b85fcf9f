"""What all streams of one run share."""

from __future__ import annotations

import shutil
import uuid
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from target_bigquery_softdelete.audit.quarantine import Quarantine
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.runtime.shutdown import run_with_timeout
from target_bigquery_softdelete.runtime.temp_files import make_temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_bigquery_softdelete.bigquery.cancellation import Cancelled
    from target_bigquery_softdelete.bigquery.lease import Lease
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.config.settings import Settings

PARALLEL_LOADS = 4
PARALLEL_STREAMS = 8
"""Streams that are merged at the same time. BigQuery does the work; a thread only waits for it."""


CANCEL_SECONDS = 4.0
GIVE_BACK_SECONDS = 2.0
"""How long a stopped run waits until its jobs have ended, and until its lease is given back."""


def new_run_id() -> str:
    """Return a new run id: the time (UTC), so that ids sort, and eight random digits.

    It becomes part of job ids and table names, so it holds letters, digits and underscores only.
    """
    return f"{utc_now():%Y%m%dT%H%M%S}_{uuid.uuid4().hex[:8]}"


class HasRun(Protocol):
    """The target, as far as a sink knows it."""

    run: Run


class Run:
    """One run of the target."""

    def __init__(self, run_id: str, settings: Settings, warehouse: Warehouse, lease: Lease) -> None:
        self.run_id = run_id
        self.settings = settings
        self.warehouse = warehouse
        self.lease = lease
        self._remove_folder: Callable[[], object] | None = None

    def abandon(self) -> Cancelled:
        """Cancel the running jobs, give the lease back, and remove the temporary folder, in a few seconds.

        The lease stays while a job may still be writing. It expires by itself.
        """
        cancelled = self.warehouse.cancel_jobs(CANCEL_SECONDS)
        if not cancelled.unknown:
            run_with_timeout(GIVE_BACK_SECONDS, self.lease.release)
        if self._remove_folder:
            self._remove_folder()
        return cancelled

    @property
    def identity(self) -> dict[str, str | None]:
        """The columns that identify the run in the tables of the log dataset."""
        settings = self.settings
        return {
            "run_id": self.run_id,
            "company": (settings.labels or {}).get("company"),
            "tenant_id": settings.tenant_id,
        }

    @cached_property
    def quarantine(self) -> Quarantine | None:
        """Takes the records that do not fit their schema, unless such a record fails its stream."""
        if self.settings.on_invalid_record == "fail":
            return None
        return Quarantine(self.warehouse, self.identity, self.folder)

    @cached_property
    def folder(self) -> Path:
        """A temporary folder for Parquet files, created when first used and removed with this object or at exit."""
        folder = make_temporary_folder()
        self._remove_folder = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    @cached_property
    def loads(self) -> ThreadPoolExecutor:
        """Threads that load files in the background."""
        executor = ThreadPoolExecutor(PARALLEL_LOADS, "load")
        weakref.finalize(self, executor.shutdown, wait=False, cancel_futures=True)
        return executor
