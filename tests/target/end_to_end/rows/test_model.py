"""After random scenarios the tables are those of a plain model of the contract, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.target.world import World, take_tables_for_large

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.target.harness import TargetRunner

SHORT = [pytest.param(1, 4, 1, id="seed-1")]
LONG = [pytest.param(seed, 8, 3, id=f"seed-{seed}", marks=pytest.mark.long) for seed in range(2, 10)]
"""Seed, streams, and runs of the tap. Each stream of each seed is a scenario."""

WAYS = [
    pytest.param((), id="fast"),
    pytest.param(("mapped",), id="ordinary", marks=pytest.mark.long),
]
"""How records pass through the target."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("extras", WAYS)
@pytest.mark.parametrize(("seed", "streams", "rounds"), SHORT + LONG)
def test_tables_are_those_of_the_model(  # noqa: PLR0913, PLR0917 - the scenario and the fixtures
    seed: int,
    streams: int,
    rounds: int,
    extras: tuple[str, ...],
    target: TargetRunner,
    record_property: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_tables_for_large(monkeypatch, seed)
    world = World(seed, target, streams, extras)
    for _ in range(rounds):
        messages = world.messages()
        if world.dice.random() < 0.3:  # the tap dies on the way, and is run again
            world.run(messages[: world.dice.randrange(len(messages))])
        world.run(messages)
    world.run(messages)  # the same once more
    record_property("scenarios", streams * rounds)
    record_property("rows checked", world.rows_checked)
