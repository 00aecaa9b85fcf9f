"""A bad connection to BigQuery loses no row, writes none twice and marks none wrongly, and no STATE runs ahead."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from support.proxy import Faults, Proxy, Trap
from target.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from target.harness import TargetRunner

SCENARIOS = 5
"""Of each seed: runs over one bad connection each, on the same tables."""

ONE_STREAM = (0, 3, 6)
SEEDS = [
    pytest.param(seed, id=f"seed-{seed}", marks=[] if seed in ONE_STREAM else [pytest.mark.long]) for seed in range(43)
]

BROKEN = (b"/upload/bigquery", b"MERGE `", b"COUNTIF", b'"datasetId": "bronze"', b"etl_logs", b"__2")
"""What may fail for good: loads, merges, counting, the table itself, the audit log, anything with a staging table."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_faults_do_no_harm(seed: int, target: TargetRunner, record_property: Callable[[str, object], None]) -> None:
    dice = random.Random(seed)
    world = World(seed, target, 1 + seed % 3)
    injected = 0
    for scenario in range(SCENARIOS):
        messages = world.messages()
        with Proxy(target.project.api_endpoint) as proxy:
            faults = proxy.faults = Faults(f"{seed}-{scenario}", rate=dice.choice([0.1, 0.3, 0.5]))
            if dice.random() < 0.3:
                proxy.trap(Trap(dice.choice(BROKEN), "fail", times=1000, status=dice.choice([400, 403, 503])))
            well = world.run_badly(messages, api_endpoint=proxy.url)
        injected += faults.injected.total() + sum(trap.seen for trap in proxy.traps)
        if not well:
            world.run(messages)
    assert injected
    record_property("scenarios", SCENARIOS)
    record_property("faults injected", injected)
    record_property("rows checked", world.rows_checked)
