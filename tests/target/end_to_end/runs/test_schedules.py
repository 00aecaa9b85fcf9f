"""Two targets on one table, in any order of their calls: the table only goes forward, and STATE is true.

A schedule lets one target move from call to call. It has at most two switches to the other one and one fault at any
call: a target is killed, an answer is lost, its lease cannot be renewed until it has ended, or its clock is two minutes
wrong. `make test-long` plays all schedules of each scenario; the other tests play some that a seed draws.

`SCHEDULES_SEED=7` in the environment draws others. The text of a schedule, as a failure prints it, plays that one:

    SCHEDULE="2 switch, 9 kill after" .venv/bin/pytest tests/target/end_to_end/runs/test_schedules.py -k \
        "one and snapshots-wait-new" -s
"""

from __future__ import annotations

import dataclasses
import os
import random
from typing import TYPE_CHECKING

import pytest

from support.proxy import Proxy
from support.target.schedules.processes import ProcessActor
from support.target.schedules.scenario import SCENARIOS, Stage, explain
from support.target.schedules.schedule import draw, explore, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from servicetitan_sandbox.client.processes import BigQuery
    from support.target.schedules.scenario import Scenario
    from support.target.schedules.schedule import Option, Outcome, Point, Schedule

SEED = os.environ.get("SCHEDULES_SEED", "1")
ONE = os.environ.get("SCHEDULE")
DRAWN = 2
"""Scenarios of which a schedule is drawn."""
MET = 200
"""Schedules that are drawn to see whether they go on alike."""
MOST_SHOWN = 3
"""Broken schedules that a failure shows, of those with the fewest decisions."""

IN_PROCESSES = [pytest.param(seed, marks=pytest.mark.long) for seed in range(20)]
"""Seeds of schedules that are played with threads and with processes."""

ALL = [pytest.param(scenario, id=scenario.name) for scenario in SCENARIOS]
"""Of each all schedules are played, by `make test-long`: a thousand or so, which takes ten minutes."""


@pytest.fixture
def stage(bigquery: BigQuery, tmp_path: Path) -> Iterator[Stage]:
    """Where schedules are played."""
    with Proxy(bigquery.api_endpoint) as first, Proxy(bigquery.api_endpoint) as second:
        yield Stage(bigquery.api_endpoint, (first, second), tmp_path)


def assert_all_kept(broken: list[tuple[Scenario, Outcome]]) -> None:
    """Fail with the simplest of the schedules that broke a promise."""
    simplest = sorted(broken, key=lambda found: len(found[1].schedule))
    assert not broken, "\n\n".join(
        [f"{len(broken)} schedules broke a promise", *(explain(*found) for found in simplest[:MOST_SHOWN])]
    )


def test_some_schedules_do_no_harm(stage: Stage, record_property: Callable[[str, object], None]) -> None:
    dice = random.Random(SEED)
    broken = []
    for scenario in dice.sample(SCENARIOS, DRAWN):
        choose, made = draw(dice)
        outcome = stage.play(scenario, choose=choose)
        outcome.schedule = tuple(made)
        if outcome.violations:
            broken.append((scenario, outcome))
    record_property("schedules", DRAWN)
    record_property("runs", stage.runs)
    assert_all_kept(broken)


def test_a_target_that_knows_that_the_other_one_is_dead_goes_on_at_once(stage: Stage) -> None:
    def kill_in_merge(point: Point) -> Option | None:
        return "kill after" if point.actor == "first" and "merge" in point.label else None

    heir = next(scenario for scenario in SCENARIOS if scenario.has_heirs)
    known = stage.play(heir, choose=kill_in_merge)
    unknown = stage.play(dataclasses.replace(heir, has_heirs=False), choose=kill_in_merge)

    assert_all_kept([(heir, outcome) for outcome in (known, unknown) if outcome.violations])
    assert known.ends == {"first": None, "second": 0}, known.log
    assert unknown.ends == {"first": None, "second": 1}, unknown.log


@pytest.mark.long
@pytest.mark.timeout(20_000)
@pytest.mark.parametrize("scenario", ALL)
def test_no_schedule_does_harm(
    scenario: Scenario, stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    def play(schedule: Schedule, is_known: Callable[[Point], bool]) -> Outcome:
        return stage.play(scenario, schedule, is_known=is_known, may_combine=False)

    played, broken = 0, []
    for outcome in explore(play):
        played += 1
        if outcome.violations:
            broken.append((scenario, outcome))
    record_property("schedules", played)
    record_property("runs", stage.runs)
    assert_all_kept(broken)


@pytest.mark.long
@pytest.mark.timeout(2_000)
@pytest.mark.parametrize("scenario", ALL)
def test_schedules_that_come_to_the_same_place_go_on_alike(
    scenario: Scenario, stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    """Only one of them is played to its end."""
    dice = random.Random(SEED)
    met, rest_of = 0, dict[int, tuple[str, ...]]()
    for _ in range(MET):
        choose, made = draw(dice)
        points = stage.play(scenario, choose=choose).points
        for point in points[made[-1].point + 1 if made else 0 :]:
            rest = tuple(f"{later.actor} {later.label}" for later in points[point.number :])
            met += point.situation in rest_of
            assert rest_of.setdefault(point.situation, rest) == rest, made
    record_property("met", met)
    assert met > MET


@pytest.mark.parametrize("seed", IN_PROCESSES)
def test_targets_that_are_processes_do_the_same(seed: int, stage: Stage) -> None:
    scenario = SCENARIOS[seed % len(SCENARIOS)]
    choose, made = draw(random.Random(seed))
    threads = stage.play(scenario, choose=choose)
    threads.schedule = tuple(made)
    stage.actor = ProcessActor
    processes = stage.play(scenario, threads.schedule)

    assert processes.story() == threads.story()
    assert processes.ends == threads.ends
    assert list(map(str, processes.violations)) == list(map(str, threads.violations))


if ONE is not None:  # as text; otherwise there is no such test

    @pytest.mark.parametrize("scenario", ALL)
    def test_one_schedule_does_no_harm(scenario: Scenario, stage: Stage) -> None:
        outcome = stage.play(scenario, read(ONE or ""))
        print(explain(scenario, outcome))  # noqa: T201 - to be looked at
        assert_all_kept([(scenario, outcome)] if outcome.violations else [])
