"""Random tenants that change while the tap reads them: no live record looks deleted, and nothing is lost.

Each seed is a scenario: a tenant with habits of the real API, two to five streams of different kinds, three to six
runs of the tap with unrest, faults and damaged states. At the end come two runs on a quiet tenant, the second in full,
after which the tables must hold what the source holds. Some scenarios also go through the target into the local
BigQuery.

`RANDOM_CHANGES_SEED=7` in the environment runs one seed instead (or several: `7,8`), `-k source` without the target:

    RANDOM_CHANGES_SEED=7 .venv/bin/pytest tests/tap/end_to_end/runs/test_random_changes.py -k source

Streams that are read at the same time mix their requests differently each time, so a rare failure needs repetitions.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.client.bigquery_project import Project
from support.tap.pipe import PipedWorld
from support.tap.world import World
from tap_servicetitan.api import retry
from tap_servicetitan.replication import complete_list
from tap_servicetitan.streams import full_pass

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servicetitan_sandbox.client.processes import BigQuery, ServiceTitan
    from support.tap.harness import Sync

ONLY = os.environ.get("RANDOM_CHANGES_SEED")


def _seeds(first: int, short: int, long: int) -> list[Any]:
    """Return some seeds for the short mode, and more for the long mode; or those that were asked for."""
    if ONLY:
        return [int(seed) for seed in ONLY.split(",")]
    more = range(first + short, first + short + long)
    return [*range(first, first + short), *(pytest.param(seed, marks=pytest.mark.long) for seed in more)]


@pytest.fixture(autouse=True)
def _prepare(monkeypatch: pytest.MonkeyPatch, servicetitan: ServiceTitan, seed: int) -> None:
    """Let the tap retry as often as it does, but sooner, save on the way all the time, and keep the log short.

    Every other tenant's lists are long enough to be read in parts, if they have two pages.
    """
    servicetitan.control.clear_requests()
    monkeypatch.setattr(retry, "FIRST_DELAY_SECONDS", 0.005)
    monkeypatch.setattr(full_pass, "SAVE_SECONDS", 0)
    if seed % 2:
        monkeypatch.setattr(complete_list, "MAX_WINDOW_PAGES", 1)


@pytest.mark.parametrize("seed", _seeds(1, 8, 1004))
def test_tables_become_the_source_and_no_live_row_is_marked(
    seed: int, servicetitan: ServiceTitan, sync: Sync, record_property: Callable[[str, object], None]
) -> None:
    world = World(seed, servicetitan, sync)
    world.play()
    world.settle()

    record_property("scenarios", 1)
    record_property("runs", world.runs)
    record_property("rows marked", world.marked)


@pytest.mark.parametrize("seed", _seeds(2001, 2, 98))
def test_the_target_makes_the_same_tables(  # noqa: PLR0913, PLR0917 - the servers and the fixtures
    seed: int,
    servicetitan: ServiceTitan,
    bigquery: BigQuery,
    sync: Sync,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    world = PipedWorld(seed, servicetitan, sync, Project(bigquery.api_endpoint), tmp_path)
    world.play(1, 3)
    world.settle()

    record_property("scenarios with the target", 1)
    record_property("runs with the target", world.runs)
    record_property("rows checked", world.rows_checked)
