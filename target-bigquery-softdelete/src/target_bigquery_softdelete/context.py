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
from target_bigquery_softdelete.runtime.shutdown import in_time
from target_bigquery_softdelete.runtime.temp_files import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_bigquery_softdelete.bigquery.cancellation import Cancelled
    from target_bigquery_softdelete.bigquery.lease import Lease
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.config.settings import Settings

PARALLEL_LOADS = 4
PARALLEL_STREAMS = 8
"""Streams that are merged at the same time. The work is BigQuery's; a thread only waits for it."""


CANCEL_SECONDS = 4.0
GIVE_BACK_SECONDS = 2.0
"""How long a run that is stopped waits for its jobs to end, and for its lease to be taken back."""


def new_run_id() -> str:
    """Return the name of a run: its time (UTC), so that names sort, and eight random digits.

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
        """Cancel the jobs that run, give the lease back, and remove the temporary folder, in a few seconds.

        The lease stays while a job may still be writing: it ends by itself.
        """
        cancelled = self.warehouse.cancel_jobs(CANCEL_SECONDS)
        if not cancelled.unknown:
            in_time(GIVE_BACK_SECONDS, self.lease.release)
        if self._remove_folder:
            self._remove_folder()
        return cancelled

    @property
    def identity(self) -> dict[str, str | None]:
        """What the rows of the log dataset say of the run."""
        settings = self.settings
        return {"run_id": self.run_id, "company": settings.labels.get("company"), "tenant_id": settings.tenant_id}

    @cached_property
    def quarantine(self) -> Quarantine | None:
        """Where records go that do not fit their schema, if they go anywhere."""
        if self.settings.on_invalid_record == "fail":
            return None
        return Quarantine(self.warehouse, self.identity, self.folder)

    @cached_property
    def folder(self) -> Path:
        """A temporary folder for Parquet files. It is removed with this object or at exit."""
        folder = temporary_folder()
        self._remove_folder = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    @cached_property
    def loads(self) -> ThreadPoolExecutor:
        """Threads that load files in the background."""
        executor = ThreadPoolExecutor(PARALLEL_LOADS, "load")
        weakref.finalize(self, executor.shutdown, wait=False, cancel_futures=True)
        return executor
