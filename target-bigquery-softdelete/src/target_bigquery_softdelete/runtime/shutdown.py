"""Ends the process soon after SIGTERM or SIGINT, whatever its threads are waiting for.

A signal may come at any point of any thread: while a lock is held, or in the middle of a call that never answers. So
nothing is done where it comes. The interpreter writes the number of the signal into a pipe, and a thread that does
nothing else reads it there, does what is left to do, and ends the process.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST_STOP_SECONDS = 7.0
"""After so long the process ends, said or not. Orchestrators kill after ten seconds, and less is promised: eight."""

_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


@contextmanager
def stopping(last_steps: Callable[[int], None]) -> Iterator[None]:
    """Within the block, let a signal end the process with the shell's exit code for it.

    The signals must have a handler of their own, which does nothing. Once a signal has come, the block does not end:
    what the main thread makes of a run that is being stopped is not reported.

    Args:
        last_steps: Called with the number of the signal, on another thread.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread = threading.Thread(target=_wait, args=(reader, last_steps), name="stop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        thread.join()
        os.close(reader)


def in_time(seconds: float, step: Callable[[], object]) -> None:
    """Do something, and wait for its end no longer than this."""
    thread = threading.Thread(target=step, daemon=True)
    thread.start()
    thread.join(seconds)


def _wait(reader: int, last_steps: Callable[[int], None]) -> None:
    while data := os.read(reader, 1):
        if data[0] in _SIGNALS:
            _end(data[0], last_steps)


def _end(signum: int, last_steps: Callable[[int], None]) -> None:
    threading.Thread(target=_exit_late, args=(signum,), daemon=True).start()
    try:
        last_steps(signum)
        logging.shutdown()
    finally:
        os._exit(128 + signum)


def _exit_late(signum: int) -> None:
    time.sleep(LONGEST_STOP_SECONDS)
    os._exit(128 + signum)
