"""The model of what BigQuery bills, checked against figures that were worked out by hand."""

from __future__ import annotations

import dataclasses

import pytest

import billing
from billing import MIB, Group

LARGE = Group("large", 2, rows=1_000_000, row_bytes=1_000, staged=1_000)
SMALL = Group("small", 3, rows=10, row_bytes=100, staged=10)
LIST = Group("list", 1, rows=20_000, row_bytes=1_000, staged=20_000, whole=True, changing=0.5)


def test_every_table_that_a_statement_names_is_billed_for_10_mb_at_least() -> None:
    # Four runs, three streams; the count and the MERGE name two tables each.
    assert billing.bytes_billed(SMALL, touched=0.1) == 4 * 3 * 4 * 10 * MIB
    assert billing.bytes_billed_before(SMALL) == 4 * 3 * 2 * 10 * MIB


def test_a_merge_is_billed_for_the_touched_blocks_twice() -> None:
    count = 16_000_000 + 10 * MIB
    assert billing.bytes_billed(LARGE, touched=1) == 4 * 2 * (count + 2_000_000_000 + 10 * MIB)
    assert billing.bytes_billed(LARGE, touched=0.1) == pytest.approx(4 * 2 * (count + 200_000_000 + 10 * MIB))
    assert billing.bytes_billed_before(LARGE) == 4 * 2 * 3_000_000_000


def test_a_list_is_compared_in_every_run_and_merged_when_it_changed() -> None:
    assert billing.bytes_billed(LIST, touched=0.1) == 4 * (40_000_000 + 0.5 * 60_000_000)


def test_a_small_table_is_compared_too() -> None:
    seldom = dataclasses.replace(SMALL, changing=0.25)
    assert billing.bytes_billed(seldom, touched=1) == 4 * 3 * (2 + 0.25 * 2) * 10 * MIB


def test_a_run_without_rows_costs_nothing() -> None:
    idle = Group("idle", 2, rows=1_000_000, row_bytes=1_000, staged=1_000, busy=0)
    assert (billing.bytes_billed(idle, touched=1), idle.loads, billing.rows_written(idle)) == (0, 0, 0)
    assert billing.rows_written_before(idle) == 8_000_000


def test_a_tebibyte_a_day_for_a_month() -> None:
    assert billing.dollars(1 << 40) == pytest.approx(187.5)
