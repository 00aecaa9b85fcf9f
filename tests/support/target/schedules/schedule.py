"""Schedules: which target moves when, and what goes wrong. Plays one, and finds the next ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args, override

from support.target.schedules import calls
from support.target.schedules.simulation import (
    CALL_SECONDS,
    CLOCK_JUMP,
    FIRST_CALL,
    LONG_SECONDS,
    Actor,
    Fate,
    Nap,
    World,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Hashable, Iterator, Sequence

    from support.target.schedules.checker import Violation

Switch = Literal["switch", "long switch"]
"""The other target moves from now on. In a long switch this one stands still until its lease has expired."""

Fault = Literal["kill before", "kill after", "lose answer", "fail renewals", "clock forward", "clock back"]

Option = Switch | Fault

CLOCK: tuple[Fault, Fault] = ("clock forward", "clock back")

MOST_SWITCHES = 2
_MOST_STEPS = 500


@dataclass(frozen=True)
class Decision:
    """What the scheduler does at a point, other than to let the call go."""

    point: int
    option: Option

    @override
    def __str__(self) -> str:
        return f"{self.point} {self.option}"


Schedule = tuple[Decision, ...]


def written(schedule: Schedule) -> str:
    """Return a schedule as text."""
    return ", ".join(map(str, schedule)) or "one after the other"


def read(text: str) -> Schedule:
    """Return the schedule that a text describes."""
    parts = [part.strip().partition(" ") for part in text.split(",") if part.strip()[:1].isdigit()]
    return tuple(Decision(int(number), _option(option)) for number, _, option in parts)


def _option(text: str) -> Option:
    for options in get_args(Option):
        for option in get_args(options):
            if option == text:
                return option  # type: ignore[no-any-return]
    raise ValueError(f"no such option: {text}")


@dataclass(frozen=True)
class Point:
    """A call that is held, and what may be done there besides letting it go."""

    number: int
    actor: str
    label: str
    options: tuple[Option, ...]
    situation: int
    """Equal for two points from which everything goes on in the same way."""
    clock_reads: int = 0
    """How often the target has read its clock before."""


@dataclass
class Outcome:
    """What became of a schedule."""

    schedule: Schedule
    points: list[Point]
    ends: dict[str, int | None]
    """The exit code of each target."""
    violations: list[Violation]
    is_cut: bool = False
    """Whether it ended early, at a point from which another schedule went on."""
    log: str = field(repr=False, default="")

    def story(self) -> str:
        """Return the calls, one in a line, with what was decided at each."""
        decided: dict[int, list[str]] = {}
        for decision in self.schedule:
            decided.setdefault(decision.point, []).append(decision.option)
        return "\n".join(
            f"{point.number:3} {point.actor:6} {point.label:28} {', '.join(decided.get(point.number, []))}".rstrip()
            for point in self.points
        )


class Player:
    """Plays a schedule: lets one target move at a time."""

    def __init__(
        self,
        world: World,
        actors: tuple[Actor, Actor],
        choose: Callable[[Point], Option | None],
        is_known: Callable[[Point], bool] = lambda _: False,
        *,
        may_combine: bool = True,
    ) -> None:
        """Prepare a play.

        Args:
            world: What the targets share.
            actors: The target that begins, and reads an older version of the source; and the other one, which begins
                when it moves for the first time.
            choose: Decides at each point.
            is_known: Returns whether it is known how it goes on from a point. Then the play ends there.
            may_combine: Whether a long switch, in which renewals are missed, may come beside a fault.
        """
        self.points: list[Point] = []
        self.is_cut = False
        """Whether it ended early, because it is known how it goes on."""
        self._world = world
        self._actors = actors
        self._choose = choose
        self._is_known = is_known
        self._may_combine = may_combine
        self._switches = 0
        self._has_failed = False

    def play(self) -> None:
        """Let both targets run to their ends."""
        current: Actor | None = self._actors[0]
        for _ in range(_MOST_STEPS):
            current = current and self._to_call(current)
            if current is None:
                return
            option = self._decide(current)
            if self.points and self._is_known(self.points[-1]):
                self.points.pop()
                self.is_cut = True
                break
            current = self._apply(current, option)
        else:
            names = " and ".join(actor.name for actor in self._actors if not actor.has_ended)
            self._world.checker.report("a run does not end", f"{names} after {_MOST_STEPS} steps")
        for actor in self._actors:
            actor.kill()

    def play_alone(self, version: int) -> None:
        """Let the first target read a version, and run to its end."""
        actor = self._actors[0]
        actor.begin(version)
        while not actor.has_ended:
            if self._to_call(actor) is actor:
                self._pass(actor)

    def _other(self, actor: Actor) -> Actor:
        return self._actors[1] if actor is self._actors[0] else self._actors[0]

    # Who moves.

    def _to_call(self, actor: Actor) -> Actor | None:
        """Let targets move until one is at a call, and return it; none if both have ended."""
        while not actor.call:
            other = self._other(actor)
            actor.is_frozen = False
            if actor.has_ended:
                if other.has_ended:
                    return None
                actor = other
            elif not actor.has_begun:
                self._begin(actor)
            elif actor.is_joining or actor.was_disturbed or not self._can_move(other):
                self._await(actor)
            else:
                actor = other
        actor.is_frozen = False
        return actor

    def _await(self, actor: Actor) -> None:
        """Let time pass until a target moves that the other one cannot help."""
        other = self._other(actor)
        if actor.is_joining:
            self._let_pass(min(nap.until for nap in actor.background_naps) - self._world.now)
        else:
            self._oversleep(actor, LONG_SECONDS if other.is_dead or other.is_frozen else 0)

    @staticmethod
    def _can_move(other: Actor) -> bool:
        return bool(other.has_begun and other.call and not other.is_frozen)

    def _oversleep(self, actor: Actor, seconds: float) -> None:
        """Let time pass until a target wakes up, or longer."""
        assert actor.nap
        self._let_pass(max(actor.nap.until - self._world.now, seconds))
        actor.wake_up()

    # What happens at a call.

    def _decide(self, actor: Actor) -> Option | None:
        assert actor.call
        return self._ask(actor, actor.call.label, self._options(actor))

    def _ask(self, actor: Actor, label: str, options: tuple[Option, ...]) -> Option | None:
        point = Point(len(self.points), actor.name, label, options, self._situation(actor), actor.clock_reads)
        self.points.append(point)
        return self._choose(point) if options else None

    def _begin(self, actor: Actor) -> None:
        """Let a target begin, with a clock that may be wrong from the start."""
        option = self._ask(actor, "begin", () if self._has_failed else CLOCK)
        if option:
            self._has_failed = True
            actor.clock_error = CLOCK_JUMP if option == "clock forward" else -CLOCK_JUMP
        actor.begin(1 + self._actors.index(actor))

    def _options(self, actor: Actor) -> tuple[Option, ...]:
        assert actor.call
        other = self._other(actor)
        is_shared = actor.call.resource is not None or actor.call.label == FIRST_CALL
        options: list[Option] = []
        if is_shared and self._switches < MOST_SWITCHES and not other.has_ended:
            if not other.nap or other.nap.until <= self._world.now:
                options.append("switch")
            if actor.may_hold and (self._may_combine or not self._has_failed):
                options.append("long switch")
        if not self._has_failed and (is_shared or not self._switches):
            options += [*CLOCK, *self._faults(actor, is_shared=is_shared)]
        return tuple(options)

    @staticmethod
    def _faults(actor: Actor, *, is_shared: bool) -> list[Option]:
        """Return the faults that differ from one at another call: of a read it matters only when it happens."""
        assert actor.call
        if calls.is_read(actor.call.request):
            return ["kill before"] if actor.call.label == FIRST_CALL else []
        faults: list[Option] = ["kill after", "lose answer"]
        if is_shared and actor.may_hold:
            faults.append("fail renewals")
        return faults

    def _apply(self, actor: Actor, option: Option | None) -> Actor:
        """Do what was decided, and return the target that moves next."""
        match option:
            case "switch" | "long switch":
                return self._switch(actor, is_long=option == "long switch")
            case None:
                self._pass(actor)
            case fault:
                self._has_failed = True
                self._fail(actor, fault)
        return actor

    def _fail(self, actor: Actor, fault: Fault) -> None:
        assert actor.call
        if actor.call.resource is None and fault not in CLOCK:
            self._switches = MOST_SWITCHES  # no other target notices that call: it is the same at the next
        if fault in CLOCK:
            actor.clock_error = CLOCK_JUMP if fault == "clock forward" else -CLOCK_JUMP
        elif fault == "fail renewals":
            actor.is_failing = True
            self._let_pass(LONG_SECONDS)
            actor.is_failing = False
        else:
            self._pass(actor, fault)

    def _switch(self, actor: Actor, *, is_long: bool) -> Actor:
        other = self._other(actor)
        self._switches += 1
        actor.is_frozen = is_long
        self._has_failed |= is_long and not self._may_combine
        # A target that waits for the lease lets the time pass by itself, once it has begun.
        if is_long and (other.has_begun or other.refuses):
            self._let_pass(LONG_SECONDS)
        if not other.has_begun:
            self._begin(other)
        elif other.nap:
            self._oversleep(other, 0)
        return other

    def _pass(self, actor: Actor, fault: Fault | None = None) -> None:
        fates: dict[Fault | None, Fate] = {"kill before": "drop", "lose answer": "lose"}
        actor.let_go(fates.get(fault, "pass"), then_killed=fault in {"kill before", "kill after"})
        self._let_pass(CALL_SECONDS)

    # How time passes.

    def _let_pass(self, seconds: float) -> None:
        """Let time pass, and renewals happen when they are due, except those of a target that stands still."""
        end = self._world.now + seconds
        while (due := self._next_renewal()) and due[1].until <= end:
            self._world.now = max(self._world.now, due[1].until)
            due[0].renew(due[1])
        self._world.now = end

    def _next_renewal(self) -> tuple[Actor, Nap] | None:
        naps = [(actor, nap) for actor in self._actors if not actor.is_frozen for nap in actor.background_naps]
        return min(naps, key=lambda pair: pair[1].until, default=None)

    def _situation(self, actor: Actor) -> int:
        # Without a fault so far it matters whether there was a switch, and with one how many there may still be.
        may_switch = not self._other(actor).has_ended
        switches = self._switches if may_switch or not self._has_failed else MOST_SWITCHES
        parts: list[Hashable] = [actor.name, switches, self._has_failed, self._world.state()]
        for each in self._actors:
            parts += [each.has_begun, each.has_ended, each.is_dead, each.is_frozen]
            if not each.has_ended:  # what it knew matters to nobody any more
                parts += [tuple(each.trail), each.clock_error, bool(each.nap), each.call and each.call.label]
                parts.append(int(self._world.now - each.lease_written) // 60 if each.may_hold else 0)
        return hash(tuple(parts))


def follow(schedule: Schedule) -> Callable[[Point], Option | None]:
    """Return a way to decide that follows a schedule."""
    left = {decision.point: decision.option for decision in schedule}
    return lambda point: left.get(point.number)


Play = Callable[[Schedule, Callable[[Point], bool]], Outcome]
"""Plays a schedule until its end, or until a point from which it is known how it goes on."""


def explore(play: Play) -> Iterator[Outcome]:
    """Play all schedules, each until it goes on as one that was played before."""
    seen: set[int] = set()
    tried: set[tuple[int, Option]] = set()
    left: list[Schedule] = [()]
    while left:
        schedule = left.pop()
        first = schedule[-1].point + 1 if schedule else 0
        outcome = play(schedule, _is_known(seen, first))
        yield outcome
        points = outcome.points[first:]
        seen |= {point.situation for point in points}
        for decision, point in _next(points):
            if (point.situation, decision.option) not in tried:
                tried.add((point.situation, decision.option))
                left.append((*schedule, decision))


def _is_known(seen: set[int], first: int) -> Callable[[Point], bool]:
    return lambda point: point.number >= first and point.situation in seen


def _next(points: Sequence[Point]) -> Iterator[tuple[Decision, Point]]:
    """Return what may be decided at some points, except jumps of a clock that is not read before the next point."""
    reads: dict[str, int] = {}
    for point in reversed(points):
        has_read = reads.get(point.actor, -1) != point.clock_reads
        for option in point.options:
            if option not in CLOCK or has_read:
                yield Decision(point.number, option), point
        if point.options and set(CLOCK) <= set(point.options):
            reads[point.actor] = point.clock_reads


def draw(dice: random.Random) -> tuple[Callable[[Point], Option | None], list[Decision]]:
    """Return a way to decide at random, and the list of the decisions that it makes."""
    made: list[Decision] = []

    def choose(point: Point) -> Option | None:
        if dice.random() > 0.12:
            return None
        option = dice.choice(point.options)
        made.append(Decision(point.number, option))
        return option

    return choose, made
