"""What all streams of one run share."""

from __future__ import annotations

import shutil
import threading
import uuid
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from target_bigquery_softdelete.audit.earlier_marks import EarlierRuns
from target_bigquery_softdelete.audit.etl_log import LOG_TABLE, etl_log, write_reports
from target_bigquery_softdelete.audit.freshness_view import FRESHNESS_VIEW, ensure_view
from target_bigquery_softdelete.audit.known_snapshots import KnownSnapshots
from target_bigquery_softdelete.audit.quarantine import Quarantine
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.runtime.about import VERSION
from target_bigquery_softdelete.runtime.file_room import FileRoom
from target_bigquery_softdelete.runtime.inline_room import InlineRoom
from target_bigquery_softdelete.runtime.shutdown import run_with_timeout
from target_bigquery_softdelete.runtime.stopwatch import Stopwatch
from target_bigquery_softdelete.runtime.temp_files import make_temporary_folder
from target_bigquery_softdelete.singer.versions import TapHabits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from google.cloud.bigquery.table import TableListItem

    from target_bigquery_softdelete.audit.log_table import LogTable
    from target_bigquery_softdelete.audit.stream_report import StreamReport
    from target_bigquery_softdelete.bigquery.cancellation import Cancelled
    from target_bigquery_softdelete.bigquery.lease import Lease
    from target_bigquery_softdelete.bigquery.server_clock import ServerClock
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.config.settings import Settings
    from target_bigquery_softdelete.runtime.stopwatch import TimeSpent

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
        self.circumstances = (VERSION, settings.writing)
        """What decides how rows are written, besides the rows: as texts."""
        self.warehouse = warehouse
        self.lease = lease
        self.clock = clock
        """BigQuery's clock."""
        self.stopwatch = Stopwatch()
        self.earlier_runs = EarlierRuns(
            warehouse, days=settings.max_delete_days, clock=clock, log_columns=self._log_columns
        )
        """What the runs before this one have marked."""
        self.tap_habits = TapHabits()
        self.inline_room = InlineRoom(settings.inline_bytes)
        self.file_room = FileRoom()
        """What the streams may hold in memory, to send it with their statements."""
        self.known = KnownSnapshots(warehouse, clock)
        """Which snapshots the tables are equal to, by the log."""
        self._log: LogTable | None = None
        self._log_ready: Future[None] | None = None
        self._view_ready: Future[None] | None = None
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

    def begin_log(self) -> None:
        """Begin to read what the log remembers, and to bring it into its form, while the streams are read.

        To be called when it is known whose tables these are.
        """
        if self._log is not None:
            return
        background = ThreadPoolExecutor(3, "log")
        weakref.finalize(self, background.shutdown, wait=False, cancel_futures=True)
        log = self._log = etl_log(self.warehouse, self.ensure_folder())
        self.known.read(background)
        listed = background.submit(self.warehouse.list_log_tables)
        self._log_ready = ready = background.submit(lambda: self._prepare_log(log, listed.result()))
        self._view_ready = background.submit(lambda: self._prepare_view(listed.result(), ready))

    def _prepare_log(self, log: LogTable, listed: Mapping[str, TableListItem]) -> None:
        if LOG_TABLE in listed and self.known.log_fits:
            log.note_complete()
        log.create_or_extend()

    def _prepare_view(self, listed: Mapping[str, TableListItem], log_ready: Future[None]) -> None:
        log_ready.result()
        view = listed.get(FRESHNESS_VIEW)
        ensure_view(self.warehouse, LOG_TABLE, view.labels if view else None)

    def _log_columns(self) -> frozenset[str] | None:
        """Return the columns that the log had before this run, in lower case. None if there was none.

        Raises:
            WarehouseError: If BigQuery cannot be asked, or has refused to create the log.
        """
        if self._log is None or self._log_ready is None:
            return None
        self._log_ready.result()
        return self._log.columns_before

    def write_reports(self, reports: Sequence[StreamReport], spent: TimeSpent) -> None:
        """Append the rows of the run to the audit log.

        Args:
            reports: The report of each stream.
            spent: Where the time of the run went.

        Raises:
            WarehouseError: If BigQuery refuses them, or has refused to create the log.
        """
        if self._log is None or self._log_ready is None or self._view_ready is None:
            return  # nothing was checked, so nothing may be written
        self._log_ready.result()
        write_reports(self._log, reports, {**self.identity, **spent.columns}, self.warehouse.lease_id())
        self._view_ready.result()  # only now: without the view, the log still says what has happened

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
                self._load_threads = ThreadPoolExecutor(self.settings.parallel_jobs, "load")
                weakref.finalize(self, self._load_threads.shutdown, wait=False, cancel_futures=True)
            return self._load_threads
