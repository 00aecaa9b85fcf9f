"""A storage in memory whose calls take time and go wrong: they hang, fail before or after the work, or lose a write."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, TypeVar

from servicetitan_fleet.errors import ConcurrentUpdateError
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.state.storage import NOTHING, Storage, StoredObject
from servicetitan_fleet.state.storage_clock import StorageClock, StorageTime
from support.fleet.nights.world import MIDNIGHT

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from support.fleet.nights.world import Machine

Answer = TypeVar("Answer")

FAULTS = ("refuse", "refuse", "surprise", "hang", "late", "lost answer", "slow answer", "lose", "lose")


@dataclass
class Server:
    """The objects, and when the storage is in trouble.

    Attributes:
        dice: Draws latencies and faults.
        is_bucket: Whether it tells its time. Otherwise it is a folder, and all machines are one.
        trouble: Begin and end of the times in which calls go wrong, in seconds.
        fault_rate: Which part of the calls goes wrong then.
        haste: A factor of all short times.
    """

    dice: random.Random
    is_bucket: bool
    trouble: list[tuple[float, float]] = field(default_factory=list)
    fault_rate: float = 0.0
    haste: float = 1.0
    objects: dict[str, StoredObject] = field(default_factory=dict)

    def draw_fault(self, now: float) -> str:
        """Return what goes wrong with a call; nothing if empty."""
        is_bad = any(begin <= now < end for begin, end in self.trouble) and self.dice.random() < self.fault_rate
        return self.dice.choice(FAULTS) if is_bad else ""

    def read(self, name: str) -> StoredObject:
        """Return an object."""
        return self.objects.get(name, NOTHING)

    def replace(self, name: str, content: bytes, generation: int) -> int:
        """Replace an object."""
        if self.read(name).generation != generation:
            raise ConcurrentUpdateError(f"{name} was replaced since it was read")
        self.objects[name] = StoredObject(content, generation + 1)
        return generation + 1


class Link(Storage):
    """The storage as one machine sees it."""

    def __init__(self, server: Server, machine: Machine, cut: tuple[float, float] = (0.0, 0.0)) -> None:
        """Connect a machine to the storage.

        Args:
            server: The storage.
            machine: The machine.
            cut: Begin and end of a time in which its calls hang, in seconds.
        """
        self._server = server
        self._cut = cut
        self._machine = machine
        self._clock = StorageClock(machine)

    @override
    def read(self, name: str) -> StoredObject:
        return self._call(lambda: self._server.read(name), NOTHING, can_be_lost=False)

    @override
    def replace(self, name: str, content: bytes, generation: int) -> int:
        return self._call(lambda: self._server.replace(name, content, generation), generation + 1, can_be_lost=True)

    @override
    def time(self) -> StorageTime:
        now = self._machine.utc_now()
        return self._clock.time() if self._server.is_bucket else StorageTime(now, now)

    @override
    def remove_old(self, folder: str, age: dt.timedelta) -> None:
        """Do nothing."""

    @override
    def check(self) -> None:
        """Do nothing."""

    def _call(self, work: Callable[[], Answer], acknowledgement: Answer, *, can_be_lost: bool) -> Answer:
        world, dice = self._machine.world, self._server.dice
        sent = world.now
        world.sleep(dice.uniform(0.02, 1.0) * self._server.haste)
        fault = self._server.draw_fault(world.now)
        begin, end = self._cut
        if begin <= world.now < end:
            fault = dice.choice(("refuse", "late"))
            world.sleep(end - world.now)
        elif fault in ("hang", "late"):
            world.sleep(dice.uniform(30, 400))
        _fail_if(fault in ("refuse", "hang"))
        if fault == "surprise":
            raise RuntimeError("a surprise")
        result = acknowledgement if fault == "lose" and can_be_lost else work()
        date = MIDNIGHT + dt.timedelta(seconds=world.now + dice.uniform(-5, 5))
        if fault in ("lost answer", "slow answer"):
            world.sleep(dice.uniform(5, 300))
        _fail_if(fault == "lost answer")
        world.sleep(dice.uniform(0.02, 1.0) * self._server.haste)
        self._clock.note(format_datetime(date, usegmt=True), world.now - sent)
        return result


def _fail_if(is_broken: bool) -> None:  # noqa: FBT001 - a condition
    if is_broken:
        raise PluginError("cannot reach the storage")
