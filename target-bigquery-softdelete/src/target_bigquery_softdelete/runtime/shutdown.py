"""Ends the process soon after SIGTERM or SIGINT, whatever its threads are doing.

A signal may come at any point: while a lock is held, or in the middle of a call that never returns. So the handler does
nothing. The interpreter writes the number of the signal into a pipe. A thread that does nothing else reads it there,
takes the last steps, and ends the process.
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
"""After so long the process ends, whether the last steps are done or not. The promise is eight seconds, since
orchestrators kill after ten."""

_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


@contextmanager
def end_on_signal(last_steps: Callable[[int], None]) -> Iterator[None]:
    """Let a signal end the process, within the block, with the shell's exit code for it.

    The signals must have a handler that does nothing. Once a signal has come, the block never ends, so an error that
    the main thread meets while the run is being stopped is not reported.

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


def run_with_timeout(seconds: float, step: Callable[[], object]) -> None:
    """Take a step, and wait for its end no longer than this."""
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
