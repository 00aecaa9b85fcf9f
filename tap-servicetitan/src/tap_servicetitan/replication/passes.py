"""A full pass in parts, which several runs may read: where it has come to, how fast, and what is left. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from tap_servicetitan.replication.bookmark import OpenPass
from tap_servicetitan.replication.ranges import after_reading, keys_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tap_servicetitan.api.pages import KeyField
    from tap_servicetitan.replication.bookmark import Bookmark
    from tap_servicetitan.replication.ranges import Range


def in_order(keys: Iterable[KeyField]) -> list[KeyField]:
    """Return keys in the order in which a pass goes through them, whatever order the API lists them in.

    >>> in_order({"b", 2, 10, "a"})
    [2, 10, 'a', 'b']
    """
    return sorted(keys, key=lambda key: (isinstance(key, str), key))


def behind(keys: Sequence[KeyField], done_to: KeyField | None) -> Sequence[KeyField]:
    """Return those of some keys in order that come behind one; all of them if it is None.

    >>> behind([2, 10, "a"], 2), behind([2, 10, "a"], 9), behind([2], None)
    ([10, 'a'], [10, 'a'], [2])
    """
    return keys_within(keys, (done_to, None))


class Front:
    """How far a sequence is done from its beginning, if its parts get done in any order."""

    def __init__(self) -> None:
        self.count = 0
        """How many parts from the first one on are done."""
        self._ahead: set[int] = set()
        """Those that are done behind one that is not."""

    def note_done(self, number: int) -> None:
        """Note that a part is done. Parts are counted from 0 on."""
        self._ahead.add(number)
        while self.count in self._ahead:
            self._ahead.remove(self.count)
            self.count += 1


@dataclass(slots=True)
class PassMeter:
    """How far a pass has come in this run, and how long the rest takes."""

    begun: OpenPass
    """What earlier runs have done."""
    keys: Sequence[KeyField]
    """The parents whose lists no run has read, in order."""
    what: str
    """What is counted, in words."""
    clock: Callable[[], float]
    """Returns seconds that never go backwards."""
    in_gaps: Sequence[tuple[Range, Sequence[KeyField]]] = ()
    """The gaps, and the parents in each of them, in order. They come after the others."""
    started: float = field(init=False)
    done: int = 0
    """How many lists were read in this run."""
    front: Front = field(default_factory=Front)

    def __post_init__(self) -> None:
        self.started = self.clock()

    @classmethod
    def over(cls, keys: Sequence[KeyField], begun: OpenPass, what: str, clock: Callable[[], float]) -> PassMeter:
        """Return the meter of a run that goes on with a pass.

        Args:
            keys: All parents, in order.
            begun: What earlier runs have done.
            what: What is counted, in words.
            clock: Returns seconds that never go backwards.
        """
        new = [] if begun.is_read else behind(keys, begun.done_to)
        in_gaps = [(gap, keys_within(keys, gap)) for gap in begun.gaps]
        return cls(begun, new, what, clock, in_gaps)

    @property
    def is_fresh(self) -> bool:
        """Whether no other run has read anything of the pass."""
        return not self.begun.has_read

    @property
    def left(self) -> list[KeyField]:
        """The parents whose lists this run is to read, in order."""
        return [*self.keys, *chain.from_iterable(keys for _, keys in self.in_gaps)]

    def note_done(self, number: int) -> None:
        """Note that the list of a parent was read: its place among those that are left."""
        self.done += 1
        self.front.note_done(number)

    @property
    def seconds(self) -> float:
        """How long the pass has taken so far, in all runs."""
        return self.begun.seconds + self.clock() - self.started

    def read_ranges(self) -> list[Range]:
        """Return the ranges of keys that this run has read from one end to the other."""
        new = [] if self.begun.is_read else [((self.begun.done_to, None), self.keys)]
        ranges: list[Range] = []
        count = self.front.count
        for bounds, keys in [*new, *self.in_gaps]:
            if count < len(keys):
                return [*ranges, (bounds[0], keys[count - 1])] if count else ranges
            ranges.append(bounds)
            count -= len(keys)
        return ranges

    def so_far(self) -> OpenPass:
        """Return what a later run has to know to go on."""
        count = min(self.front.count, len(self.keys))
        reached = self.begun
        if reached.sweeps:
            reached = after_reading(self.begun, self.read_ranges(), is_read=count == len(self.keys))
        return replace(
            reached,
            done_to=self.keys[count - 1] if count else self.begun.done_to,
            read=self.begun.read + self.front.count,
            seconds=math.ceil(self.seconds),
        )

    def describe(self) -> str:
        """Return how far it has come, how fast, and how long the rest takes."""
        total = self.begun.read + len(self.left)
        return _describe(self.begun.read + self.done, total, self.what, self.seconds)


@dataclass(frozen=True, slots=True)
class ListsPart:
    """What one run reads of a pass over the lists of all parents."""

    keys: Sequence[KeyField]
    """All parents, in order."""
    meter: PassMeter
    bookmark: Bookmark
    """The bookmark without the pass."""
    version: int | None
    """The version of the records."""
    is_listed: bool
    """Whether these are all parents, for sure."""

    def so_far(self) -> Bookmark:
        """Return the bookmark with what has been read of the pass."""
        return replace(self.bookmark, open_pass=self.meter.so_far())


@dataclass(slots=True)
class RecordMeter:
    """How far a pass over records has come in this run."""

    position: OpenPass
    """Where the pass has come to, without the figures of this run."""
    clock: Callable[[], float]
    """Returns seconds that never go backwards."""
    begun: OpenPass = field(init=False)
    """What earlier runs have done."""
    started: float = field(init=False)
    read: int = 0
    """How many records were read in this run."""
    covered: int = 0
    """How many of them the position covers."""
    total: int | None = None
    """How many records there are, if that is known."""
    read_ranges: list[Range] = field(default_factory=list)
    """The ranges of the time of creation that this run has read."""

    def __post_init__(self) -> None:
        self.begun = self.position
        self.started = self.clock()

    def reach(self, position: OpenPass | Range) -> None:
        """Note that the pass has come to a position at which another run could go on, or has read one range more."""
        self.covered = self.read
        if isinstance(position, OpenPass):
            self.position = position
            return
        self.read_ranges.append(position)
        reached = max(str(position[1]), self.position.created_to or "")
        self.position = replace(self.position, created_to=reached)

    @property
    def seconds(self) -> float:
        """How long the pass has taken so far, in all runs."""
        return self.position.seconds + self.clock() - self.started

    def so_far(self) -> OpenPass:
        """Return what a later run has to know to go on."""
        reached = replace(self.position, read=self.position.read + self.covered, seconds=math.ceil(self.seconds))
        return replace(reached, gaps=after_reading(self.begun, self.read_ranges).gaps) if reached.sweeps else reached

    def describe(self) -> str:
        """Return how far it has come, how fast, and how long the rest takes, if the number of all records is known."""
        return _describe(self.position.read + self.read, self.total, "records", self.seconds)


def _describe(read: int, total: int | None, what: str, seconds: float) -> str:
    text = f"it has read {read} {what}" if total is None else f"it has read {read} of {total} {what}"
    if not read or seconds <= 0:
        return text
    rate = read / seconds
    more = "" if total is None else f", and needs about {in_minutes(max(0, total - read) / rate)} more"
    return f"{text}, {rate:.1f} a second{more}"


def in_minutes(seconds: float) -> str:
    """Return a time in words, always of the same form, so that an alert about it is recognized.

    >>> in_minutes(20), in_minutes(90)
    ('1 min', '2 min')
    """
    return f"{max(1, math.ceil(seconds / 60))} min"
