"""Nights with kills, retries, a storage in trouble, wrong clocks and a registry that changes, in virtual time."""

from __future__ import annotations

import logging

import pytest

from servicetitan_fleet.fleet import fleet as fleet_module
from support.fleet.nights.night import FakeMeltano, Night

SHORT = {0, 2, 4, 5, 9, 11, 12, 15, 16, 20, 23, 30, 31, 32, 36, 38, 41, 57, 152, 311}
"""Nights that are played in every run: in some of them each of the mistakes shows that were made on purpose."""

SEEDS = [pytest.param(seed, marks=[] if seed in SHORT else pytest.mark.long) for seed in range(400)]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_company_runs_once_at_a_time_and_nothing_is_reported_done_that_is_not(
    seed: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fleet_module, "CompanyMeltano", FakeMeltano)
    caplog.set_level(logging.CRITICAL, logger="servicetitan_fleet")
    night = Night(seed)
    night.play()
    assert not night.problems
