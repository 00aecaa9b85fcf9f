"""How many rows one snapshot may mark deleted."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.config.options import DeleteLimits
from target_bigquery_softdelete.load.delete_guard import refusal

LIMITS = DeleteLimits(fraction=0.5, rows=100)


@pytest.mark.parametrize(
    ("live", "missing", "refused"),
    [
        (1000, 0, False),
        (1000, 500, False),  # exactly the share
        (1000, 501, True),
        (110, 100, False),  # exactly the number, and more than the share
        (110, 101, True),
        (10, 9, False),  # nearly all of a small table
        (100_000, 101, False),  # more than the number, but a small share
        (100_000, 50_001, True),
        (0, 0, False),
    ],
)
def test_both_limits_must_be_passed(live: int, missing: int, *, refused: bool) -> None:
    assert bool(refusal(LIMITS, stream="jobs", live=live, missing=missing, staged=live - missing + 1)) is refused


@pytest.mark.parametrize("missing", [1, 1000])
def test_an_empty_snapshot_is_refused_whatever_the_numbers(missing: int) -> None:
    limits = DeleteLimits(fraction=1, rows=1_000_000)
    text = refusal(limits, stream="jobs", live=missing, missing=missing, staged=0)
    assert text == (
        f"jobs: the snapshot is empty, but the table has {missing} live rows. "
        "No row was marked. If that is right, run once with `allow_mass_delete` set to true."
    )


def test_an_empty_snapshot_of_an_empty_table_is_fine() -> None:
    assert refusal(LIMITS, stream="jobs", live=0, missing=0, staged=0) is None


def test_the_text_names_stream_numbers_and_settings() -> None:
    text = refusal(LIMITS, stream="jobs", live=1000, missing=800, staged=200)
    assert text == (
        "jobs: the snapshot would mark 800 of 1000 live rows deleted, more than `max_delete_rows` (100) and "
        "`max_delete_fraction` (0.5) allow. "
        "No row was marked. If that is right, run once with `allow_mass_delete` set to true."
    )


@pytest.mark.parametrize("staged", [0, 1])
def test_a_run_may_lift_the_limits(staged: int) -> None:
    limits = DeleteLimits(fraction=0, rows=0, lifted=True)
    assert refusal(limits, stream="jobs", live=1000, missing=1000, staged=staged) is None
