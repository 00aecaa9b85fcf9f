"""What all streams of one run share."""

from __future__ import annotations

import shutil
import threading
import uuid
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from target_bigquery_softdelete.audit.earlier_marks import EarlierRuns
from target_bigquery_softdelete.audit.quarantine import Quarantine
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.runtime.shutdown import run_with_timeout
from target_bigquery_softdelete.runtime.stopwatch import Stopwatch
from target_bigquery_softdelete.runtime.temp_files import make_temporary_folder
from target_bigquery_softdelete.singer.versions import TapHabits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_bigquery_softdelete.bigquery.cancellation import Cancelled
    from target_bigquery_softdelete.bigquery.lease import Lease
    from target_bigquery_softdelete.bigquery.server_clock import ServerClock
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

    def __init__(self, run_id: str, settings: Settings, warehouse: Warehouse, lease: Lease, clock: ServerClock) -> None:
        self.run_id = run_id
        self.settings = settings
        self.warehouse = warehouse
        self.lease = lease
        self.clock = clock
        """BigQuery's clock."""
        self.stopwatch = Stopwatch()
        self.earlier_runs = EarlierRuns(warehouse, days=settings.max_delete_days, clock=clock)
        """What the runs before this one have marked."""
        self.tap_habits = TapHabits()
        self._lock = threading.Lock()
        self._quarantine: Quarantine | None = None
        self._folder: Path | None = None
        self._remove_folder: Callable[[], object] | None = None
        self._load_threads: ThreadPoolExecutor | None = None

    def abandon(self) -> Cancelled:
        """Cancel the running jobs, give the lease back, and remove the temporary folder, in a few seconds.

        The lease stays while a job may still be writing. It expires by itself.
        """
        cancelled = self.warehouse.cancel_jobs(CANCEL_SECONDS)
        if not cancelled.unknown:
            run_with_timeout(GIVE_BACK_SECONDS, self.release_lease)
        if self._remove_folder:
            self._remove_folder()
        return cancelled

    def release_lease(self) -> None:
        """Give the lease back, unless a job of this run may still be writing."""
        self.lease.release(jobs_left=self.warehouse.jobs_left)

    @property
    def identity(self) -> dict[str, str | None]:
        """The columns that identify the run in the tables of the log dataset."""
        return {
            "run_id": self.run_id,
            "company": self.settings.own_labels.get("company"),
            "tenant_id": self.warehouse.tenancy.tenant,
        }

    def open_quarantine(self) -> Quarantine | None:
        """Return what takes the records that do not fit their schema, or None if such a record fails its stream."""
        if self.settings.on_invalid_record == "fail":
            return None
        with self._lock:
            if self._quarantine is None:
                self._quarantine = Quarantine(self.warehouse, self.identity, self._ensure_folder())
            return self._quarantine

    def ensure_folder(self) -> Path:
        """Create the temporary folder for Parquet files, unless it exists, and return it.

        It is removed with this object or at exit.
        """
        with self._lock:
            return self._ensure_folder()

    def _ensure_folder(self) -> Path:
        if self._folder is None:
            self._folder = make_temporary_folder()
            self._remove_folder = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def ensure_load_threads(self) -> ThreadPoolExecutor:
        """Start the threads that load files in the background, unless they run, and return them."""
        with self._lock:
            if self._load_threads is None:
                self._load_threads = ThreadPoolExecutor(PARALLEL_LOADS, "load")
                weakref.finalize(self, self._load_threads.shutdown, wait=False, cancel_futures=True)
            return self._load_threads
