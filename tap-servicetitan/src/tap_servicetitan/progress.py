"""Shows how far a run is: one line that moves on a terminal, elsewhere a line of the log now and then."""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_servicetitan.plugin_runtime.plurals import pluralize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_servicetitan.streams.base import ServiceTitanStream

SECONDS_BETWEEN_LINES = 60.0
"""How often to log how far the run is, if nobody watches it on a terminal."""

REFRESHES_PER_SECOND = 4


class Progress:
    """How far a run is."""

    def __init__(self, streams: Sequence[ServiceTitanStream], clock: Callable[[], float] = time.monotonic) -> None:
        """Begin.

        Args:
            streams: The streams of the run.
            clock: Returns seconds that never go backwards.
        """
        self._streams = streams
        self._clock = clock
        self._began = clock()

    def describe(self) -> str:
        """Return it in words: streams that are done, records, and records a second since the run began."""
        done = sum(stream.has_ended for stream in self._streams)
        records = sum(stream.outcome.records for stream in self._streams)
        seconds = self._clock() - self._began
        rate = f", {records / seconds:,.0f} a second" if seconds > 0 and records else ""
        return f"{done} of {pluralize(len(self._streams), 'stream')} done, {pluralize(records, 'record')}{rate}"


@contextmanager
def show_progress(streams: Sequence[ServiceTitanStream], logger: logging.Logger) -> Iterator[None]:
    """Show how far a run is, for as long as it takes.

    Args:
        streams: The streams of the run.
        logger: Takes the lines, if stderr is no terminal.
    """
    progress = Progress(streams)
    # stderr is None if it was closed before the start.
    show = _on_terminal(progress) if sys.stderr is not None and sys.stderr.isatty() else _in_log(progress, logger)
    with show:
        yield


@contextmanager
def _on_terminal(progress: Progress) -> Iterator[None]:
    # Imported only when needed: it takes a tenth of a second.
    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    terminal = sys.stderr

    def render() -> Text:
        return Text(progress.describe(), overflow="ellipsis", no_wrap=True)

    # stdout carries the messages.
    with Live(
        console=Console(stderr=True),
        get_renderable=render,
        refresh_per_second=REFRESHES_PER_SECOND,
        redirect_stdout=False,
        transient=True,
    ):
        # Lines of the log go above the line that moves.
        streamed = [each for each in logging.getLogger().handlers if isinstance(each, logging.StreamHandler)]
        handlers = [each for each in streamed if each.stream is terminal]
        for handler in handlers:
            handler.setStream(sys.stderr)
        try:
            yield
        finally:
            for handler in handlers:
                handler.setStream(terminal)


@contextmanager
def _in_log(progress: Progress, logger: logging.Logger) -> Iterator[None]:
    is_over = threading.Event()

    def tell() -> None:
        while not is_over.wait(SECONDS_BETWEEN_LINES):
            logger.info("%s", progress.describe())

    thread = threading.Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
