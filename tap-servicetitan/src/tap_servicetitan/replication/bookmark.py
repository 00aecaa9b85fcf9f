"""The state of a stream between two runs, and what to read next."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence  # noqa: TC003 - msgspec reads the types of the fields
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.api.pages import Key, KeyField
from tap_servicetitan.plugin_runtime.prepared_types import prepared
from tap_servicetitan.times import format_api_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOCK_STEP = timedelta(seconds=1)
"""How exactly the server tells its time."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Times before this day mean nothing: some records have `0001-01-01`. To read from one is to read everything."""


Gap = tuple[KeyField | None, KeyField | None]
"""The bounds of a range. None is no bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPass:
    """A full pass that has begun, and of which a part is still to be read."""

    began: str
    """When it began (UTC)."""

    done_to: KeyField | None = None
    """The lists of all parents up to this key have been read, in the order of `passes.in_order`."""

    created_to: str | None = None
    """All records of a list that were created before this moment have been read."""

    continue_from: str | None = None
    """The token up to which a feed has been read from its beginning."""

    read: int = 0
    """How many lists these were, or records."""

    seconds: int = 0
    """How long that took."""

    sweeps: bool = False
    """Whether `gaps` says what has been read and not been swept. Without it, nothing of it has been."""

    gaps: Sequence[Gap] = ()
    """The ranges that were read by runs which did not come to a proper end: what is gone from them is not known. See
    `ranges`."""

    is_read: bool = False
    """Whether everything has been read once, and only the gaps are left."""

    @property
    def position(self) -> KeyField | None:
        """Up to where everything has been read, gaps and all: a key, or a time."""
        return self.created_to if self.done_to is None else self.done_to

    @property
    def has_read(self) -> bool:
        """Whether a run has read anything of it for good."""
        return self.position is not None or self.continue_from is not None or self.is_read

    def dump(self) -> dict[str, Any]:
        """Return it for a STATE message."""
        gaps = [list(gap) for gap in self.gaps] or None
        pairs = {own.name: getattr(self, own.name) for own in fields(self)} | {"gaps": gaps}
        return {name: value for name, value in pairs.items() if value is not None and value is not False}


@prepared
@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """How far a stream has been read.

    The tap writes it after the records that it covers, so it never points past them.
    """

    continue_from: str | None = None
    """The feed's token, as it came."""

    newest: str | None = None
    """The latest time of change that was read. Lists continue from it, and feeds whose token the API refuses."""

    full_pass_at: str | None = None
    """When the last complete full pass began (UTC)."""

    first_load_at: str | None = None
    """When the first load began (UTC), while it has not come to its end."""

    first_day: str | None = None
    """The start date from which the stream has been read; None if it was read from the beginning."""

    owed: Sequence[Key] = ()
    """The parents whose lists could not be read to their end. The next run asks for them again."""

    pending: Sequence[KeyField] = ()
    """The parents that the rest of the bookmark covers, and whose lists have not been asked for yet."""

    look_back_from: str | None = None
    """The time of change from which a run has gone on without looking back. One that does so begins with it."""

    open_pass: OpenPass | None = None
    """The full pass that goes on in the next run."""

    long_pass_at: str | None = None
    """When the last full pass began (UTC) that took several runs, if that was after `full_pass_at`. It has brought
    everything that was at the source, and cannot tell what is gone."""

    long_pass_seconds: int | None = None
    """How long that took."""

    @classmethod
    def parse(cls, state: Mapping[str, Any]) -> Bookmark:
        """Read the state of a stream. Other keys are ignored.

        Raises:
            ValueError: If a value has another type than the tap wrote.
        """
        known = {own.name: state[own.name] for own in fields(cls) if state.get(own.name) is not None}
        try:
            bookmark = msgspec.convert(known, cls)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
        for moment in (*bookmark.moments, bookmark.first_day):
            if moment is not None and parse_time(moment) is None:
                raise ValueError(f"{moment!r} is no time")
        return bookmark

    def dump(self) -> dict[str, Any]:
        """Return the bookmark for a STATE message."""
        pairs = {own.name: getattr(self, own.name) for own in fields(self)}
        kept = {name: value for name, value in pairs.items() if value not in (None, (), [])}
        return kept | ({"open_pass": self.open_pass.dump()} if self.open_pass else {})

    @property
    def moments(self) -> tuple[str | None, ...]:
        """The moments in the bookmark, but for the start date, as they are written."""
        began = self.open_pass.began if self.open_pass else None
        created_to = self.open_pass.created_to if self.open_pass else None
        passes = self.full_pass_at, self.first_load_at, self.long_pass_at
        return self.newest, self.look_back_from, *passes, began, created_to

    @property
    def has_begun(self) -> bool:
        """Whether the stream has been read before, as far as the bookmark says."""
        return bool(self.continue_from or self.newest or self.full_pass_at)

    @property
    def is_first_load(self) -> bool:
        """Whether nothing proves that every record has come once. Then there is none that could be missing by now."""
        return self.full_pass_at is None and self.long_pass_at is None

    @property
    def misses_deletions(self) -> bool:
        """Whether the last full pass took several runs, and so did not show which records are gone."""
        return self.long_pass_at is not None

    @property
    def latest_time(self) -> datetime | None:
        """The latest moment in the bookmark. None of them can be later than the run that wrote it."""
        moments = map(parse_time, self.moments)
        return max((moment for moment in moments if moment), default=None)

    def after(self, newest: str | None, limit: datetime) -> Bookmark:
        """Return the bookmark after records have been written.

        Args:
            newest: The latest time of change among them.
            limit: The time that the bookmark must not pass (UTC). A wrong clock may put a record into the future, and a
                record that changed while the others were read may have been missed.
        """
        moment, before = parse_time(newest), parse_time(self.newest)
        if moment is None or (before and moment <= before):
            return self
        return replace(self, newest=newest if moment <= limit else format_api_time(limit))


@dataclass(frozen=True, slots=True, kw_only=True)
class PassSettings:
    """The settings that decide where to read a stream from."""

    start_date: datetime | None
    reconcile_interval: timedelta
    lookback: timedelta
    phase: float | None = None
    """Where the stream's own moments for full passes are, from 0 to 1, as `phase_of` returns it. None for no moments of
    its own: each pass comes an interval after the last one."""


def full_pass_is_due(bookmark: Bookmark, settings: PassSettings, now: datetime) -> bool:
    """Return whether to read every record.

    At the latest when the last pass is an interval old. But streams that were first loaded together would then be read
    in full together, for ever. So a stream has its own moments, half an interval from each other, and a pass is
    due at the first of them that comes half an interval or more after the last one: once sooner, then each interval.

    None begins with a start date: such a pass would not show older records, and they would look deleted. But one that
    is open goes on to its end: the bookmark may cover changes that only the rest of it brings.
    """
    if bookmark.open_pass:
        return True
    if settings.start_date:
        return False
    began = parse_time(bookmark.long_pass_at or bookmark.full_pass_at)
    interval = settings.reconcile_interval
    if began is None or now - began >= interval - CLOCK_STEP:
        return True
    if settings.phase is None:
        return False
    half = interval / 2
    last_moment = now - (now - EARLIEST - settings.phase * half) % half
    return last_moment - began >= half


def phase_of(tenant_id: str, stream: str) -> float:
    """Return where in an interval a stream has its full passes: from 0 to 1, always the same, and spread evenly."""
    digest = hashlib.blake2b(f"{tenant_id}/{stream}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def read_from(bookmark: Bookmark, settings: PassSettings) -> datetime | None:
    """Return the time of change to read from (UTC), or None for the beginning."""
    newest = parse_time(bookmark.look_back_from or bookmark.newest)
    if newest is None:
        return settings.start_date
    return newest.replace(microsecond=0) - settings.lookback if newest - EARLIEST > settings.lookback else None


def starts_earlier(bookmark: Bookmark, settings: PassSettings) -> bool:
    """Return whether the start date was moved back or taken away: then older records have never been read."""
    before = parse_time(bookmark.first_day)
    return before is not None and (settings.start_date is None or settings.start_date < before)


def gives_up_first_load(bookmark: Bookmark, settings: PassSettings) -> bool:
    """Return whether a start date was set during a first load of everything: no pass brings its rest any more.

    Such a bookmark has the time when the load began, although older changes have not been read.
    """
    is_unfinished = bookmark.has_begun and bookmark.is_first_load
    return is_unfinished and bookmark.first_day is None and settings.start_date is not None
