"""How long calls and jobs take, on a switch, and how many calls there were.

The times are believed, not measured on the real service: a call takes a few tenths of a second, a load some seconds
(`docs/decisions`). They are drawn evenly between two bounds by a seed, for each kind on its own, so that a run with the
same calls sees the same times whatever its threads do. Where the emulator itself needs longer for a job, the excess is
counted: it spoils a measurement.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anyio.to_thread import current_default_thread_limiter

from servicetitan_sandbox.bigquery.api_calls import UPLOAD, read_call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from local_bigquery.models import JobConfiguration
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CALL_SECONDS = (0.15, 0.40)
"""Bounds of a call that is not named below."""

SECONDS: Mapping[str, tuple[float, float]] = {
    "jobs.get": (0.10, 0.25),
    "jobs.cancel": (0.10, 0.25),
    "jobs.list": (0.10, 0.25),
    "jobs.getQueryResults": (0.10, 0.25),
    "jobs.query": (0.10, 0.25),
    UPLOAD: (0.45, 0.55),
}
"""Bounds of a call by its kind. Those that wait for a job take so long beyond its end."""

JOB_SECONDS: Mapping[str, tuple[float, float]] = {
    "SELECT": (1.0, 2.0),
    "DML": (2.5, 5.0),
    "DDL": (1.0, 2.0),
    "LOAD": (3.0, 6.0),
    "COPY": (2.0, 4.0),
}
"""Bounds from the insert of a job to its end."""

_WAITING = {"jobs.getQueryResults", "jobs.query"}
_COMMENTS = re.compile(r"^(?:\s*--[^\n]*\n)+")
_DML = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|MERGE|TRUNCATE)\b", re.IGNORECASE)
_DDL = re.compile(r"\s*(?:CREATE|ALTER|DROP)\b", re.IGNORECASE)
_CONTROL = re.compile(r"\s*(?:DECLARE|BEGIN|SET|IF|COMMIT|END)\b", re.IGNORECASE)
_REQUEST_THREADS = 250
"""So many requests may wait for jobs at the same time."""


@dataclass
class _Traffic:
    """What the server has seen since it was last asked to forget it."""

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    jobs: Counter[str] = field(default_factory=Counter)
    connections: set[tuple[str, int]] = field(default_factory=set)
    overrun_seconds: float = 0.0
    request_bytes: int = 0


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
        kinds = {"call", *SECONDS, *JOB_SECONDS}
        _dice.update({kind: random.Random(f"{seed}/{kind}") for kind in kinds})


def job_seconds(configuration: JobConfiguration) -> float:
    """Return how long a job is to take from its insert to its end, and count it."""
    kinds = job_kinds(configuration)
    with _lock:
        _seen.jobs[kinds[0] if len(kinds) == 1 else "SCRIPT"] += 1
        return sum(_draw(kind, JOB_SECONDS[kind]) for kind in kinds)


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


def note_overrun(seconds: float) -> None:
    """Note that the emulator needed so much longer for a job than it was to take."""
    with _lock:
        if _scale:
            _seen.overrun_seconds += seconds


def stats() -> dict[str, object]:
    """Return what the server has seen: calls by kind, those that failed, jobs by kind, connections, and more."""
    with _lock:
        return {
            "calls": dict(sorted(_seen.calls.items())),
            "total_calls": _seen.calls.total(),
            "errors": dict(sorted(_seen.errors.items())),
            "jobs": dict(sorted(_seen.jobs.items())),
            "connections": len(_seen.connections),
            "request_bytes": _seen.request_bytes,
            "overrun_seconds": round(_seen.overrun_seconds, 3),
        }


def forget() -> None:
    """Begin to count anew."""
    global _seen  # noqa: PLW0603 - one server, one count
    with _lock:
        _seen = _Traffic()


def _statement_kind(statement: str) -> str:
    if _DML.match(statement):
        return "DML"
    return "DDL" if _DDL.match(statement) else "SELECT"


def _draw(kind: str, bounds: tuple[float, float]) -> float:
    return _scale * _dice[kind].uniform(*bounds) if _scale else 0.0


class _Middleware:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = read_call(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if call is None:
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        current_default_thread_limiter().total_tokens = _REQUEST_THREADS
        kind = call.kind
        with _lock:
            _seen.calls[kind] += 1
            _seen.connections.add(tuple(scope["client"]))
            seconds = _draw(kind if kind in SECONDS else "call", SECONDS.get(kind, CALL_SECONDS))

        async def receive_counted() -> Message:
            message = await receive()
            with _lock:
                _seen.request_bytes += len(message.get("body", b""))
            return message

        async def send_in_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] >= 400:  # noqa: PLR2004 - the errors of HTTP
                    with _lock:
                        _seen.errors[f"{kind} {message['status']}"] += 1
                from_ = time.monotonic() if kind in _WAITING else begun
                await asyncio.sleep(max(0.0, from_ + seconds - time.monotonic()))
            await send(message)

        await self._app(scope, receive_counted, send_in_time)
