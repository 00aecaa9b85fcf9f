"""Makes sure that only one process runs a company at a time, and that an execution runs it successfully only once.

A claim is part of the company's record in the storage. It expires by itself, by the storage's clock, and a thread
renews it while the company runs. So the claim of a killed process ends soon. Its holder takes it for lost earlier, by a
clock of its own and whether or not the storage answers, so that it has ended its processes before another one may run
the company.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from servicetitan_fleet.errors import ClaimRefusedError, ConcurrentUpdateError, Refusal
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.state.company_record import Claim, CompanyRecord, dump_record, load_record
from servicetitan_fleet.state.timing import REAL_TIMING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_fleet.state.company_record import RunRecord
    from servicetitan_fleet.state.execution import Execution
    from servicetitan_fleet.state.storage import Storage
    from servicetitan_fleet.state.timing import Timing

LIFETIME = dt.timedelta(minutes=3)
RENEWAL_SECONDS = 45.0
RETRY_SECONDS = 10.0
"""When a renewal is tried again that has failed."""

STOP_SECONDS = 20.0
"""How long before its expiry a holder takes a claim for lost: its processes have 8 seconds to end (`GRACE_SECONDS` in
`meltano/process.py`), the clocks behind the storage's answers may differ by 10, and 2 are for the ways between."""

READERS = 32
"""How many records to read at a time. Each takes about 50 ms: 1,000 companies are read in two seconds."""

logger = logging.getLogger(__name__)


class Claims:
    """Claims companies for this process, and reads and updates their records."""

    def __init__(self, storage: Storage, execution: Execution, timing: Timing = REAL_TIMING) -> None:
        """Prepare the claims. Nothing is claimed yet.

        Args:
            storage: Storage of the companies' records.
            execution: The execution and task of this process.
            timing: The clocks of this machine.
        """
        self._storage = storage
        self._execution = execution
        self.timing = timing
        self.holder = execution.make_holder_id()
        """Unique id of this process."""

    def read_record(self, company_id: str) -> CompanyRecord:
        """Read the record of a company.

        Raises:
            PluginError: If the record cannot be read.
        """
        return self._read(company_id)[0]

    @contextmanager
    def hold(self, company_id: str) -> Iterator[HeldClaim]:
        """Claim a company, and release it at the end of the block.

        Args:
            company_id: The company.

        Raises:
            ClaimRefusedError: If this execution has already run the company, or another process is running it.
            PluginError: If the storage cannot be reached.
        """
        claim = HeldClaim(self, company_id)
        claim.acquire()
        try:
            yield claim
        finally:
            claim.release()

    def _read(self, company_id: str) -> tuple[CompanyRecord, int]:
        name = record_name(company_id)
        content, generation = self._storage.read(name)
        if not generation:
            return CompanyRecord(), generation
        try:
            return load_record(content), generation
        except msgspec.DecodeError as error:
            raise PluginError(
                f"{company_id}: {name} in the storage is not a valid record, and nothing overwrites it: {error}. "
                "Move it aside (see the runbook)"
            ) from error

    def update_record(
        self,
        company_id: str,
        change: Callable[[CompanyRecord], CompanyRecord],
        is_kept: Callable[[CompanyRecord], bool] | None = None,
    ) -> None:
        """Update a company's record atomically; retry if another process changed it at the same time.

        Args:
            company_id: The company.
            change: Returns the new record.
            is_kept: Tells whether a record that is read afterwards has the change in it. None: it need not be read.

        Raises:
            PluginError: If the storage cannot be reached, or has lost the change. Errors of `change` are passed on.
        """
        name = record_name(company_id)
        while True:
            record, generation = self._read(company_id)
            try:
                self._storage.replace(name, dump_record(change(record)), generation)
            except ConcurrentUpdateError:
                continue
            break
        if is_kept and not is_kept(self.read_record(company_id)):
            raise PluginError(f"the storage has lost what was written into {name}")

    def add_claim(self, record: CompanyRecord) -> CompanyRecord:
        """Return the record with a claim of this process.

        Raises:
            ClaimRefusedError: If this execution has already run the company, or another process is running it.
        """
        if record.is_done(self._execution.name):
            raise ClaimRefusedError(Refusal.DONE)
        claim = record.claim
        if claim and claim.expires > self._storage.time().earliest and not self._may_take_over(claim):
            detail = f": {claim.holder}, until {claim.expires:%H:%M:%S} UTC unless it renews its claim"
            raise ClaimRefusedError(Refusal.BUSY, detail)
        return CompanyRecord(claim=self._make_claim(), runs=record.runs)

    def renew_claim(self, record: CompanyRecord) -> CompanyRecord:
        """Return the record with a later expiry of this process's claim.

        Raises:
            ClaimRefusedError: If another process has the claim now.
        """
        if not self.is_holder(record):
            raise ClaimRefusedError(Refusal.BUSY)
        return CompanyRecord(claim=self._make_claim(), runs=record.runs)

    def remove_claim(self, record: CompanyRecord) -> CompanyRecord:
        """Return the record without this process's claim. A claim of another process stays."""
        return CompanyRecord(runs=record.runs) if self.is_holder(record) else record

    def find_dead_holder(self, record: CompanyRecord) -> str:
        """Return who ran the company last, if all its processes have ended for certain; otherwise an empty text.

        That is an earlier attempt of this task that died with the claim, or whoever recorded the last run.
        """
        if record.claim:
            return record.claim.holder if self._may_take_over(record.claim) else ""
        return record.runs[-1].holder if record.runs else ""

    def is_holder(self, record: CompanyRecord) -> bool:
        """Return whether this process holds the claim on the record."""
        return record.claim is not None and record.claim.holder == self.holder

    def _may_take_over(self, claim: Claim) -> bool:
        # Cloud Run retries a task only after its last attempt has ended, so no process holds that attempt's claims.
        own = self._execution
        return (claim.execution, claim.task) == (own.name, own.task) and claim.attempt < own.attempt

    def _make_claim(self) -> Claim:
        own = self._execution
        expires = self._storage.time().latest + LIFETIME
        return Claim(holder=self.holder, execution=own.name, task=own.task, attempt=own.attempt, expires=expires)


class HeldClaim:
    """A claim of this process on one company, renewed by a thread.

    Attributes:
        holder: Unique id of this process.
        previous_holder: Unique id of the process that ran the company last, if all its processes have ended for
            certain: it was an earlier attempt of this task, or it recorded its run. Otherwise empty.
    """

    def __init__(self, claims: Claims, company_id: str) -> None:
        self.holder = claims.holder
        self.previous_holder = ""
        self._claims = claims
        self._timing = claims.timing
        self._company_id = company_id
        self._deadline = claims.timing.monotonic()
        self._is_lost = False
        self._is_released = False
        self._lock = threading.Lock()
        self._done = threading.Event()

    @property
    def is_lost(self) -> bool:
        """Whether another process may soon have the claim: the company's processes must be ended at once."""
        with self._lock:
            self._is_lost = self._is_lost or self._timing.monotonic() >= self._deadline
            return self._is_lost

    def acquire(self) -> None:
        """Claim the company and start to renew the claim."""

        def add(record: CompanyRecord) -> CompanyRecord:
            self.previous_holder = self._claims.find_dead_holder(record)
            return self._claims.add_claim(record)

        self._deadline = self._write_claim(add)
        self._timing.start(f"claim-{self._company_id}", self._keep_renewing)

    def finish(self, run: RunRecord) -> None:
        """Record how the run ended, and release the claim. All its processes must have ended.

        Raises:
            PluginError: If the storage cannot be reached, or has lost the record.
        """
        self._done.set()
        run = msgspec.structs.replace(run, holder=self.holder)
        self._claims.update_record(
            self._company_id,
            lambda record: self._claims.remove_claim(record).with_run(run),
            lambda record: run in record.runs,
        )
        self._is_released = True

    def release(self) -> None:
        """Release the claim, unless `finish` has done so."""
        self._done.set()
        if self._is_released:
            return
        try:
            if self._claims.is_holder(self._claims.read_record(self._company_id)):
                self._claims.update_record(self._company_id, self._claims.remove_claim)
        except Exception as error:  # noqa: BLE001 - how the run ended is known, and counts
            logger.warning("%s: could not release the claim; it expires by itself: %s", self._company_id, error)

    def _keep_renewing(self) -> None:
        # Nobody waits for this thread: the storage may hang. What it still writes after `finish` is refused, because
        # the record has another generation and no claim of this process.
        seconds = RENEWAL_SECONDS
        while not self._timing.wait(self._done, seconds) and not self.is_lost:
            seconds = RENEWAL_SECONDS if self._renew() else RETRY_SECONDS

    def _renew(self) -> bool:
        try:
            deadline = self._write_claim(self._claims.renew_claim)
        except ClaimRefusedError:
            with self._lock:
                self._is_lost = True
            return False
        except Exception as error:  # noqa: BLE001 - whatever it was, the claim is not renewed
            logger.warning("%s: could not renew the claim: %s", self._company_id, error)
            return False
        if not self.is_lost:
            with self._lock:
                self._deadline = deadline
        return True

    def _write_claim(self, change: Callable[[CompanyRecord], CompanyRecord]) -> float:
        """Write a claim that this process makes, and return until when it may count on it, by the monotonic clock."""
        made, claim = 0.0, None

        def make(record: CompanyRecord) -> CompanyRecord:
            nonlocal made, claim
            made = self._timing.monotonic()
            changed = change(record)
            claim = changed.claim
            return changed

        self._claims.update_record(self._company_id, make, lambda record: record.claim == claim)
        return made + LIFETIME.total_seconds() - STOP_SECONDS


def record_name(company_id: str) -> str:
    """Return the name of a company's record in the storage."""
    return f"companies/{company_id}.json"
