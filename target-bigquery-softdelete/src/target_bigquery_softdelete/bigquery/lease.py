"""The lease of a dataset: while one run writes into it, no other does.

The lease is a table in that dataset. BigQuery creates a table only once and refuses the run that comes second. Whoever
changes the table names the state in which it was read, its ETag, so of two runs that want to take, renew or give back
the lease at once only one succeeds. A label says until when the run has it, and a thread extends that while the run
lives, so the lease of a killed run ends soon. Another label says who started the run: whoever knows that this owner is
dead, such as a fleet of its own earlier attempt, lets the next run take the lease at once. The table is never deleted,
because a request to delete names no state; it expires an hour later. Until then its description says which tables were
brought up to date (:mod:`~target_bigquery_softdelete.bigquery.lease_memory`). It never holds a row.
"""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import logging
import math
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from target_bigquery_softdelete.bigquery.lease_memory import LeaseMemory
from target_bigquery_softdelete.bigquery.predecessor import Predecessor
from target_bigquery_softdelete.bigquery.retry import is_transient
from target_bigquery_softdelete.bigquery.server_clock import steady_seconds
from target_bigquery_softdelete.errors import LeaseLostError
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.plurals import pluralize

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from target_bigquery_softdelete.bigquery.server_clock import ServerClock
    from target_bigquery_softdelete.bigquery.tenancy import Tenancy
    from target_bigquery_softdelete.config.options import OnConcurrentRun
    from target_bigquery_softdelete.sql.identifiers import TableId

LEASE_TABLE = "_etl_lease"
"""Name of the table. No stream's table begins so."""

_CALL_SECONDS = 10.0
_RETRY = Retry(predicate=is_transient, initial=0.5, maximum=5.0, timeout=60.0)
_RENEWAL_RETRY = _RETRY.with_timeout(20.0)
"""A renewal is tried again half a minute later, and the end of a run waits for one that goes on."""
_ONCE = Retry(predicate=lambda _: False)
_FIELDS = (bigquery.SchemaField("nothing", "STRING"),)
_RUN, _UNTIL = "run", "until"
"""Labels: the run that has the lease, and until when, in milliseconds since 1970."""
_OWNER, _TAKEN_FROM = "run_owner", "taken_from"
"""Labels: the digest of who started the run; and the dead run from which it took the lease, while that one's jobs may
still run."""
_NOBODY = ""
_DIGITS = 32
_MOST_MISSES = 30

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeaseTimes:
    """How long a lease lasts. Tests wait less."""

    lifetime: dt.timedelta = dt.timedelta(minutes=2)
    """After so long without a renewal, another run may take it."""
    margin: dt.timedelta = dt.timedelta(seconds=5)
    """So much earlier the run that has it stops to write: clocks differ a little, and statements take a moment."""
    renewal_seconds: float = 30.0
    poll_seconds: float = 5.0
    """How often a run that waits looks again."""
    kept: dt.timedelta = dt.timedelta(hours=1)
    """How long the table still exists after it was last changed: as long as a run may take to look at it at all."""


@dataclass(frozen=True)
class Owners:
    """Who started this run, and who started runs that are known to be dead. Empty texts stand for nobody."""

    own: str = ""
    dead: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What the lease says of the owner: 32 digits, because a label cannot hold any text, or nothing."""
        return owner_label(self.own)

    def knows_dead(self, label: str | None) -> bool:
        """Return whether a lease with this label is that of a dead owner."""
        return bool(label) and label in {owner_label(owner) for owner in self.dead}


def owner_label(owner: str) -> str:
    """Return the label value of an owner: the first 32 hexadecimal digits of its SHA-256, or nothing for nobody."""
    return hashlib.sha256(owner.encode()).hexdigest()[:_DIGITS] if owner else _NOBODY


class Lease:
    """The right of one run to write into a dataset."""

    def __init__(  # noqa: PLR0913 - what it is, whose it is, and by which clock
        self,
        client: bigquery.Client,
        table_id: TableId,
        run_id: str,
        mode: OnConcurrentRun,
        *,
        clock: ServerClock,
        tenancy: Tenancy,
        prepare: Callable[[], object],
        encryption: bigquery.EncryptionConfiguration | None = None,
        owners: Owners | None = None,
        times: LeaseTimes | None = None,
    ) -> None:
        """Describe the lease. It is not taken yet.

        Args:
            client: The BigQuery client.
            table_id: The table that is the lease.
            run_id: This run.
            mode: What to do when another run holds the lease. `allow` takes no lease at all.
            clock: BigQuery's clock.
            tenancy: Whose run this is. The lease of another tenant is not taken.
            prepare: Creates the dataset of the table.
            encryption: How the table is encrypted; None for Google's own keys.
            owners: Who started this run, and whose leases may be taken over at once.
            times: How long it lasts.
        """
        self._client = client
        self._table_id = table_id
        self._run = run_id.lower()
        self._mode = mode
        self._clock = clock
        self._tenancy = tenancy
        self._prepare = prepare
        self._encryption = encryption
        self._owners = owners or Owners()
        self._times = times or LeaseTimes()
        self._table: bigquery.Table | None = None
        """The lease as BigQuery has last confirmed it."""
        self._until: dt.datetime | None = None
        self._memory = LeaseMemory()
        """What other runs have said of tables, and this one."""
        self._others = LeaseMemory()
        """What other runs had said until this one took the lease."""
        self._end = 0.0
        """Until when it lasts, in steady seconds: reckoned from when the confirmed request was sent."""
        self._asked = False
        self._holder = ""
        self._predecessor: Predecessor | None = None
        """The dead run from which this one takes the lease, until its jobs have ended."""
        self._misses = 0
        """How often it was neither free nor held, one after the other."""
        self._lost = False
        self._is_over = False
        """Whether this run has given it back, or leaves it to expire."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew_often, name="lease", daemon=True)

    @property
    def is_held(self) -> bool:
        """Whether this run has the lease, or may have it because the answer was lost."""
        return self._asked and not self._lost

    @property
    def name(self) -> str:
        """Full name of the table that is the lease."""
        return str(self._table_id)

    @property
    def until(self) -> dt.datetime | None:
        """Until when this run may write, by BigQuery's clock. None if it needs no lease."""
        return self._until - self._times.margin if self._until else None

    def is_overtaken(self, table: str) -> bool:
        """Return whether another run has brought a table up to date since this one began to read.

        Args:
            table: Its full name.
        """
        return self._others.is_later(table, self._clock.began)

    def note_up_to_date(self, tables: Collection[str]) -> None:
        """Let later runs know that these tables are as this run has read them: before its STATE says so.

        Args:
            tables: Their full names.

        Raises:
            LeaseLostError: If this run no longer has the lease.
            PluginError: If BigQuery does not answer.
        """
        if self._table is None or not tables:
            return
        self._memory = self._memory.add(tables, self._clock.now_at_most())
        self._write(self._table)

    def _write(self, known: bigquery.Table) -> None:
        """Write what this run has to say into the lease.

        Raises:
            LeaseLostError: If this run no longer has the lease.
            PluginError: If BigQuery does not answer.
        """
        try:
            self._extend(known)
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            raise PluginError(f"BigQuery: cannot write into the lease `{self._table_id}`: {error}") from error
        self.check()

    def acquire(self) -> None:
        """Take the lease, or wait for it.

        Raises:
            PluginError: If another run holds it and this run is not to wait, or if BigQuery does not answer.
            WrongTenantError: If it is the lease of another tenant.
        """
        if self._mode == "allow" or self._table:
            return
        try:
            found = self._prepare_and_find()
            self._check_beginning()
            self._asked = True
            while not self._try_to_take(found):
                found = None
                self._wait_or_refuse()
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            raise PluginError(f"BigQuery: cannot take the lease `{self._table_id}`: {error}") from error
        self._thread.start()
        self._end_predecessor()

    def _prepare_and_find(self) -> bigquery.Table | None:
        """Make the dataset ready, and read the table at the same time: a run of a few hours ago may have left it."""
        with ThreadPoolExecutor(1, "lease") as executor:
            found = executor.submit(self._find)
            self._prepare()
            return found.result()

    def _end_predecessor(self) -> None:
        """Make sure that the dead run that had the lease before writes nothing more.

        Raises:
            LeaseLostError: If the lease was lost meanwhile.
            PluginError: If BigQuery does not answer.
        """
        if self._predecessor is None or self._table is None:
            return
        self._predecessor.end(self._client, self._clock, _RENEWAL_RETRY, self._times.poll_seconds)
        self._predecessor = None
        self._write(self._table)

    def _check_beginning(self) -> None:
        """Check that what other runs have done since this one began can still be known.

        Raises:
            PluginError: If it began too long ago.
        """
        if self._clock.seconds_since_began > self._times.kept.total_seconds() / 2:
            raise PluginError(
                "The first stream began so long after this run did that other runs may have written meanwhile without "
                "leaving a trace. Nothing was written. Run again."
            )

    def check(self) -> None:
        """Check that this run still has the lease.

        Raises:
            LeaseLostError: If it ended: BigQuery could not be reached for too long, the process was suspended, or it
                was given back.
        """
        if self._lost or self._is_over or (self._table and steady_seconds() >= self._end):
            raise LeaseLostError(str(self._table_id))

    def release(self, *, jobs_left: Sequence[str] = ()) -> None:
        """Give the lease back, if it is still this run's. While a dead run's jobs may write, it expires instead.

        From then on `check` fails, so that no thread of this run sends anything more.

        Args:
            jobs_left: Jobs of this run that may still be running. Then, too, it expires.
        """
        self._is_over = True
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if not self.is_held or self._predecessor:
            return
        if jobs_left:
            logger.warning(
                "the lease `%s` stays until it expires, because BigQuery did not confirm that the jobs %s have ended",
                self._table_id,
                ", ".join(jobs_left),
            )
            return
        try:
            self._give_back()
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            logger.warning("the lease `%s` could not be released; it will expire: %s", self._table_id, error)
        self._asked, self._table = False, None

    def _give_back(self) -> None:
        # A run that is stopped before the answer came does not know whether it has the lease.
        table = self._table or self._find()
        if table is None or not self._is_own(table) or self._change(table, _NOBODY):
            return
        # Another run has it, or an answer was lost: the state of the table is not the one that was known.
        found = self._find()
        if found is not None and self._is_own(found):
            self._change(found, _NOBODY)

    def _try_to_take(self, found: bigquery.Table | None) -> bool:
        """Try to take the lease, and return whether that was done.

        Args:
            found: The table, if it was just read.
        """
        self._holder = ""
        if found is not None:
            self._take_over(found)
            return self._table is not None
        sent = steady_seconds()
        try:
            self._note(self._create(), sent)
        except exceptions.Conflict:
            if (found := self._find()) is not None:
                self._take_over(found)
        except exceptions.NotFound:
            # The dataset has just been deleted. Or the clock is so slow that the lease was to end in the past: the
            # answer has put it right.
            self._prepare()
        return self._table is not None

    def _create(self) -> bigquery.Table:
        def create() -> bigquery.Table:
            table = bigquery.Table(str(self._table_id), schema=_FIELDS)
            if self._encryption:
                table.encryption_configuration = self._encryption
            self._describe(table, self._run)
            return self._client.create_table(table, retry=_ONCE, timeout=_CALL_SECONDS)

        return _RETRY(create)()

    def _take_over(self, table: bigquery.Table) -> None:
        """Take the table if it is this run's already, or if nobody has it: it was given back, or its run is dead."""
        self._tenancy.check(f"The lease `{self._table_id}`", table.labels)
        if _RUN not in table.labels:
            raise PluginError(
                f"`{self._table_id}` is not a lease that this target made, and has the name of one. Rename it."
            )
        self._memory = self._others = self._others.join(LeaseMemory.read(table.description))
        if table.labels[_RUN] not in (self._run, _NOBODY) and not self._may_replace(table):
            return
        sent = steady_seconds()
        if taken := self._change(table, self._run):
            self._note(taken, sent)
            self._say_what_was_taken()

    def _may_replace(self, table: bigquery.Table) -> bool:
        """Return whether the run that has the lease is dead: it has ended, or its owner is known to be dead."""
        run, until = table.labels[_RUN], _time_of(table.labels.get(_UNTIL))
        left = (until - self._clock.now()).total_seconds()
        # A run that died while it waited for the jobs of another dead one has left those, too. Its lease outlasts them.
        is_known_dead = self._owners.knows_dead(table.labels.get(_OWNER)) and not table.labels.get(_TAKEN_FROM)
        if left > 0 and not is_known_dead:
            left_seconds = pluralize(math.ceil(left), "second")
            self._holder = f"run {run} until {until:%H:%M:%S} UTC, {left_seconds} from now, unless it renews it"
            return False
        # Before it is known whether it was taken: the answer may be lost.
        self._predecessor = Predecessor(run, until)
        return True

    def _say_what_was_taken(self) -> None:
        if self._predecessor and self._predecessor.until > self._clock.now():
            logger.warning(
                "took over the lease `%s` of run %s at once: whoever started that run is dead",
                self._table_id,
                self._predecessor.run,
            )

    def _find(self) -> bigquery.Table | None:
        try:
            return self._client.get_table(str(self._table_id), retry=_RETRY, timeout=_CALL_SECONDS)
        except exceptions.NotFound:
            return None

    def _is_own(self, table: bigquery.Table) -> bool:
        return bool(table.labels.get(_RUN) == self._run)

    def _describe(self, table: bigquery.Table, run: str) -> None:
        """Write into a table, before it is sent, that a run has the lease, or that nobody has."""
        now = self._clock.now()
        until = int((now + self._times.lifetime).timestamp() * 1000)
        table.labels = {
            **table.labels,
            _RUN: run,
            _UNTIL: str(until),
            _OWNER: self._owners.label if run else _NOBODY,
            _TAKEN_FROM: self._predecessor.run if self._predecessor else _NOBODY,
            **self._tenancy.labels,
        }
        table.description = self._memory.write()
        table.expires = now + self._times.kept

    def _change(self, known: bigquery.Table, run: str) -> bigquery.Table | None:
        """Give the lease to a run, and return the table, or nothing if it is not as it was known any more."""
        table = bigquery.Table.from_api_repr(copy.deepcopy(known.to_api_repr()))
        self._describe(table, run)
        fields = ["labels", "description", "expires"]
        try:
            # With the ETag of the known table, so that of two runs only one succeeds.
            return self._client.update_table(table, fields, retry=_RENEWAL_RETRY, timeout=_CALL_SECONDS)
        except (exceptions.PreconditionFailed, exceptions.NotFound):
            return None

    def _note(self, table: bigquery.Table, sent: float) -> None:
        lasts = self._times.lifetime - self._times.margin
        self._table, self._until = table, _time_of(table.labels.get(_UNTIL))
        self._end = sent + lasts.total_seconds()

    def _wait_or_refuse(self) -> None:
        if self._holder and self._mode == "refuse":
            raise PluginError(
                f"Another run is writing into this dataset, so this one wrote nothing: the lease `{self._table_id}` is "
                f"held by {self._holder}. Start this run again then, or set `on_concurrent_run` to `wait`."
            )
        if self._holder:
            self._misses = 0
            logger.info("waiting for the lease `%s`, held by %s", self._table_id, self._holder)
            time.sleep(self._times.poll_seconds)
            return
        # It has just ended, or another run changed it between two requests.
        self._misses += 1
        if self._misses == _MOST_MISSES:
            raise PluginError(
                f"The lease `{self._table_id}` can neither be created nor read: BigQuery says in turn that it exists "
                "and that it does not. Nothing was written. Run again, and look whether another program changes it."
            )
        time.sleep(random.uniform(0.0, self._times.poll_seconds / 5))  # noqa: S311 - jitter

    def _renew_often(self) -> None:
        while self._table and not self._lost and not self._stop.wait(self._times.renewal_seconds):
            try:
                self._extend(self._table)
            except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
                logger.warning("the lease `%s` could not be renewed: %s", self._table_id, error)

    def _extend(self, known: bigquery.Table) -> None:
        """Renew the lease with what this run has to say, or note that it is lost."""
        table: bigquery.Table | None = known
        while table is not None:
            sent = steady_seconds()
            if renewed := self._change(table, self._run):
                self._note(renewed, sent)
                return
            # The answer to an earlier try was lost, or the other thread of this run was quicker. Or it is lost.
            found = self._find()
            table = found if found is not None and self._is_own(found) else None
        self._lost = True


def _time_of(label: str | None) -> dt.datetime:
    """Return the time (UTC) in a label. A label that is missing or wrong says that the lease has ended."""
    return dt.datetime.fromtimestamp(int(label) / 1000 if label and label.isdigit() else 0, dt.UTC)
