"""The state of a stream between two runs, and what to read next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_servicetitan.replication.times import format_api_time, truncate_to_second

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """How far a stream has been read.

    The tap writes it after the records that it covers, so it never points past them. A full pass writes it only at its
    end: an interrupted one keeps the old bookmark and starts again, because the target has not seen all keys.
    """

    continue_from: str | None = None
    """The feed's token, as it came."""

    newest: str | None = None
    """The latest time of change that was read. Lists continue from it, and feeds whose token the API refuses."""

    full_pass_at: str | None = None
    """When the last complete full pass began (UTC)."""

    @classmethod
    def parse(cls, state: Mapping[str, Any]) -> Bookmark:
        """Read the state of a stream. Other keys are ignored."""
        return cls(**{name: state.get(name) for name in cls.__slots__})

    def dump(self) -> dict[str, str]:
        """Return the bookmark for a STATE message."""
        pairs = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in pairs.items() if value is not None}

    def after(self, newest: str | None, limit: datetime) -> Bookmark:
        """Return the bookmark after records have been written.

        Args:
            newest: The latest time of change among them.
            limit: The time that the bookmark must not pass (UTC). A wrong clock may put a record into the future, and a
                record that changed while the others were read may have been missed.
        """
        latest = [time for time in (self.newest, newest) if time]
        if not latest:
            return self
        return replace(
            self, newest=min(max(latest, key=truncate_to_second), format_api_time(limit), key=truncate_to_second)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PassSettings:
    """The settings that decide where to read a stream from."""

    start_date: datetime | None
    reconcile_interval: timedelta
    lookback: timedelta


def full_pass_is_due(bookmark: Bookmark, settings: PassSettings, now: datetime) -> bool:
    """Return whether to read every record.

    Never with a start date: such a pass would not show older records, and they would look deleted.
    """
    if settings.start_date:
        return False
    if not bookmark.full_pass_at:
        return True
    return now - datetime.fromisoformat(bookmark.full_pass_at) >= settings.reconcile_interval


def read_from(bookmark: Bookmark, settings: PassSettings) -> datetime | None:
    """Return the time of change to read from, or None for the beginning. It is UTC, with or without a time zone."""
    if bookmark.newest:
        return datetime.fromisoformat(truncate_to_second(bookmark.newest)) - settings.lookback
    return settings.start_date
