"""Writes Singer messages to stdout."""

from __future__ import annotations

import sys

import msgspec
from singer_sdk.singerlib.encoding import GenericSingerWriter, SingerMessageType
from singer_sdk.singerlib.messages import Message

from plugin_runtime.compat import override

_encoder = msgspec.json.Encoder(decimal_format="number")


class MessageWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages in the order in which they come, numbers exact.

    Records may wait in the buffer. Any other message pushes out what came before it and itself: a STATE that is seen
    never runs ahead of its records, and one that is written is seen at once.
    """

    @override
    def serialize_message(self, message: Message) -> bytes:
        return _encoder.encode(message.to_dict())

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(self.format_message(message) + b"\n")
        if message.type is not SingerMessageType.RECORD:
            self.flush()

    def write_lines(self, lines: bytes) -> None:
        """Write RECORD messages that are lines already."""
        sys.stdout.buffer.write(lines)

    def flush(self) -> None:
        """Push out what waits in the buffer."""
        sys.stdout.buffer.flush()
