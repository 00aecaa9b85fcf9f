"""One process at a time runs a company, and one execution runs it to a good end once.

A claim is part of the company's object in the storage. It expires by itself, and a thread moves that time on while the
company runs; so the claim of a process that was killed ends soon.
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
from servicetitan_fleet.state.company_record import Claim, CompanyRecord, dump, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_fleet.state.company_record import RunRecord
    from servicetitan_fleet.state.execution import Execution
    from servicetitan_fleet.state.storage import Storage

LIFETIME = dt.timedelta(minutes=3)
RENEWAL_SECONDS = 45.0

logger = logging.getLogger(__name__)


class Claims:
    """The claims of one process."""

    def __init__(self, storage: Storage, execution: Execution) -> None:
        """Describe the claims. Nothing is claimed yet.

        Args:
            storage: Where the companies' objects are.
            execution: Which execution, and which task of it, this process is.
        """
        self._storage = storage
        self._execution = execution
        self._holder = execution.holder

    def record(self, company_id: str) -> CompanyRecord:
        """Return what is kept of a company.

        Raises:
            PluginError: If it cannot be read.
        """
        return self._read(company_id)[0]

    @contextmanager
    def claimed(self, company_id: str, lost: Callable[[], None]) -> Iterator[Claimed]:
        """Hold a company.

        Args:
            company_id: The company.
            lost: Called from another thread when the claim could not be renewed in time, or somebody took it.

        Raises:
            ClaimRefusedError: If this execution is done with it, or somebody else has it.
            PluginError: If the storage cannot be reached.
        """
        claimed = Claimed(self, company_id, lost)
        claimed.take()
        try:
            yield claimed
        finally:
            claimed.give_back()

    def _read(self, company_id: str) -> tuple[CompanyRecord, int]:
        content, generation = self._storage.read(_name(company_id))
        try:
            return load(content), generation
        except msgspec.DecodeError as error:
            raise PluginError(f"{company_id}: {_name(company_id)} in the storage is not a record: {error}") from error

    def change(self, company_id: str, change: Callable[[CompanyRecord], CompanyRecord]) -> None:
        """Replace what is kept of a company by what `change` makes of it; again when somebody came in between.

        Raises:
            PluginError: If the storage cannot be reached. What `change` raises is passed on.
        """
        while True:
            record, generation = self._read(company_id)
            try:
                self._storage.replace(_name(company_id), dump(change(record)), generation)
            except ConcurrentUpdateError:
                continue
            return

    def taken(self, record: CompanyRecord) -> CompanyRecord:
        """Return the record with this process's claim.

        Raises:
            ClaimRefusedError: If there is nothing to claim.
        """
        if record.is_done(self._execution.name):
            raise ClaimRefusedError(Refusal.DONE)
        claim = record.claim
        if claim and claim.expires > utc_now() and not self._succeeds(claim):
            raise ClaimRefusedError(
                Refusal.BUSY, f": {claim.holder}, until {claim.expires:%H:%M:%S} UTC unless it goes on"
            )
        return CompanyRecord(claim=self._claim(), runs=record.runs)

    def renewed(self, record: CompanyRecord) -> CompanyRecord:
        """Return the record with a later end of this process's claim.

        Raises:
            ClaimRefusedError: If the claim is somebody else's now.
        """
        if not self.holds(record):
            raise ClaimRefusedError(Refusal.BUSY)
        return CompanyRecord(claim=self._claim(), runs=record.runs)

    def holds(self, record: CompanyRecord) -> bool:
        """Whether the claim on the record is this process's."""
        return record.claim is not None and record.claim.holder == self._holder

    def released(self, record: CompanyRecord) -> CompanyRecord:
        """Return the record without this process's claim; with that of somebody else."""
        return CompanyRecord(runs=record.runs) if self.holds(record) else record

    def _succeeds(self, claim: Claim) -> bool:
        # Cloud Run starts a task anew only when its last attempt has ended, so that one's claims are nobody's.
        mine = self._execution
        return (claim.execution, claim.task) == (mine.name, mine.task) and claim.attempt < mine.attempt

    def _claim(self) -> Claim:
        mine = self._execution
        return Claim(
            holder=self._holder, execution=mine.name, task=mine.task, attempt=mine.attempt, expires=utc_now() + LIFETIME
        )


class Claimed:
    """A company that this process has claimed."""

    def __init__(self, claims: Claims, company_id: str, lost: Callable[[], None]) -> None:
        self._claims = claims
        self._company_id = company_id
        self._lost = lost
        self._expires = utc_now()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew_often, name=f"claim-{company_id}", daemon=True)

    def take(self) -> None:
        """Claim the company."""
        expires = utc_now() + LIFETIME
        self._claims.change(self._company_id, self._claims.taken)
        self._expires = expires
        self._thread.start()

    def finish(self, run: RunRecord) -> None:
        """Note how the run ended, and give the claim back.

        Raises:
            PluginError: If the storage cannot be reached.
        """
        self._stop()
        self._claims.change(self._company_id, lambda record: self._claims.released(record).with_run(run))

    def give_back(self) -> None:
        """Give the claim back, when `finish` has not."""
        self._stop()
        try:
            if self._claims.holds(self._claims.record(self._company_id)):
                self._claims.change(self._company_id, self._claims.released)
        except PluginError as error:
            logger.warning("%s: the claim is not given back and ends by itself: %s", self._company_id, error)

    def _stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _renew_often(self) -> None:
        while not self._done.wait(RENEWAL_SECONDS):
            if not self._renew():
                self._lost()
                return

    def _renew(self) -> bool:
        expires = utc_now() + LIFETIME
        try:
            self._claims.change(self._company_id, self._claims.renewed)
        except ClaimRefusedError:
            return False
        except PluginError as error:
            logger.warning("%s: the claim could not be renewed: %s", self._company_id, error)
            return utc_now() < self._expires
        self._expires = expires
        return True


def _name(company_id: str) -> str:
    return f"companies/{company_id}.json"
