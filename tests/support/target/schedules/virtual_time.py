"""Simulated time for programs that run as threads of this process.

A thread that belongs to a program, and every thread that it starts, reads the program's clocks instead of the real
ones and sleeps until the simulation says so. What it prints goes to the program. All other threads, such as those of
the proxy, live in real time. No code of the program is changed: only the functions of the standard library that it
calls know whose thread asks.

What a program gives to a pool of threads is done by the thread that first asks for the result, or that ends the pool.
So a program makes one call at a time, in one order, which is one of the orders that it could have.
"""

from __future__ import annotations

import datetime as dt
import inspect
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, override

import pytest
import requests

from target_bigquery_softdelete.plugin_runtime import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Killed(BaseException):
    """Ends the threads of a program that was killed."""


class Program(Protocol):
    """A program in simulated time."""

    def wall_clock(self, reader: str) -> dt.datetime:
        """Return the time that its wall clock shows. `reader` is the name of the module that asks."""

    def monotonic(self) -> float:
        """Return the time that its monotonic clock shows, in seconds."""

    def sleep(self, seconds: float, event: threading.Event | None = None) -> bool:
        """Sleep, or until an event is set. Return whether it is set."""

    def note_start(self, thread: str) -> None:
        """Note that one of its threads is about to start."""

    def note_end(self, thread: str) -> None:
        """Note that one of its threads has ended."""

    def note_join(self, thread: str, *, begins: bool) -> None:
        """Note that one of its threads begins or ends to wait for the end of another one."""

    def wake(self) -> None:
        """Let threads that wait for an event look again."""

    def print(self, text: str) -> None:
        """Take what it writes to stdout."""

    def log(self, text: str) -> None:
        """Take what it writes to stderr."""


class _Present(threading.local):
    program: Program | None = None


_present = _Present()
_now = dt.datetime.now
_sleep = time.sleep
_monotonic = time.monotonic
_clock_gettime = time.clock_gettime
_perf_counter = time.perf_counter
_start = threading.Thread.start
_join = threading.Thread.join
_wait = threading.Event.wait
_set = threading.Event.set
_submit = ThreadPoolExecutor.submit
_shutdown = ThreadPoolExecutor.shutdown


def start(program: Program, function: Callable[[], object]) -> threading.Thread:
    """Start a thread that belongs to a program, and return it."""
    thread = threading.Thread(target=lambda: run(program, function), daemon=True)
    _start(thread)
    return thread


@contextmanager
def simulated() -> Iterator[None]:
    """Let the threads of programs live in simulated time, within the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", _simulated_sleep)
        patch.setattr(time, "monotonic", lambda: _seconds(_monotonic))
        patch.setattr(time, "clock_gettime", lambda clock_id: _seconds(lambda: _clock_gettime(clock_id)))
        # Of how long a request took; requests has taken the function from `time` when it was imported.
        patch.setattr(requests.sessions, "preferred_clock", lambda: _seconds(_perf_counter))
        patch.setattr(threading.Thread, "start", _simulated_start)
        patch.setattr(threading.Thread, "join", _simulated_join)
        patch.setattr(threading.Event, "wait", _simulated_wait)
        patch.setattr(threading.Event, "set", _simulated_set)
        patch.setattr(ThreadPoolExecutor, "submit", _simulated_submit)
        patch.setattr(ThreadPoolExecutor, "shutdown", _simulated_shutdown)
        patch.setattr(clock, "dt", _SimulatedDatetime)
        patch.setattr(sys, "stdout", _Stream(sys.stdout, lambda program, text: program.print(text)))
        patch.setattr(sys, "stderr", _Stream(sys.stderr, lambda program, text: program.log(text)))
        yield


def run(program: Program, function: Callable[[], object]) -> None:
    """Call a function as a part of a program, in this thread."""
    _present.program = program
    try:
        with suppress(Killed):
            function()
    finally:
        program.note_end(threading.current_thread().name)


def _simulated_sleep(seconds: float) -> None:
    program = _present.program
    if program is None:
        _sleep(seconds)
    else:
        program.sleep(seconds)


def _seconds(real: Callable[[], float]) -> float:
    """Return the seconds of a clock that never goes backwards."""
    program = _present.program
    return real() if program is None else program.monotonic()


def _simulated_start(thread: threading.Thread) -> None:
    program = _present.program
    if program is not None:
        work = thread.run
        thread.run = lambda: run(program, work)  # type: ignore[method-assign]
        program.note_start(thread.name)
    _start(thread)


def _simulated_join(thread: threading.Thread, timeout: float | None = None) -> None:
    program = _present.program
    if program is not None:
        program.note_join(thread.name, begins=True)
    _join(thread, timeout)
    if program is not None:
        program.note_join(thread.name, begins=False)


def _simulated_wait(event: threading.Event, timeout: float | None = None) -> bool:
    program = _present.program
    if program is None or timeout is None:
        return _wait(event, timeout)
    return program.sleep(timeout, event)


def _simulated_set(event: threading.Event) -> None:
    _set(event)
    if _present.program is not None:
        _present.program.wake()


class _Work(Future[Any]):
    """Work that is done when it is needed."""

    def __init__(self, function: Callable[[], object]) -> None:
        super().__init__()
        self._function = function
        self._turn = threading.RLock()

    @override
    def result(self, timeout: float | None = None) -> Any:
        self.do()
        return super().result(timeout)

    @override
    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.do()
        return super().exception(timeout)

    def do(self) -> None:
        """Do the work, unless it is done, or was cancelled."""
        with self._turn:
            if self.done() or not self.set_running_or_notify_cancel():
                return
            try:
                result = self._function()
            except Killed:
                raise
            except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
                self.set_exception(error)
            else:
                self.set_result(result)


def _simulated_submit(pool: ThreadPoolExecutor, function: Callable[..., object], /, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - any function
    if _present.program is None:
        return _submit(pool, function, *args, **options)
    work = _Work(lambda: function(*args, **options))
    pool.__dict__.setdefault("simulated", []).append(work)
    return work


def _simulated_shutdown(pool: ThreadPoolExecutor, *, wait: bool = True, cancel_futures: bool = False) -> None:
    for work in pool.__dict__.pop("simulated", []):
        if cancel_futures:
            work.cancel()
        elif wait:
            work.do()
    _shutdown(pool, wait=wait, cancel_futures=cancel_futures)


class _SimulatedDatetime:
    """Stands for the module `datetime` where the target reads its wall clock."""

    UTC = dt.UTC

    class datetime:  # noqa: N801 - the name in the module
        """Stands for the class."""

        @staticmethod
        def now(zone: dt.tzinfo | None = None) -> dt.datetime:
            """Return the time now."""
            program = _present.program
            if program is None:
                return _now(zone)
            frame = inspect.currentframe()
            while frame and frame.f_globals["__name__"] in {__name__, clock.__name__}:
                frame = frame.f_back
            return program.wall_clock(frame.f_globals["__name__"] if frame else "")


class _Stream:
    """A standard stream that gives what a program writes to the program."""

    def __init__(self, stream: Any, take: Callable[[Program, str], None]) -> None:  # noqa: ANN401 - pytest replaces it
        self._stream = stream
        self._take = take

    def write(self, text: str) -> int:
        """Write a text."""
        program = _present.program
        if program is None:
            self._stream.write(text)
        else:
            self._take(program, text)
        return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any other attribute of a stream
        return getattr(self._stream, name)
