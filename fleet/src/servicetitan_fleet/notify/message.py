"""The text of a message for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from servicetitan_fleet.formatting import join_names

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from servicetitan_fleet.notify.memory import OpenTrouble
    from servicetitan_fleet.notify.place import Place

MOST_STREAMS = 20


class Event(StrEnum):
    """What a message is about."""

    OPENED = "opened"
    OVER = "over"
    NOTICE = "notice"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, before it has the form of a channel."""

    event: Event
    place: Place
    company_id: str = ""
    company_name: str = ""
    troubles: Sequence[OpenTrouble] = ()
    """One that has begun, or is only to be known, or all that are over; none in a test."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a message: a name, and a text or a link."""

    name: str
    text: str

    @property
    def is_link(self) -> bool:
        """Whether the text is an address."""
        return self.name in ("logs", "runbook") and self.text.startswith(("https://", "http://"))


def title(message: Message) -> str:
    """Return the first line of a message."""
    kinds = ", ".join(dict.fromkeys(trouble.kind.words for trouble in message.troubles))
    where = f"[{message.place.environment}] "
    if message.event is Event.OPENED:
        return f"{where}{message.company_id}: {kinds}"
    if message.event is Event.NOTICE:
        return f"{where}{message.company_id}: the source has changed its schema"
    if message.event is Event.OVER:
        return f"{where}{message.company_id}: over, up to date again (was: {kinds})"
    return f"{where}A test of the alerts: nothing is wrong"


def lines(message: Message) -> Iterator[Line]:
    """Yield the other lines of a message."""
    if message.company_name:
        yield Line("company", message.company_name)
    for trouble in message.troubles:
        yield Line("what", trouble.reason or trouble.kind.words)
        yield Line("since", format_time(trouble.since))
        if message.event in (Event.OPENED, Event.NOTICE):
            yield from _help_lines(message, trouble)
        elif trouble.over:
            yield Line("over", format_time(trouble.over))


def _help_lines(message: Message, trouble: OpenTrouble) -> Iterator[Line]:
    if trouble.streams:
        yield Line("streams", join_names(trouble.streams, MOST_STREAMS))
    if trouble.logs:
        yield Line("logs", trouble.logs)
    yield Line("runbook", message.place.runbook_link(trouble.kind))


def format_time(time: dt.datetime) -> str:
    """Return a time for people."""
    return f"{time:%Y-%m-%d %H:%M} UTC"
