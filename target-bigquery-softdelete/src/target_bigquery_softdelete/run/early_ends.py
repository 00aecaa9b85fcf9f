"""Finishes the streams that the tap has read to their ends, while it still reads others.

A run of many streams is as long as its longest one. The tables of the others need not wait for that, nor their STATE,
nor the room that their rows take on the disk. A tap says in so many words when it is done with a stream (`x-read` in
`singer/read_ends.py`); of any other tap only the end of the input is proof.

Streams are finished in threads of their own, several together, so that they share queries. Everything else happens in
the thread that reads the input: it begins a group when its first stream has waited for a moment, and takes in those
that are done.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from target_bigquery_softdelete.run.finish import MOST_THREADS, finish_sink

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from concurrent.futures import Future

    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.run.checkpoints import Checkpoints
    from target_bigquery_softdelete.singer.read_ends import ReadEnds
    from target_bigquery_softdelete.sink import BigQuerySoftDeleteSink

WAIT_SECONDS = 5.0
"""How long the first stream of a group waits for others. Tells an input that comes all at once from a slow one."""

POLL_SECONDS = 0.5
"""How long the input may be waited for while streams are being finished."""

logger = logging.getLogger(__name__)


class EarlyEnds:
    """The streams of one run that end before the input does."""

    def __init__(self, run: Run, checkpoints: Checkpoints, read_ends: ReadEnds) -> None:
        """Begin without a stream.

        Args:
            run: The run.
            checkpoints: Write the STATE of streams that are done.
            read_ends: What the tap says of the ends of its streams.
        """
        self._run = run
        self._checkpoints = checkpoints
        self._read_ends = read_ends
        self._waiting: list[BigQuerySoftDeleteSink] = []
        self._since = 0.0
        self._running: list[tuple[Sequence[BigQuerySoftDeleteSink], Sequence[Future[BigQuerySoftDeleteSink]]]] = []
        self._executor: ThreadPoolExecutor | None = None
        self.done: set[str] = set()
        """The names of the sinks that are finished."""

    def seconds_left(self) -> float | None:
        """Return the seconds until there is something to do; None if nothing is going on."""
        if self._running:
            return POLL_SECONDS
        return max(0.0, self._since + WAIT_SECONDS - time.monotonic()) if self._waiting else None

    def offer(self, sinks: Collection[BigQuerySoftDeleteSink]) -> None:
        """Note sinks whose streams have been read to their ends. Those that have failed are finished with the run."""
        for sink in sinks:
            if sink.error is None and not sink.is_closed:
                sink.is_closed = True
                self._since = self._since if self._waiting else time.monotonic()
                self._waiting.append(sink)

    def proceed(self) -> None:
        """Begin a group if it is due, and take in those that are done."""
        if self._waiting and time.monotonic() - self._since >= WAIT_SECONDS:
            self._begin()
        self._take_in()

    def end(self) -> None:
        """Wait for those that have begun. Streams that still wait are finished with the others, at the end.

        Whatever happens, no thread goes on after this: the lease may be given back next.
        """
        for sink in self._waiting:
            sink.is_closed = False
        self._waiting.clear()
        try:
            self._take_in(wait=True)
        finally:
            if self._executor:
                self._executor.shutdown()
                self._executor = None

    def _begin(self) -> None:
        group, self._waiting = self._waiting, []
        self._executor = self._executor or ThreadPoolExecutor(MOST_THREADS, "early end")
        self._run.warehouse.fused.expect(len(group))
        self._running.append((group, [self._executor.submit(finish_sink, self._run, sink) for sink in group]))

    def _take_in(self, *, wait: bool = False) -> None:
        """Let the STATE out of the groups that are done."""
        over = [each for each in self._running if wait or all(future.done() for future in each[1])]
        self._running = [each for each in self._running if each not in over]
        for sinks, futures in over:
            for sink, future in zip(sinks, futures, strict=True):
                future.result()
                self.done.add(sink.stream_name)
                sink.is_taken_in = True
                sink.report.note_end(self._read_ends.worst_of(sink.sources))
                logger.info("%s", sink.report.summary())
        # Together: a stream may have gone into tables of several groups.
        finished = [sink for sinks, _ in over for sink in sinks]
        if finished:
            self._checkpoints.let_out(finished)
        for sink in finished:
            sink.clean_up()
