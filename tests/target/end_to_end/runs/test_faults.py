"""A bad connection to BigQuery loses no row, writes none twice and marks none wrongly, and no STATE runs ahead."""

from __future__ import annotations

import datetime as dt
import random
import signal
from typing import TYPE_CHECKING

import pytest

from support.proxy import Faults, Proxy, Trap
from support.target.harness import HastyTarget
from support.target.world import World, take_tables_for_large
from target_bigquery_softdelete.bigquery.lease import LeaseTimes

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.target.harness import TargetRunner

SCENARIOS = 5
"""For each seed, the number of runs on the same tables, each over a bad connection."""

SHORT = (0,)
SEEDS = [pytest.param(seed, id=f"seed-{seed}", marks=[] if seed in SHORT else [pytest.mark.long]) for seed in range(43)]

BROKEN = (b"/upload/bigquery", b"MERGE `", b"COUNTIF", b'"datasetId": "bronze"', b"etl_logs", b"__2")
"""Requests that may fail for good: loads, merges, counting, the table, the audit log, any about a staging table."""


EXTRAS: tuple[tuple[str, ...], ...] = ((), ("history", "batches"), ("quarantine", "lease"), ("mapped",))
"""Further settings of the seeds, in turn. The seeds 0, 3, 6 and 9, with one stream each, get different ones."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_faults_do_no_harm(
    seed: int, target: TargetRunner, record_property: Callable[[str, object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    target.plugin = HastyTarget
    extras = EXTRAS[seed // 3 % len(EXTRAS)]
    world = World(seed, target, 1 + seed % 3, extras)
    take_tables_for_large(monkeypatch, seed)
    lifetime, margin = dt.timedelta(seconds=4), dt.timedelta(seconds=1)
    times = LeaseTimes(lifetime=lifetime, margin=margin, renewal_seconds=0.3, poll_seconds=0.2)
    monkeypatch.setattr(HastyTarget, "lease_times", times)
    injected = 0
    for scenario in range(SCENARIOS):
        messages = world.messages()
        with Proxy(target.project.api_endpoint) as proxy:
            faults = proxy.faults = Faults(f"{seed}-{scenario}", rate=dice.choice([0.1, 0.3, 0.5]))
            if dice.random() < 0.3:
                proxy.trap(Trap(dice.choice(BROKEN), "fail", times=1000, status=dice.choice([400, 403, 503])))
            concurrent = "wait" if "lease" in extras else "allow"
            well = world.run_badly(messages, api_endpoint=proxy.url, on_concurrent_run=concurrent)
        injected += faults.injected.total() + sum(trap.seen for trap in proxy.traps)
        if not well:
            world.run(messages)
    messages = world.messages()
    number = dice.choice([signal.SIGKILL, signal.SIGTERM])
    request = dice.randrange(10 + 8 * len(world.sources))
    well = world.run_stopped(messages, number, request, after=dice.random() < 0.5)
    world.run(messages)
    assert injected
    record_property("scenarios", SCENARIOS + 1)
    record_property("faults injected", injected)
    record_property("stops", int(not well))
    record_property("rows checked", world.rows_checked)
