"""Two targets over one table, of which one moves at a time, from one of its calls to the next.

The targets run as threads of this process in simulated time (`virtual_time`), each with the real client, over a proxy
of its own that holds every call. So a schedule always runs in the same way, and two minutes pass at once.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import math
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import requests
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from support.proxy import Answer
from support.singer import lines
from support.target.schedules import calls, virtual_time
from support.target.schedules.source import STREAM, messages, version_of
from target_bigquery_softdelete.bigquery.lease_memory import LeaseMemory
from target_bigquery_softdelete.plugin_runtime.command import run
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.proxy import Proxy, Request
    from support.target.schedules.checker import Checker, Rows
    from support.target.schedules.source import Reading, Values

OK = 200

CALL_SECONDS = 0.05
"""What a call takes in simulated time."""

LONG_SECONDS = 125.0
"""What a target stands still in a long switch, and its renewals fail in a fault: longer than a lease lasts."""

FIRST_CALL = "first call"

AHEAD = dt.timedelta(hours=1)
"""Longer than anything takes. A table that is there before the targets begin was made so much earlier."""

CLOCK_JUMP = dt.timedelta(minutes=2)

_DATES = ("context", "warehouse", "stream_load", "stream_report", "quarantine")
"""Modules that only name and date things by the wall clock."""

_BACKGROUND = "lease"
"""Name of the thread that renews the lease. All others take part in the run itself, one at a time."""

_STUCK_SECONDS = 60
_OPEN = dt.timedelta(seconds=4)
"""What a target may take another one's time for later than it was: what its `ServerClock` leaves open, and a margin."""
_RUN = re.compile(rb"\d{8}t\d{6}_[0-9a-f]{8}", re.IGNORECASE)
_SAYS = re.compile(rb"success|failed|refused|skipped|incomplete")
_ROW = [
    bigquery.SchemaField("id", "INTEGER"),
    bigquery.SchemaField("value", "INTEGER"),
    bigquery.SchemaField("_etl_operation", "STRING"),
]
_TIME = re.compile(rb"CURRENT_TIMESTAMP(\(\))?")

Fate = Literal["pass", "lose", "refuse", "drop"]
"""What becomes of a call: it is done; it is done and its answer lost; BigQuery answers 503; it never arrives."""


@dataclass(eq=False)
class Call:
    """A call that is held."""

    request: Request
    label: str
    resource: calls.Resource | None
    fate: Fate = "pass"
    released: bool = False
    then_killed: bool = False


@dataclass(eq=False)
class Nap:
    """A thread that sleeps."""

    until: float
    is_background: bool
    is_called: Callable[[], bool]
    """Returns whether what ends it early has happened."""
    is_over: bool = False
    """Whether its time has come."""


@dataclass
class World:
    """What the targets share: the project, the source, the stored state, and the time on the server."""

    project: Project
    history: tuple[Values, ...]
    checker: Checker
    folder: Path
    """For the files of the targets."""
    mode: str
    """Their setting `on_concurrent_run`."""
    has_heirs: bool = False
    """Whether a target that begins after another one was killed knows that it is dead."""
    bookmark: int | None = None
    """The version in the last STATE of any target."""
    start: dt.datetime = field(
        default_factory=lambda: (dt.datetime.now(dt.UTC) + 2 * AHEAD).replace(microsecond=500_000)
    )
    """In the future, so that only the simulation, and not the server, lets tables expire. It begins in the middle of a
    second: the `Date` of an answer is then as wrong as it can be for as long as it can."""
    now: float = 0.0
    """Seconds since the start."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    lease: bigquery.Table | None = None
    """The table that is the lease, as it was last written."""
    writers: dict[int, Hashable] = field(default_factory=dict)
    """Who last wrote each row, and who had begun by then."""
    events: set[str] = field(default_factory=set)
    """What else was done to the table, and to the dataset of the audit log."""
    logged: set[Hashable] = field(default_factory=set)
    """What the audit log says."""
    actors: list[Actor] = field(default_factory=list)

    def rows(self) -> Rows:
        """Return the rows of the table; none when there is no table."""
        try:
            found = list(self.project.client.list_rows(f"{self.project.name}.bronze.{STREAM}", _ROW))
        except NotFound:
            return {}
        return {row["id"]: (row["value"], row["_etl_operation"] != "DELETE") for row in found}

    def wait_for_job(self, job_id: str, location: str) -> None:
        """Wait until a job is done. A job of a killed target keeps running."""
        url = f"{self.project.api_endpoint}/bigquery/v2/projects/{self.project.name}/queries/{job_id}"
        waits = {"location": location, "maxResults": "0", "timeoutMs": f"{_STUCK_SECONDS * 1000}"}
        answer = requests.get(url, waits, timeout=_STUCK_SECONDS)
        # Of a job that failed, the answer is its error.
        assert not answer.ok or answer.json()["jobComplete"], f"{job_id} is not done"

    def server_time(self) -> dt.datetime:
        """Return the time on the server."""
        return self.start + dt.timedelta(seconds=self.now)

    def state(self) -> Hashable:
        """Return all that matters for how it goes on, besides what the targets know."""
        shown = (self._shown(what, *self.actors) for what in get_args(calls.Shown))
        return self.bookmark, tuple(sorted(self.checker.floors.items())), *shown

    def _shown(self, what: calls.Shown, *actors: Actor) -> Hashable:
        """Return what targets find out that look at the lease, the table or the audit log."""
        match what:
            case "lease":
                return self._lease_state(actors)
            case "table":
                rows = tuple(sorted(self.checker.rows.items()))
                return rows, tuple(sorted(self.writers.items())), frozenset(self.events)
            case "log":
                return frozenset(self.logged)

    def _lease_state(self, readers: Sequence[Actor]) -> Hashable:
        """Return what the lease says: names in place of run ids, and for times how far away they are."""
        if self.lease is None:
            return None
        names = {actor.run: actor.name for actor in self.actors if actor.run}
        labels = {name: names[value] for name, value in self.lease.labels.items() if value in names}
        until = dt.datetime.fromtimestamp(int(self.lease.labels["until"]) / 1000, dt.UTC)
        minutes = math.ceil((until - self.server_time()) / dt.timedelta(minutes=1)) if labels else 0
        noted = LeaseMemory.read(self.lease.description).times
        places = tuple(sorted((key, self._place(at, readers)) for key, at in noted.items()))
        return tuple(sorted(labels.items())), minutes, places

    def _place(self, moment: dt.datetime, readers: Sequence[Actor]) -> tuple[int, ...]:
        """Return how a moment compares with the beginning of targets: 1 where it may look later than it was."""
        begins = [self.now if reader.began is None else reader.began for reader in readers if not reader.has_ended]
        after = [moment - self.start - dt.timedelta(seconds=began) for began in begins]
        return tuple((each > dt.timedelta()) + (each > _OPEN) for each in after)

    def note(self, actor: Actor, call: Call, answer: Answer) -> None:
        """Note a call that was done and what it may have changed."""
        changed: Hashable = None
        if call.resource == "lease" and call.request.method != "GET" and answer.status == OK:
            actor.lease_written = self.now
            self.lease = bigquery.Table.from_api_repr(json.loads(answer.body))
        elif call.resource == "table" and calls.writes(call.request):
            changed = self._see_write(actor)
        elif call.label == "POST job etl_logs":
            says = frozenset(_SAYS.findall(call.request.body))
            self.logged.add((actor.name, says, tuple(actor.writes)))
        elif calls.is_creation(call.request) and answer.status == OK:
            self.events.add(call.label)
        if calls.may_pass(call.request):
            return  # how often a job is asked for, and the order of calls at the same time, depend on the machine
        found = [self._shown(what, actor) for what in calls.shown_by(call.request)]
        actor.trail.append((call.label, answer.status, call.fate, changed, *found))

    def expire(self) -> None:
        """Delete the table that is the lease if its time is over, as BigQuery does."""
        if self.lease and self.lease.expires and self.lease.expires <= self.server_time():
            self.project.client.delete_table(self.lease, not_found_ok=True)
            self.lease = None

    def _see_write(self, actor: Actor) -> Hashable:
        before, rows = self.checker.rows, self.rows()
        self.checker.see_write(rows, actor.name)
        changed = sorted(key for key in rows if rows[key] != before.get(key))
        begun = tuple(each.name for each in self.actors if each.has_begun)
        self.writers |= dict.fromkeys(changed, (actor.name, begun))
        if changed and not (self.lease and actor.run in self.lease.labels.values()):
            self.checker.report("two writers", f"{actor.name} wrote without the lease")
        actor.writes.append(tuple((key, before.get(key), rows[key]) for key in changed))
        return actor.writes[-1]


class Actor:
    """One target."""

    def __init__(self, world: World, name: str, proxy: Proxy, reading: Reading) -> None:
        self.name = name
        self.run = ""
        """Its run id in lower case, once it has told it."""
        self.trail: list[Hashable] = []
        """What it has done so far, and what it has found out."""
        self.writes: list[Hashable] = []
        """What each of its statements has changed: key, before, after."""
        self.began: float | None = None
        """When it began."""
        self.lease_written = 0.0
        """When it last wrote the lease."""
        self.clock_reads = 0
        """How often it has read its wall clock for more than a name or a date in a report."""
        self.call: Call | None = None
        self.naps: list[Nap] = []
        self.has_begun = False
        self.is_open = False
        """Whether its first call has been let go."""
        self.has_ended = False
        self.is_dead = False
        self.is_frozen = False
        self.is_failing = False
        """Whether its renewals are answered with 503."""
        self.was_disturbed = False
        """Whether its last call failed: then it sleeps before it tries again."""
        self.is_joining = False
        """Whether it waits for the end of the thread that renews the lease."""
        self.may_hold = False
        """Whether it has taken a lease and not given it back."""
        self.code: int | None = None
        self.version: int | None = None
        self.stated: int | None = None
        """The version in its last STATE."""
        self.clock_error = dt.timedelta()
        self.output = ""
        self.errors = ""
        self._world = world
        self._proxy = proxy
        self._reading = reading
        self._thread: threading.Thread | None = None
        world.actors.append(self)
        self._background_is_up = False

    # What its threads call.

    def wall_clock(self, reader: str) -> dt.datetime:
        """Return the time that its wall clock shows."""
        self.clock_reads += not reader.endswith(_DATES)
        return self._world.start + dt.timedelta(seconds=self._world.now) + self.clock_error

    def monotonic(self) -> float:
        """Return the time that its monotonic clock shows."""
        return 1000.0 + self._world.now

    def sleep(self, seconds: float, event: threading.Event | None = None) -> bool:
        """Sleep until the simulation says so, or an event is set."""
        self.rest(seconds, threading.current_thread().name, lambda: bool(event and event.is_set()))
        return bool(event and event.is_set())

    def rest(self, seconds: float, thread: str, is_called: Callable[[], bool]) -> None:
        """Sleep until the simulation says so, or something happens that `wake` announces.

        Args:
            seconds: How long.
            thread: Name of the thread that sleeps.
            is_called: Returns whether it has happened.
        """
        nap = Nap(self._world.now + seconds, thread == _BACKGROUND, is_called)
        with self._world.changed:
            if nap.is_background:
                self._background_is_up = False
            self.naps.append(nap)
            self._world.changed.notify_all()
            self._world.changed.wait_for(lambda: nap.is_over or self.is_dead or is_called())
            self.naps.remove(nap)
            if self.is_dead:
                raise virtual_time.Killed

    def note_start(self, thread: str) -> None:
        """Note that one of its threads is about to start."""
        if thread == _BACKGROUND:
            self._background_is_up = True

    def note_end(self, thread: str) -> None:
        """Note that one of its threads has ended."""
        if thread == _BACKGROUND:
            with self._world.changed:
                self._background_is_up = False
                self._world.changed.notify_all()

    def note_join(self, thread: str, *, begins: bool) -> None:
        """Note that one of its threads begins or ends to wait for the end of another one."""
        with self._world.changed:
            self.is_joining = begins and thread == _BACKGROUND
            self._world.changed.notify_all()

    def wake(self) -> None:
        """Let threads that wait for an event look again."""
        with self._world.changed:
            self._world.changed.notify_all()

    def print(self, text: str) -> None:
        """Take a part of its output, and check each STATE."""
        if self.is_dead:
            return
        self.output += text
        *complete, self.output = self.output.split("\n")
        for line in filter(None, complete):
            self._see_state(version_of(json.loads(line)))

    def _see_state(self, version: int | None) -> None:
        self.trail.append(("state", version))
        self._world.bookmark = version
        if version is not None:
            who = f"the STATE of {self.name}"
            self._world.checker.see_promise(self._world.rows(), version, who, "a STATE lies")
        self.stated = version

    def log(self, text: str) -> None:
        """Take a part of its log."""
        self.errors += text

    def gate(self, request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        """Hold a call until it is let go, and answer it."""
        call = Call(request, calls.label_of(request), calls.resource_of(request))
        with self._world.changed:
            # The first call is always held: a target may begin to read long before it asks for anything.
            self._world.changed.wait_for(lambda: self.is_open or self.is_dead or not self.call)
            if self.is_dead:
                return None
            if self.is_open and calls.may_pass(request):
                call.released = True
            else:
                assert self.call is None, f"{self.name} makes two calls at once"
                self.call = call
                if not self.is_open:
                    call.label = FIRST_CALL
            self._world.changed.notify_all()
            self._world.changed.wait_for(lambda: call.released)
        answer = self._answer(call, forward)
        with self._world.changed:
            if not calls.may_pass(request):
                self.was_disturbed = answer is None or call.fate != "pass"
            if call.then_killed:
                self._die()
        return None if call.then_killed else answer

    def _answer(self, call: Call, forward: Callable[[bytes], Answer]) -> Answer | None:
        if call.fate == "drop":
            return None
        if call.fate == "refuse":
            refusal = b'{"error": {"code": 503, "message": "away"}}'
            away = Answer(503, [("Content-Type", "application/json")], refusal)
            self._world.note(self, call, away)
            return away
        run_id = _RUN.search(call.request.body)
        self.run = self.run or (run_id[0].decode().lower() if run_id else "")
        self._world.expire()
        now = f"TIMESTAMP '{self._world.server_time():%Y-%m-%d %H:%M:%S.%f}+00:00'"
        answer = forward(_TIME.sub(now.encode(), call.request.body))
        if answer.status == OK and (job := calls.unfinished_job(call.request, answer.body)):
            self._world.wait_for_job(*job)
        self._world.note(self, call, answer)
        if call.resource == "lease" and answer.status == OK and call.request.method != "GET":
            self.may_hold = call.request.method != "DELETE"
        date = email.utils.format_datetime(self._world.server_time(), usegmt=True)
        headers = [(name, value) for name, value in answer.headers if name.lower() != "date"]
        return None if call.fate == "lose" else Answer(answer.status, [*headers, ("Date", date)], answer.body)

    # What the simulation calls.

    @property
    def nap(self) -> Nap | None:
        """The sleep of the run itself, if it sleeps."""
        return next((nap for nap in self.naps if not nap.is_background), None)

    @property
    def background_naps(self) -> list[Nap]:
        """The sleep of the thread that renews the lease, if it lives."""
        naps = [nap for nap in self.naps if nap.is_background and not self.is_dead]
        return [nap for nap in naps if not nap.is_over and not nap.is_called()]

    @property
    def refuses(self) -> bool:
        """Whether it ends at once when another one holds the lease."""
        return self._world.mode == "refuse"

    def begin(self, version: int) -> None:
        """Read a version of the source, and start the target with it."""
        self.version = version
        source, config = self._world.folder / f"{self.name}.singer", self._world.folder / f"{self.name}.json"
        run = 1 + self._world.actors.index(self)
        source.write_bytes(lines(messages(self._world.history, version, self._world.bookmark, self._reading, run=run)))
        endpoint = {"project_id": self._world.project.name, "api_endpoint": self._proxy.url}
        dead = [actor.name for actor in self._world.actors if actor.is_dead]
        self.trail.append(("begin", self._world.bookmark, *dead))
        owners = {"run_owner": self.name, "dead_owners": dead} if self._world.has_heirs else {}
        settings = {**endpoint, **owners, "on_concurrent_run": self._world.mode, "max_delete_fraction": 1.0}
        config.write_text(json.dumps(settings))
        self._proxy.requests.clear()
        self._proxy.gate = self.gate
        self.has_begun, self.began = True, self._world.now
        self._start(config, source)
        self._settle()

    def _start(self, config: Path, source: Path) -> None:
        """Start the target with its configuration and its input."""

        def work() -> None:
            self.code = run(TargetBigQuerySoftDelete, ["--config", str(config), "--input", str(source)])

        self._thread = virtual_time.start(self, lambda: self._run(work))

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self._world.changed:
                self.has_ended = True
                self._world.changed.notify_all()

    def let_go(self, fate: Fate = "pass", *, then_killed: bool = False) -> None:
        """Let the call that is held go, and wait until the target comes to its next call, sleeps or ends."""
        with self._world.changed:
            assert self.call
            call, self.call = self.call, None
            self.is_open = True
            call.fate, call.then_killed, call.released = fate, then_killed, True
            self._world.changed.notify_all()
        self._settle()

    def kill(self) -> None:
        """End it at once, wherever it is."""
        with self._world.changed:
            self._die()
            if self.call:
                self.call.fate, self.call.released = "drop", True
                self.call = None
            self._world.changed.notify_all()
            self._wait_for(lambda: self.has_ended or not self.has_begun)

    def _die(self) -> None:
        self.is_dead = True
        self._world.changed.notify_all()

    def wake_up(self) -> None:
        """Let it go on after its sleep."""
        with self._world.changed:
            assert self.nap
            nap = self.nap
            nap.is_over = True
            self._world.changed.notify_all()
            self._wait_for(lambda: nap not in self.naps)
        self._settle()

    def renew(self, nap: Nap) -> None:
        """Let the thread that renews the lease do its work, until it sleeps again or ends."""
        was_joining = self.is_joining
        with self._world.changed:
            held, self.call = self.call, None
            self._background_is_up = nap.is_over = True
            self._world.changed.notify_all()
            while True:
                self._wait_for(lambda: self.call or not self._background_is_up)
                if not self._background_is_up or self.call is None:
                    break
                call, self.call = self.call, None
                call.fate, call.released = ("refuse" if self.is_failing else "pass"), True
                self._world.changed.notify_all()
            self.call = held or self.call
        if was_joining:
            self._settle()  # the run waited for the end of this thread, and may go on

    def _settle(self) -> None:
        with self._world.changed:
            self._wait_for(lambda: self._is_still and not self._background_is_up)
        if self.has_ended and self._thread:
            self._thread.join()
            if self.code == 0 and not self.is_dead:
                assert self.version is not None
                self._world.checker.see_promise(
                    self._world.rows(), self.version, f"the end of {self.name}", "an end without an error lies"
                )
            self.trail.append(("end", self.code))
            self._thread = None

    @property
    def _is_still(self) -> bool:
        is_blocked = self.is_joining and self.background_naps
        return bool(self.call or self.has_ended or (self.nap and not self.nap.is_over) or is_blocked)

    def _wait_for(self, condition: Callable[[], object]) -> None:
        assert self._world.changed.wait_for(condition, _STUCK_SECONDS), f"{self.name} does not come to its next call"
