"""A full pass in parts, which several runs may read: where it has come to, how fast, and what is left. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tap_servicetitan.api.pages import KeyField
    from tap_servicetitan.replication.bookmark import OpenPass


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
    if done_to is None:
        return keys
    place = (isinstance(done_to, str), done_to)
    return [key for key in keys if (isinstance(key, str), key) > place]


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
    """The parents whose lists are left, in order."""
    what: str
    """What is counted, in words."""
    clock: Callable[[], float]
    """Returns seconds that never go backwards."""
    started: float = field(init=False)
    done: int = 0
    """How many lists were read in this run."""
    front: Front = field(default_factory=Front)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def note_done(self, number: int) -> None:
        """Note that the list of a parent was read: its place among the keys."""
        self.done += 1
        self.front.note_done(number)

    @property
    def seconds(self) -> float:
        """How long the pass has taken so far, in all runs."""
        return self.begun.seconds + self.clock() - self.started

    def so_far(self) -> OpenPass:
        """Return what a later run has to know to go on."""
        count = self.front.count
        return replace(
            self.begun,
            done_to=self.keys[count - 1] if count else self.begun.done_to,
            read=self.begun.read + count,
            seconds=math.ceil(self.seconds),
        )

    def describe(self) -> str:
        """Return how far it has come, how fast, and how long the rest takes."""
        total = self.begun.read + len(self.keys)
        return _describe(self.begun.read + self.done, total, self.what, self.seconds)


@dataclass(slots=True)
class RecordMeter:
    """How far a pass over records has come in this run."""

    position: OpenPass
    """Where the pass has come to, without the figures of this run."""
    clock: Callable[[], float]
    """Returns seconds that never go backwards."""
    started: float = field(init=False)
    read: int = 0
    """How many records were read in this run."""
    covered: int = 0
    """How many of them the position covers."""
    total: int | None = None
    """How many records there are, if that is known."""

    def __post_init__(self) -> None:
        self.started = self.clock()

    def reach(self, position: OpenPass) -> None:
        """Note that the pass has come to a position at which another run could go on."""
        self.position, self.covered = position, self.read

    @property
    def seconds(self) -> float:
        """How long the pass has taken so far, in all runs."""
        return self.position.seconds + self.clock() - self.started

    def so_far(self) -> OpenPass:
        """Return what a later run has to know to go on."""
        return replace(self.position, read=self.position.read + self.covered, seconds=math.ceil(self.seconds))

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
