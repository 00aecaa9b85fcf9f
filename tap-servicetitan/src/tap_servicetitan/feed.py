"""Decides where an export feed is read from, and reads it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any

from tap_servicetitan.errors import RequestRefusedError, StreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_servicetitan.pages import ExportPage

MOST_EMPTY_PAGES = 10
"""A feed that says so many times in a row that there is more, and brings nothing, is taken to have no end."""

TOKEN_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})
"""What the API answers to a `from` that it does not know (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """The bookmark of a feed.

    It is written after what it covers, so it never points past what was read. A full pass writes it only at its end:
    one that was interrupted leaves the bookmark of before and starts again, since its target has not seen all keys.
    """

    continue_from: str | None = None
    """The feed's own token, as it came."""

    newest: str | None = None
    """The latest time of change that was read: where to go on when the token is refused."""

    full_pass_at: str | None = None
    """When the last complete full pass began (UTC)."""

    @classmethod
    def parse(cls, bookmark: Mapping[str, Any]) -> FeedState:
        """Read the state of a stream, whatever else it holds."""
        return cls(**{name: bookmark.get(name) for name in cls.__slots__})

    def dump(self) -> dict[str, str]:
        """Return the state as it goes into a STATE message."""
        pairs = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in pairs.items() if value is not None}

    def after(self, page: ExportPage, now: datetime) -> FeedState:
        """Return the state once a page has been written."""
        latest = [time for time in (self.newest, page.newest) if time]
        # A record can carry a time to come, by a wrong clock. Going on from there would skip what happens until then.
        newest = min(max(latest, key=_second), now.strftime("%Y-%m-%dT%H:%M:%SZ"), key=_second) if latest else None
        return replace(self, continue_from=page.continue_from, newest=newest)


def _second(time: str) -> str:
    return time[:19]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """The tap's settings that say where a feed is read from."""

    start_date: datetime | None
    reconcile_interval: timedelta
    lookback: timedelta


def full_pass_is_due(state: FeedState, settings: FeedSettings, now: datetime) -> bool:
    """Return whether the feed should be read from its very beginning.

    With a start date it never is: such a pass would not show older records, and they would look deleted.
    """
    if settings.start_date:
        return False
    if not state.full_pass_at:
        return True
    return now - datetime.fromisoformat(state.full_pass_at) >= settings.reconcile_interval


def date_to_start_from(state: FeedState, settings: FeedSettings) -> str | None:
    """Return the day to read the feed from when there is no token to go on from, None for its beginning.

    The feed's documented form of a date is a day, so the look-back is rounded up to whole days.
    """
    if state.newest:
        return str((datetime.fromisoformat(_second(state.newest)) - settings.lookback).date())
    return str(settings.start_date.date()) if settings.start_date else None


def read_feed(fetch: Callable[[str | None], ExportPage], start: str | None) -> Iterator[ExportPage]:
    """Yield the pages of an export feed until it has nothing more for now.

    Args:
        fetch: Returns the page that follows a token or a date; None stands for the beginning.
        start: Where to begin.

    Raises:
        StreamError: If the feed has no end.
    """
    position, seen, empty_pages = start, {start}, 0
    while True:
        page = fetch(position)
        yield page
        if not page.has_more:
            return
        empty_pages = 0 if page.keys else empty_pages + 1
        position = page.continue_from
        if position in seen or empty_pages >= MOST_EMPTY_PAGES:
            raise StreamError("the export feed says that there is more, but does not move on")
        seen.add(position)


def resume_feed(
    fetch: Callable[[str | None], ExportPage],
    token: str,
    fallback: str | None,
    on_refusal: Callable[[RequestRefusedError], None],
) -> Iterator[ExportPage]:
    """Yield the pages of an export feed from a token on, or from a date when the API refuses the token.

    Args:
        fetch: Returns the page that follows a token or a date.
        token: The token of the last run.
        fallback: The date, None for the beginning.
        on_refusal: Told about the refusal.

    Raises:
        StreamError: If the feed has no end.
    """
    pages = read_feed(fetch, token)
    try:
        first = list(islice(pages, 1))
    except RequestRefusedError as error:
        if error.status not in TOKEN_REFUSED:
            raise
        on_refusal(error)
        first, pages = [], read_feed(fetch, fallback)
    yield from first
    yield from pages
