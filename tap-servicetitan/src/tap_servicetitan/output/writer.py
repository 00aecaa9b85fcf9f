"""Writes Singer messages to stdout."""

from __future__ import annotations

import sys
import threading

import msgspec
from singer_sdk.singerlib.encoding import GenericSingerWriter, SingerMessageType
from singer_sdk.singerlib.messages import Message

from tap_servicetitan.concurrency.cancellation import HaltedError
from tap_servicetitan.plugin_runtime.compat import override

_encoder = msgspec.json.Encoder(decimal_format="number")

LONGEST_WAIT_SECONDS = 2.0
"""How long the end of a run waits for a thread that is writing."""


class MessageWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages in the order in which they come, numbers exact. Safe to share between threads.

    Records may wait in the buffer. Any other message pushes out what came before it and itself: a STATE that is seen
    never runs ahead of its records, and one that is written is seen at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        """Held while lines are written. Who holds it keeps the lines of others from coming between its own."""
        self._closed = False

    @override
    def serialize_message(self, message: Message) -> bytes:
        return _encoder.encode(message.to_dict())

    @override
    def write_message(self, message: Message) -> None:
        self.write_lines(self.format_message(message) + b"\n")
        if message.type is not SingerMessageType.RECORD:
            self.flush()

    def write_lines(self, lines: bytes) -> None:
        """Write messages that are lines already.

        Raises:
            HaltedError: If the output has been closed.
        """
        with self.lock:
            if self._closed:
                raise HaltedError
            sys.stdout.buffer.write(lines)

    def flush(self) -> None:
        """Push out what waits in the buffer."""
        with self.lock:
            sys.stdout.buffer.flush()

    def close(self) -> None:
        """Let nothing be written any more, once what is being written is out, if somebody reads it."""
        self._closed = True
        if self.lock.acquire(timeout=LONGEST_WAIT_SECONDS):
            self.lock.release()
