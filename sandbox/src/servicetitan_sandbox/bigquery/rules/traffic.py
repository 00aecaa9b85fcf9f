"""How long calls and jobs take, on a switch, and how many calls there were.

The times are believed, not measured on the real service: a call takes a few tenths of a second, a load some seconds
(`docs/decisions`). They are drawn evenly between two bounds by a seed, for each kind on its own, so that a run with the
same calls sees the same times whatever its threads do. Where the emulator itself needs longer for a call or a job, the
clock by which all of them take their time stands still (:mod:`servicetitan_sandbox.bigquery.rules.slow_clock`).

The timeline holds the last calls and jobs, each with its beginning and end by that clock.
"""

from __future__ import annotations

import contextvars
import random
import re
import threading
from collections import Counter, deque
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from anyio.to_thread import current_default_thread_limiter

from servicetitan_sandbox.bigquery.api_calls import UPLOAD, read_call
from servicetitan_sandbox.bigquery.rules.slow_clock import SlowClock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from fastapi import FastAPI
    from local_bigquery.models import Job, JobConfiguration
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

META = "meta"
"""The latency of calls about tables and datasets, and of those that are not named below."""

SECONDS: Mapping[str, tuple[float, float]] = {
    META: (0.15, 0.40),
    "jobs.insert": (0.15, 0.40),
    "tabledata": (0.15, 0.40),
    "jobs.get": (0.10, 0.25),
    "jobs.other": (0.10, 0.25),
    "results": (0.10, 0.25),
    UPLOAD: (0.45, 0.55),
}
"""Bounds of a call's time by its latency. Results are waited for, and take so long beyond the end of the job."""

LATENCIES: Mapping[str, str] = {
    "jobs.insert": "jobs.insert",
    "jobs.get": "jobs.get",
    "jobs.cancel": "jobs.other",
    "jobs.list": "jobs.other",
    "jobs.delete": "jobs.other",
    "jobs.getQueryResults": "results",
    "jobs.query": "results",
    "tabledata.list": "tabledata",
    "tabledata.insertAll": "tabledata",
    UPLOAD: UPLOAD,
}
"""The latency of calls that are not :data:`META`."""

JOB_SECONDS: Mapping[str, tuple[float, float]] = {
    "SELECT": (1.0, 2.0),
    "DML": (2.5, 5.0),
    "DDL": (1.0, 2.0),
    "LOAD": (3.0, 6.0),
    "COPY": (2.0, 4.0),
}
"""Bounds from the insert of a job to its end."""

_WAITING = {"jobs.getQueryResults", "jobs.query"}
_NOT_LATE = {*_WAITING, UPLOAD}
"""Calls for which time does not stand still: it is not the emulator's work that they wait for."""

_ANNOUNCED = b"uploadType=resumable"
_NAMES = ("jobId", "tableId", "datasetId")
"""The parts of a path that say what a call is about; the first of them that it has."""

_COMMENTS = re.compile(r"^(?:\s*--[^\n]*\n)+")
_DML = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|MERGE|TRUNCATE)\b", re.IGNORECASE)
_DDL = re.compile(r"\s*(?:CREATE|ALTER|DROP)\b", re.IGNORECASE)
_CONTROL = re.compile(r"\s*(?:DECLARE|BEGIN|SET|IF|COMMIT|END)\b", re.IGNORECASE)
_REQUEST_THREADS = 500
"""So many requests may wait for jobs at the same time."""

_SPANS = 100_000
"""The length of the timeline. When it is full, the oldest spans are forgotten."""


@dataclass(frozen=True)
class Span:
    """A call or a job.

    Attributes:
        start: Seconds since the server was last asked to forget.
        end: The same of its end.
        kind: The method that was called, or `job` and the kind of the job.
        detail: Id of the job, or name of the table or dataset; empty if there is none.
    """

    start: float
    end: float
    kind: str
    detail: str


@dataclass
class _Call:
    """A call that is being answered."""

    kind: str
    seconds: float
    begun: float
    detail: str = ""


_clock = SlowClock()


@dataclass
class _Traffic:
    """What the server has seen since it was last asked to forget it."""

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    jobs: Counter[str] = field(default_factory=Counter)
    connections: set[tuple[str, int]] = field(default_factory=set)
    request_bytes: int = 0
    since: float = field(default_factory=_clock.now)
    timeline: deque[Span] = field(default_factory=lambda: deque(maxlen=_SPANS))

    def add(self, start: float, kind: str, detail: str) -> None:
        """Add what has just ended to the timeline."""
        end = _clock.now() - self.since
        self.timeline.append(Span(round(start - self.since, 4), round(end, 4), kind, detail))


_call: contextvars.ContextVar[_Call | None] = contextvars.ContextVar("call", default=None)
_lock = threading.Lock()
_seen = _Traffic()
_scale = 0.0
_dice: dict[str, random.Random] = {}


def install(app: FastAPI) -> None:
    """Count the calls of an application, and let them take their time if that is switched on."""
    app.add_middleware(_Middleware)


def set_latency(scale: float, seed: int) -> None:
    """Let calls and jobs take their time.

    Args:
        scale: Multiplies all times; 0 switches them off.
        seed: What they are drawn by.
    """
    global _scale  # noqa: PLW0603 - one server, one switch
    with _lock:
        _scale = scale
        _dice.clear()
        kinds = {**SECONDS, **{f"job {kind}": bounds for kind, bounds in JOB_SECONDS.items()}}
        _dice.update({kind: random.Random(f"{seed}/{kind}") for kind in kinds})


def name_call(job_id: str) -> None:
    """Note which job the present call has begun."""
    if call := _call.get():
        call.detail = job_id


@dataclass(frozen=True)
class TimedJob:
    """A job that takes its time.

    Attributes:
        job_id: Its id.
        kind: Its kind.
        begun: When it began, by the server's clock: with the call that inserted it, or when the file of that had come.
        seconds: How long it is to take from then on.
    """

    job_id: str
    kind: str
    begun: float
    seconds: float

    @property
    def seconds_left(self) -> float:
        """How many seconds it is to take from now on, if the clock does not stand still."""
        return self.begun + self.seconds - _clock.now()

    def work(self) -> AbstractContextManager[None]:
        """Return a block for the emulator's work. Time stands still when that takes longer than the job is to take."""
        return _clock.work(self.begun + self.seconds) if self.seconds else nullcontext()

    def end(self) -> None:
        """Wait until it has taken its time, and note its end."""
        _clock.sleep_until(self.begun + self.seconds)
        with _lock:
            _seen.add(self.begun, f"job {self.kind}", self.job_id)


def start_job(job: Job) -> TimedJob:
    """Draw how long a job is to take, and count it."""
    call = _call.get()
    begun = _clock.now() if call is None else call.begun + (call.seconds if call.kind == UPLOAD else 0.0)
    kinds = job_kinds(job.configuration)
    kind = kinds[0] if len(kinds) == 1 else "SCRIPT"
    with _lock:
        _seen.jobs[kind] += 1
        seconds = sum(_draw(f"job {kind}", JOB_SECONDS[kind]) for kind in kinds)
    return TimedJob(job.jobReference.jobId or "", kind, begun, seconds)


def job_kinds(configuration: JobConfiguration) -> list[str]:
    """Return the kinds of work in a job: one, except for a script. They are the keys of `JOB_SECONDS`."""
    if configuration.load:
        return ["LOAD"]
    if configuration.copy_ or configuration.extract:
        return ["COPY"]
    statement = _COMMENTS.sub("", (configuration.query and configuration.query.query) or "")
    if not _CONTROL.match(statement):
        return [_statement_kind(statement)]
    parts = [part for part in statement.split(";") if part.strip() and not _CONTROL.match(part)]
    return [_statement_kind(part) for part in parts] or ["SELECT"]


def stats() -> dict[str, object]:
    """Return what the server has seen: calls by kind, those that failed, jobs by kind, connections, and more.

    `pauses` are the times, in seconds since 1970, in which the clock stood still, and `overrun_seconds` their sum.
    """
    pauses = _clock.pauses()
    with _lock:
        return {
            "calls": dict(sorted(_seen.calls.items())),
            "total_calls": _seen.calls.total(),
            "errors": dict(sorted(_seen.errors.items())),
            "jobs": dict(sorted(_seen.jobs.items())),
            "connections": len(_seen.connections),
            "request_bytes": _seen.request_bytes,
            "overrun_seconds": round(sum(end - start for start, end in pauses), 3),
            "pauses": pauses,
        }


def timeline() -> list[dict[str, object]]:
    """Return the spans of the calls and jobs that have ended, in the order of their ends."""
    with _lock:
        return [asdict(span) for span in _seen.timeline]


def forget() -> None:
    """Begin to count anew."""
    global _seen  # noqa: PLW0603 - one server, one count
    _clock.forget_pauses()
    with _lock:
        _seen = _Traffic()


def _statement_kind(statement: str) -> str:
    if _DML.match(statement):
        return "DML"
    return "DDL" if _DDL.match(statement) else "SELECT"


def _draw(latency: str, bounds: tuple[float, float]) -> float:
    return _scale * _dice[latency].uniform(*bounds) if _scale else 0.0


def _begin(kind: str, names: Mapping[str, str], client: tuple[str, int], *, has_file: bool) -> _Call:
    """Count a call and draw its time. An upload that only announces a file takes no longer than other calls."""
    detail = next((names[name] for name in _NAMES if name in names), "")
    latency = LATENCIES.get(kind, META) if has_file or kind != UPLOAD else META
    with _lock:
        _seen.calls[kind] += 1
        _seen.connections.add(client)
        return _Call(kind, _draw(latency, SECONDS[latency]), _clock.now(), detail)


class _Middleware:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = read_call(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if call is None:
            await self._app(scope, receive, send)
            return
        current_default_thread_limiter().total_tokens = _REQUEST_THREADS
        has_file = _ANNOUNCED not in scope["query_string"] or b"upload_id" in scope["query_string"]
        present = _begin(call.kind, call.names, tuple(scope["client"]), has_file=has_file)
        _call.set(present)  # of this task, and of the threads that it starts

        async def receive_counted() -> Message:
            message = await receive()
            with _lock:
                _seen.request_bytes += len(message.get("body", b""))
            return message

        async def send_in_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                work.close()
                await _take_time(present, message["status"])
            await send(message)

        with ExitStack() as work:
            if present.seconds and present.kind not in _NOT_LATE:
                work.enter_context(_clock.work(present.begun + present.seconds))
            await self._app(scope, receive_counted, send_in_time)


async def _take_time(call: _Call, status: int) -> None:
    """Wait until a call has taken its time, and note its end."""
    from_ = _clock.now() if call.kind in _WAITING else call.begun
    await _clock.wait_until(from_ + call.seconds)
    with _lock:
        if status >= 400:  # noqa: PLR2004 - the errors of HTTP
            _seen.errors[f"{call.kind} {status}"] += 1
        _seen.add(call.begun, call.kind, call.detail)
