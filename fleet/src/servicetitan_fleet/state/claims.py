"""Makes sure that only one process runs a company at a time, and that an execution runs it successfully only once.

A claim is part of the company's record in the storage. It expires by itself, and a thread renews it while the company
runs. So the claim of a killed process ends soon.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from servicetitan_fleet.errors import ClaimRefusedError, ConcurrentUpdateError, Refusal
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.state.company_record import Claim, CompanyRecord, dump_record, load_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_fleet.state.company_record import RunRecord
    from servicetitan_fleet.state.execution import Execution
    from servicetitan_fleet.state.storage import Storage

LIFETIME = dt.timedelta(minutes=3)
RENEWAL_SECONDS = 45.0

logger = logging.getLogger(__name__)


class Claims:
    """Claims companies for this process, and reads and updates their records."""

    def __init__(self, storage: Storage, execution: Execution) -> None:
        """Prepare the claims. Nothing is claimed yet.

        Args:
            storage: Storage of the companies' records.
            execution: The execution and task of this process.
        """
        self._storage = storage
        self._execution = execution
        self.holder = execution.make_holder_id()
        """Unique id of this process."""

    def read_record(self, company_id: str) -> CompanyRecord:
        """Read the record of a company.

        Raises:
            PluginError: If the record cannot be read.
        """
        return self._read(company_id)[0]

    @contextmanager
    def hold(self, company_id: str, on_lost: Callable[[], None]) -> Iterator[HeldClaim]:
        """Claim a company, and release it at the end of the block.

        Args:
            company_id: The company.
            on_lost: Called from another thread if the claim expires or another process takes it over.

        Raises:
            ClaimRefusedError: If this execution has already run the company, or another process is running it.
            PluginError: If the storage cannot be reached.
        """
        claim = HeldClaim(self, company_id, on_lost)
        claim.acquire()
        try:
            yield claim
        finally:
            claim.release()

    def _read(self, company_id: str) -> tuple[CompanyRecord, int]:
        content, generation = self._storage.read(_object_name(company_id))
        try:
            return load_record(content), generation
        except msgspec.DecodeError as error:
            name = _object_name(company_id)
            raise PluginError(f"{company_id}: {name} in the storage is not a valid record: {error}") from error

    def update_record(self, company_id: str, change: Callable[[CompanyRecord], CompanyRecord]) -> None:
        """Update a company's record atomically; retry if another process changed it at the same time.

        Raises:
            PluginError: If the storage cannot be reached. Errors of `change` are passed on.
        """
        while True:
            record, generation = self._read(company_id)
            try:
                self._storage.replace(_object_name(company_id), dump_record(change(record)), generation)
            except ConcurrentUpdateError:
                continue
            return

    def add_claim(self, record: CompanyRecord) -> CompanyRecord:
        """Return the record with a claim of this process.

        Raises:
            ClaimRefusedError: If this execution has already run the company, or another process is running it.
        """
        if record.is_done(self._execution.name):
            raise ClaimRefusedError(Refusal.DONE)
        claim = record.claim
        if claim and claim.expires > utc_now() and not self._may_take_over(claim):
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
        return Claim(
            holder=self.holder, execution=own.name, task=own.task, attempt=own.attempt, expires=utc_now() + LIFETIME
        )


class HeldClaim:
    """A claim of this process on one company, renewed by a thread.

    Attributes:
        holder: Unique id of this process.
        previous_holder: Unique id of the process that ran the company last, if all its processes have ended for
            certain: it was an earlier attempt of this task, or it recorded its run. Otherwise empty.
    """

    def __init__(self, claims: Claims, company_id: str, on_lost: Callable[[], None]) -> None:
        self.holder = claims.holder
        self.previous_holder = ""
        self._claims = claims
        self._company_id = company_id
        self._on_lost = on_lost
        self._expires = utc_now()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._keep_renewing, name=f"claim-{company_id}", daemon=True)

    def acquire(self) -> None:
        """Claim the company and start to renew the claim."""

        def add(record: CompanyRecord) -> CompanyRecord:
            self.previous_holder = self._claims.find_dead_holder(record)
            return self._claims.add_claim(record)

        expires = utc_now() + LIFETIME
        self._claims.update_record(self._company_id, add)
        self._expires = expires
        self._thread.start()

    def finish(self, run: RunRecord) -> None:
        """Record how the run ended, and release the claim. All its processes must have ended.

        Raises:
            PluginError: If the storage cannot be reached.
        """
        self._stop_renewing()
        run = msgspec.structs.replace(run, holder=self.holder)
        self._claims.update_record(self._company_id, lambda record: self._claims.remove_claim(record).with_run(run))

    def release(self) -> None:
        """Release the claim, unless `finish` has done so."""
        self._stop_renewing()
        try:
            if self._claims.is_holder(self._claims.read_record(self._company_id)):
                self._claims.update_record(self._company_id, self._claims.remove_claim)
        except PluginError as error:
            logger.warning("%s: could not release the claim; it expires by itself: %s", self._company_id, error)

    def _stop_renewing(self) -> None:
        self._done.set()
        self._thread.join()

    def _keep_renewing(self) -> None:
        while not self._done.wait(RENEWAL_SECONDS):
            if not self._renew():
                self._on_lost()
                return

    def _renew(self) -> bool:
        expires = utc_now() + LIFETIME
        try:
            self._claims.update_record(self._company_id, self._claims.renew_claim)
        except ClaimRefusedError:
            return False
        except PluginError as error:
            logger.warning("%s: could not renew the claim: %s", self._company_id, error)
            return utc_now() < self._expires
        self._expires = expires
        return True


def _object_name(company_id: str) -> str:
    return f"companies/{company_id}.json"
