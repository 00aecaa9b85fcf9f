"""Tells which streams the tap has read to their ends. Pure.

The end of the input proves nothing: a tap that crashes ends in the same way. A tap says in one of two ways that it is
done with a stream:

- tap-servicetitan says it in so many words, in a STATE message: `"x-read": {"jobs": {"status": "complete"}}`. The
  status is one of `ReadStatus`, with a `reason` unless it is `complete`. `unknown_fields` lists fields that the source
  sends and the stream's schema lacks. Other targets ignore that member of the message. The keyword `x-tells-end` at the
  root of a stream's schema announces it, so that silence is no success.
- Any other tap says it by a STATE message after the stream's last record, which covers all records before it, or by
  ACTIVATE_VERSION after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

READ_MEMBER = "x-read"
"""Member of a STATE message with which a tap says how reading its streams ended."""

TELLS_END_PROPERTY = "x-tells-end"
"""Property of the schema in a SCHEMA message with which a tap says that it will say so for this stream."""

_SILENCE = "the tap ended without saying that it had read the stream to its end"
_NO_STATE = "the input ended without a STATE or ACTIVATE_VERSION message after the last record of the stream"


class ReadStatus(StrEnum):
    """How reading a stream ended. The later ones are worse."""

    COMPLETE = "complete"
    SKIPPED = "skipped"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


_ORDER = tuple(ReadStatus)


@dataclass(frozen=True)
class ReadEnd:
    """How reading a stream ended, and why it was not complete."""

    status: ReadStatus
    reason: str = ""
    unknown_fields: tuple[str, ...] = ()
    """Fields that the source sends and the schema lacks."""


COMPLETE = ReadEnd(ReadStatus.COMPLETE)


class ReadEnds:
    """Collects what the messages say about the ends of their streams."""

    def __init__(self) -> None:
        self._said: dict[str, ReadEnd] = {}
        self._telling: set[str] = set()
        """Streams for which the tap has announced to say how they ended."""
        self._open: set[str] = set()
        """Streams with messages that no STATE and no ACTIVATE_VERSION has followed."""

    def note_schema(self, stream: str, schema: object) -> None:
        """Note a SCHEMA message."""
        if isinstance(schema, dict) and schema.get(TELLS_END_PROPERTY) is True:
            self._telling.add(stream)
        self.note_record(stream)

    def note_record(self, stream: str) -> None:
        """Note a message with records: the stream goes on."""
        self._said.pop(stream, None)
        self._open.add(stream)

    def note_activation(self, stream: str) -> None:
        """Note an ACTIVATE_VERSION message."""
        self._open.discard(stream)

    def note_state(self, read: object = None) -> None:
        """Note a STATE message.

        Args:
            read: Its member `x-read`, if it has one. What is not as described above is ignored.
        """
        self._open.clear()
        for stream, said in read.items() if isinstance(read, dict) else ():
            if (end := _parse(said)) is not None:
                self._said[stream] = end

    def of(self, stream: str) -> ReadEnd:
        """Return how reading a stream ended."""
        if stream in self._said:
            return self._said[stream]
        if stream in self._telling:
            return ReadEnd(ReadStatus.INCOMPLETE, _SILENCE)
        return ReadEnd(ReadStatus.INCOMPLETE, _NO_STATE) if stream in self._open else COMPLETE

    def worst_of(self, streams: Iterable[str]) -> ReadEnd:
        """Return how reading the worst of some streams ended."""
        return max(map(self.of, sorted(streams)), key=lambda end: _ORDER.index(end.status), default=COMPLETE)

    def said(self) -> Mapping[str, ReadEnd]:
        """Return what the tap has said, by stream: also of streams without a SCHEMA message."""
        return self._said


def _parse(said: object) -> ReadEnd | None:
    if not isinstance(said, dict) or said.get("status") not in _ORDER:
        return None
    status = ReadStatus(said["status"])
    fields = said.get("unknown_fields")
    return ReadEnd(
        status,
        "" if status is ReadStatus.COMPLETE else str(said.get("reason") or ""),
        tuple(filter(_is_text, fields)) if isinstance(fields, list) else (),
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)
