"""The model of what BigQuery bills, checked against figures that were worked out by hand."""

from __future__ import annotations

import dataclasses

import pytest

import billing
from billing import MIB, Group

LARGE = Group("large", 2, rows=1_000_000, row_bytes=1_000, staged=1_000)
LARGE_STAGED = dataclasses.replace(LARGE, staged=2_000)
SMALL = Group("small", 3, rows=10, row_bytes=100, staged=10)
SMALL_LIST = dataclasses.replace(SMALL, whole=True, changing=0.25)
LIST = Group("list", 1, rows=20_000, row_bytes=1_000, staged=20_000, whole=True, changing=0.5)


def test_every_table_that_a_statement_names_is_billed_for_10_mb_at_least() -> None:
    # Four runs, three streams; the comparison and the MERGE name the table. They carry the rows.
    assert billing.bytes_billed(SMALL, touched=0.1) == 4 * 3 * 2 * 10 * MIB
    assert billing.bytes_billed_new(SMALL) == 3 * 10 * MIB
    assert billing.bytes_billed_before(SMALL) == 4 * 3 * 2 * 10 * MIB


def test_a_merge_is_billed_for_the_touched_blocks_twice() -> None:
    assert billing.bytes_billed(LARGE, touched=1) == 4 * 2 * (16_000_000 + 2_000_000_000)
    assert billing.bytes_billed(LARGE, touched=0.1) == pytest.approx(4 * 2 * (16_000_000 + 200_000_000))
    assert billing.bytes_billed_before(LARGE) == 4 * 2 * 3_000_000_000


def test_rows_that_a_statement_cannot_carry_are_a_table_of_their_own() -> None:
    count = 16_000_000 + 10 * MIB
    assert (LARGE.is_inline, LARGE_STAGED.is_inline) == (True, False)
    assert (LARGE.loads, LARGE_STAGED.loads) == (0, 8)
    assert billing.bytes_billed(LARGE_STAGED, touched=1) == 4 * 2 * (count + 2_000_000_000 + 10 * MIB)
    assert billing.bytes_billed_new(LARGE_STAGED) == 2 * 2 * 10 * MIB


def test_an_unchanged_small_list_costs_nothing() -> None:
    assert billing.bytes_billed(SMALL_LIST, touched=1) == 4 * 3 * 0.25 * 2 * 10 * MIB
    assert billing.bytes_billed(dataclasses.replace(SMALL_LIST, changing=0), touched=1) == 0


def test_each_run_reads_the_log_and_the_list_of_tables_twice() -> None:
    assert billing.bytes_billed_runs(10) == 4 * 3 * 10 * MIB
    assert billing.bytes_billed_runs(1_000) == 4 * (1_000 * 4 * 45 * 400 + 2 * 10 * MIB)


def test_a_list_is_compared_in_every_run_and_merged_when_it_changed() -> None:
    assert billing.bytes_billed(LIST, touched=0.1) == 4 * (40_000_000 + 0.5 * 60_000_000)


def test_a_small_table_is_compared_too() -> None:
    seldom = dataclasses.replace(SMALL, changing=0.25)
    assert billing.bytes_billed(seldom, touched=1) == 4 * 3 * (1 + 0.25) * 10 * MIB


def test_a_run_without_rows_costs_nothing() -> None:
    idle = Group("idle", 2, rows=1_000_000, row_bytes=1_000, staged=1_000, busy=0)
    assert (billing.bytes_billed(idle, touched=1), idle.loads, billing.rows_written(idle)) == (0, 0, 0)
    assert billing.rows_written_before(idle) == 8_000_000


def test_a_tebibyte_a_day_for_a_month() -> None:
    assert billing.dollars(1 << 40) == pytest.approx(187.5)
