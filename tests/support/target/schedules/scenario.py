"""The small runs whose schedules are played: what two targets read, and what they find."""

from __future__ import annotations

import logging
import random
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from google.cloud import bigquery

from servicetitan_sandbox.client.bigquery_control import set_conditions
from servicetitan_sandbox.client.bigquery_project import Project
from support.target.schedules import source
from support.target.schedules.checker import Checker
from support.target.schedules.schedule import Outcome, Player, follow, written
from support.target.schedules.simulation import AHEAD, LONG_SECONDS, Actor, World
from support.target.schedules.source import STREAM
from support.target.schedules.virtual_time import simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from pathlib import Path

    from support.proxy import Proxy
    from support.target.schedules.schedule import Option, Point, Schedule
    from support.target.schedules.source import Reading, Values


@dataclass(frozen=True)
class Scenario:
    """A pair of small runs."""

    name: str
    readings: tuple[Reading, Reading]
    """What the first and the second target read."""
    mode: str
    """Their setting `on_concurrent_run`."""
    exists: bool
    """Whether the table exists, with version 0 of the source."""
    history: tuple[Values, ...] = source.PLAIN
    has_heirs: bool = False
    """Whether a target that begins after another one was killed knows that it is dead."""


SCENARIOS = (
    Scenario("snapshots-refuse", ("snapshot", "snapshot"), "refuse", exists=True),
    Scenario("snapshots-refuse-new", ("snapshot", "snapshot"), "refuse", exists=False),
    Scenario("snapshots-wait", ("snapshot", "snapshot"), "wait", exists=True),
    Scenario("snapshots-wait-new", ("snapshot", "snapshot"), "wait", exists=False),
    Scenario("changes-refuse-new", ("changes", "changes"), "refuse", exists=False),
    Scenario("changes-wait", ("changes", "changes"), "wait", exists=True),
    Scenario("snapshot-and-changes-wait", ("snapshot", "changes"), "wait", exists=True),
    Scenario("changes-and-snapshot-refuse", ("changes", "snapshot"), "refuse", exists=True),
    Scenario("there-and-back-snapshots", ("snapshot", "snapshot"), "wait", exists=True, history=source.THERE_AND_BACK),
    Scenario("there-and-back-changes", ("changes", "changes"), "wait", exists=True, history=source.THERE_AND_BACK),
    Scenario(
        "there-and-back-heir",
        ("snapshot", "snapshot"),
        "refuse",
        exists=True,
        history=source.THERE_AND_BACK,
        has_heirs=True,
    ),
)


_PACE = 1e9
"""How much faster time passes for BigQuery's limits."""


class Stage:
    """Where schedules are played: a server, two proxies in front of it, and a table to begin with."""

    actor = Actor
    """What the targets are: threads, unless a test says otherwise."""

    def __init__(self, api_endpoint: str, proxies: tuple[Proxy, Proxy], folder: Path) -> None:
        self._api_endpoint = api_endpoint
        self._proxies = proxies
        self._folder = folder
        self._settled: set[Hashable] = set()
        self._templates: dict[str, Project] = {}
        self.runs = 0
        """Runs of a target so far."""

    def play(
        self,
        scenario: Scenario,
        schedule: Schedule = (),
        *,
        choose: Callable[[Point], Option | None] | None = None,
        is_known: Callable[[Point], bool] = lambda _: False,
        may_combine: bool = True,
    ) -> Outcome:
        """Play a schedule, and then one run alone. Return what became of it.

        Args:
            scenario: The runs.
            schedule: The schedule.
            choose: Decides in place of a schedule.
            is_known: Returns whether it is known how it goes on from a point. Then the play ends there.
            may_combine: Whether a long switch may come beside a fault.
        """
        project = Project(self._api_endpoint)
        # Limits count by the clock of the machine, on which two minutes of a schedule are some milliseconds.
        set_conditions(self._api_endpoint, project.name, pace=_PACE)
        checker = Checker(scenario.history, {})
        world = World(project, scenario.history, checker, self._folder, scenario.mode, scenario.has_heirs)
        random.seed(1)  # for the pauses between retries
        with _removed_files(), simulated():
            logging.root.handlers.clear()
            if scenario.exists:
                self._begin_with_rows(world)
            first, second = (
                self.actor(world, name, proxy, reading)
                for name, proxy, reading in zip(("first", "second"), self._proxies, scenario.readings, strict=True)
            )
            player = Player(world, (first, second), choose or follow(schedule), is_known, may_combine=may_combine)
            player.play()
            if not player.is_cut:
                self._run_alone(world, scenario)
        project.delete()  # the emulator is slower the more it has
        project.client.close()  # type: ignore[no-untyped-call]
        for proxy in self._proxies:
            proxy.end_connections()
        self.runs += first.has_begun + second.has_begun
        ends = {actor.name: None if actor.is_dead else actor.code for actor in (first, second)}
        # Each run adds a handler of its own, so lines come more than once.
        log = "\n".join(dict.fromkeys(f"{first.errors}\n{second.errors}".splitlines()))
        return Outcome(schedule, player.points, ends, world.checker.violations, player.is_cut, log)

    def _begin_with_rows(self, world: World) -> None:
        """Make the table as a run made it that read version 0."""
        if str(world.history) not in self._templates:
            self._templates[str(world.history)] = self._make_template(world.history)
        template = self._templates[str(world.history)]
        for name in ("bronze", "staging", "management"):
            world.project.client.create_dataset(name)
        made = template.client.get_table(f"{template.name}.bronze.{STREAM}").to_api_repr()
        table = bigquery.Table(f"{world.project.name}.bronze.{STREAM}")
        kept = ("schema", "labels", "clustering", "description")
        copy = {**table.to_api_repr(), **{name: made[name] for name in kept if name in made}}
        world.project.client.create_table(bigquery.Table.from_api_repr(copy))
        world.project.query(f"INSERT INTO `{table.reference}` SELECT * FROM `{template.name}.bronze.{STREAM}`")
        world.bookmark = 0
        world.checker.see_write(world.rows(), "nobody")

    def _make_template(self, history: tuple[Values, ...]) -> Project:
        world = World(Project(self._api_endpoint), history, Checker(history, {}), self._folder, "refuse")
        world.start -= AHEAD
        actor = Actor(world, "zeroth", self._proxies[0], "snapshot")
        Player(world, (actor, actor), lambda _: None).play_alone(0)
        assert actor.code == 0, actor.errors
        return world.project

    def _run_alone(self, world: World, scenario: Scenario) -> None:
        """Let one more run follow, of which the last version is read, unless the situation is known to end right."""
        rows = tuple(sorted(world.checker.rows.items()))
        situation = (scenario.name, rows, world.bookmark, frozenset(world.events), bool(world.lease))
        if situation in self._settled:
            return
        world.now += 2 * LONG_SECONDS
        actor = Actor(world, "next", self._proxies[0], scenario.readings[1])
        Player(world, (actor, actor), lambda _: None).play_alone(len(scenario.history) - 1)
        self.runs += 1
        if actor.code != 0:
            world.checker.report("the next run alone fails", actor.errors)
        world.checker.see_end(world.rows())
        self._settled.add(situation)


@contextmanager
def _removed_files() -> Iterator[None]:
    """Remove all temporary files at the end: those of a killed target stay until its process ends: this one."""
    with (
        tempfile.TemporaryDirectory(prefix="schedule-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(tempfile, "tempdir", folder)
        patch.setenv("TMPDIR", folder)  # for targets that are processes
        yield


def explain(scenario: Scenario, outcome: Outcome) -> str:
    """Return all about a schedule that broke a promise."""
    broken = "\n".join(map(str, outcome.violations))
    return f"{scenario.name}: {written(outcome.schedule)}\n{broken}\n{outcome.story()}\n{outcome.log}"
