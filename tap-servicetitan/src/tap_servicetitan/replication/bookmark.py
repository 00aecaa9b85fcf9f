"""What the tap remembers of a stream between two runs, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """How far a stream has been read.

    It is written after what it covers, so it never points past what was read. A full pass writes it only at its end:
    one that was interrupted leaves the bookmark of before and starts again, since its target has not seen all keys.
    """

    continue_from: str | None = None
    """A feed's own token, as it came."""

    newest: str | None = None
    """The latest time of change that was read: where a list goes on, and a feed whose token is refused."""

    full_pass_at: str | None = None
    """When the last complete full pass began (UTC)."""

    @classmethod
    def parse(cls, state: Mapping[str, Any]) -> Bookmark:
        """Read the state of a stream, whatever else it holds."""
        return cls(**{name: state.get(name) for name in cls.__slots__})

    def dump(self) -> dict[str, str]:
        """Return the bookmark as it goes into a STATE message."""
        pairs = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in pairs.items() if value is not None}

    def after(self, newest: str | None, limit: datetime) -> Bookmark:
        """Return the bookmark once records have been written.

        Args:
            newest: The latest time of change among them.
            limit: The time that the bookmark must not pass (UTC): a record can carry a time to come, by a wrong clock,
                and one that changed while the others were read may have been missed.
        """
        latest = [time for time in (self.newest, newest) if time]
        if not latest:
            return self
        return replace(self, newest=min(max(latest, key=second), text_of(limit), key=second))


def second(time: str) -> str:
    """Return one of the API's times without its fraction: they come with and without, and differ in digits."""
    return time[:19]


def text_of(time: datetime) -> str:
    """Return a time (UTC) as the API writes and takes it, cut to a second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class PassSettings:
    """The tap's settings that say where a stream is read from."""

    start_date: datetime | None
    reconcile_interval: timedelta
    lookback: timedelta


def full_pass_is_due(bookmark: Bookmark, settings: PassSettings, now: datetime) -> bool:
    """Return whether every record should be read.

    With a start date never: such a pass would not show older records, and they would look deleted.
    """
    if settings.start_date:
        return False
    if not bookmark.full_pass_at:
        return True
    return now - datetime.fromisoformat(bookmark.full_pass_at) >= settings.reconcile_interval


def read_from(bookmark: Bookmark, settings: PassSettings) -> datetime | None:
    """Return the time of change to read from, None for the beginning. It is UTC, with or without saying so."""
    if bookmark.newest:
        return datetime.fromisoformat(second(bookmark.newest)) - settings.lookback
    return settings.start_date
