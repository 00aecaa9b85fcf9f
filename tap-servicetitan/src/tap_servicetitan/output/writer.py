"""Writes Singer messages to stdout."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from singer_sdk.singerlib.encoding import GenericSingerWriter, SingerMessageType
from singer_sdk.singerlib.messages import Message

from tap_servicetitan.errors import RunCancelledError
from tap_servicetitan.plugin_runtime.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_encoder = msgspec.json.Encoder(decimal_format="number")

LONGEST_WAIT_SECONDS = 2.0
"""How long closing waits for a thread that is writing."""


class MessageWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages in the order in which they come, with exact numbers. Safe to share between threads.

    Records may wait in the buffer. Any other message flushes it: a STATE reaches the reader after its records, and at
    once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        """Held while lines are written. Hold it to keep the lines of other threads out from between yours."""
        self.writes = 0
        """How many writes have begun and how many have ended, together: an odd number while one is under way."""
        self._closed = False

    @override
    def serialize_message(self, message: Message) -> bytes:
        return _encoder.encode(message.to_dict())

    @override
    def write_message(self, message: Message) -> None:
        self.write_lines(self.format_message(message) + b"\n")
        if message.type is not SingerMessageType.RECORD:
            self.flush()

    def write_object(self, message: Mapping[str, object]) -> None:
        """Write a message that is no class of the SDK's, and flush it."""
        self.write_lines(_encoder.encode(message) + b"\n")
        self.flush()

    def write_lines(self, lines: bytes) -> None:
        """Write messages that are encoded as lines.

        Raises:
            RunCancelledError: If the output has been closed.
        """
        with self._writing():
            if self._closed:
                raise RunCancelledError
            sys.stdout.buffer.write(lines)

    def flush(self) -> None:
        """Flush the buffer."""
        with self._writing():
            sys.stdout.buffer.flush()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self.lock:
            self.writes += 1
            try:
                yield
            finally:
                self.writes += 1

    def shut(self) -> None:
        """Reject further writes. Hold the lock meanwhile: then what you have written last is the end of the output."""
        self._closed = True

    def close(self) -> None:
        """Reject further writes. Wait briefly for a write in progress to finish."""
        self._closed = True
        if self.lock.acquire(timeout=LONGEST_WAIT_SECONDS):
            self.lock.release()
