"""How many rows one run may mark deleted."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.audit.stream_report import EarlierMarks, MergeResult
from target_bigquery_softdelete.config.options import DeleteLimits
from target_bigquery_softdelete.load.delete_guard import DeleteGuard, LiveRows, Marks, refusal

LIMITS = DeleteLimits(fraction=0.5, rows=100)
ADVICE = (
    'If that is right, run once with `allow_mass_delete_streams` set to `["jobs"]` (`orchestrate-etl run --company ... '
    "--allow-mass-delete jobs`)."
)


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
    assert bool(refusal(LIMITS, stream="jobs", live=live, marks=Marks(missing), staged=live - missing + 1)) is refused


@pytest.mark.parametrize(("missing", "rows"), [(1, "1 live row"), (1000, "1,000 live rows")])
def test_an_empty_snapshot_is_refused_whatever_the_numbers(missing: int, rows: str) -> None:
    limits = DeleteLimits(fraction=1, rows=1_000_000)
    text = refusal(limits, stream="jobs", live=missing, marks=Marks(missing), staged=0)
    assert text == f"jobs: the snapshot is empty, but the table has {rows}. No row was marked. {ADVICE}"


def test_an_empty_snapshot_of_an_empty_table_is_fine() -> None:
    assert refusal(LIMITS, stream="jobs", live=0, marks=Marks(), staged=0) is None


def test_the_text_names_stream_numbers_and_settings() -> None:
    text = refusal(LIMITS, stream="jobs", live=1000, marks=Marks(800), staged=200)
    assert text == (
        "jobs: the snapshot would mark 800 of 1,000 live rows deleted, more than `max_delete_rows` (100) and "
        "`max_delete_fraction` (0.5) allow. "
        f"No row was marked. {ADVICE}"
    )


@pytest.mark.parametrize("staged", [0, 1])
def test_a_run_may_lift_the_limits(staged: int) -> None:
    limits = DeleteLimits(fraction=0, rows=0, lifted=True)
    assert refusal(limits, stream="jobs", live=1000, marks=Marks(1000), staged=staged) is None


@pytest.mark.parametrize(
    ("marks", "source"),
    [
        (Marks(by_record=800), "records of deletions (by 800)"),
        (Marks(missing=500, by_record=300), "the snapshot (by 500) and records of deletions (by 300)"),
        (Marks(missing=500, by_record=200, earlier=100), "the snapshot (by 500) and records of deletions (by 300)"),
    ],
)
def test_marks_of_every_kind_count(marks: Marks, source: str) -> None:
    text = refusal(LIMITS, stream="jobs", live=1000, marks=marks, staged=300)
    assert text == (
        f"jobs: {source} would mark 800 of 1,000 live rows deleted, more than `max_delete_rows` (100) and "
        f"`max_delete_fraction` (0.5) allow. No {'other ' if marks.earlier else ''}row was marked. "
        f"{ADVICE}"
    )


def test_a_merge_that_marks_nothing_is_not_refused_for_those_before() -> None:
    assert refusal(LIMITS, stream="jobs", live=1000, marks=Marks(earlier=800), staged=1) is None


def merged(guard: DeleteGuard, live: int, by_record: int) -> bool:
    """Judge a merge that marks rows by records, count it when it may, and return whether it may."""
    may_mark = guard.judge(LiveRows(live, by_record=by_record), staged=by_record)
    guard.count(MergeResult(marked=by_record if may_mark else 0))
    return may_mark


def test_all_merges_of_a_run_count_against_the_rows_before_it() -> None:
    guard = DeleteGuard("jobs", LIMITS)
    guard.count(MergeResult(inserted=150, restored=50))

    # Of the 400 live rows 200 were there before.
    assert merged(guard, 400, 60)
    assert not guard.needs_live(40)
    assert merged(guard, 340, 40)
    assert guard.needs_live(1)
    assert not merged(guard, 300, 1)
    assert guard.refusal is not None
    assert "101 of 200 live rows" in guard.refusal
    # It stays refused, without another count.
    assert not guard.needs_live(1)
    assert not merged(guard, 10_000, 1)


def test_rows_that_the_run_itself_has_brought_need_no_guard() -> None:
    guard = DeleteGuard("jobs", LIMITS)
    guard.count(MergeResult(inserted=1000))
    assert merged(guard, 1000, 900)


@pytest.mark.parametrize(
    ("live", "marks", "asks"),
    [
        (1000, 250, False),  # half of what a run may mark
        (1000, 251, True),
        (1000, 500, True),
        (20, 5, False),
        (20, 6, True),  # few, but with those of earlier runs they may be too many
    ],
)
def test_earlier_runs_count_only_for_a_run_that_marks_a_large_share(live: int, marks: int, *, asks: bool) -> None:
    for by_record in (0, marks):
        guard = DeleteGuard("jobs", LIMITS)
        assert guard.needs_earlier(LiveRows(live, by_record=by_record, missing=marks - by_record)) is asks


@pytest.mark.parametrize(
    "limits", [DeleteLimits(0.5, 100, lifted=True), DeleteLimits(0.5, 100, days=0), DeleteLimits(1, 100)]
)
def test_earlier_runs_do_not_count_where_nothing_limits_them(limits: DeleteLimits) -> None:
    assert not DeleteGuard("jobs", limits).needs_earlier(LiveRows(1000, missing=400))


@pytest.mark.parametrize(("earlier", "refused"), [(0, False), (200, False), (201, True), (1000, True)])
def test_the_marks_of_earlier_runs_count_against_the_rows_before_them(earlier: int, *, refused: bool) -> None:
    guard = DeleteGuard("jobs", LIMITS)

    # With 200 marked before, there were 800 live rows: 200 and 200 are half of them.
    may_mark = guard.judge(LiveRows(600, missing=200), staged=400, earlier=EarlierMarks(earlier))

    assert may_mark is not refused
    assert not refused or f"and {earlier:,} were marked in the last 14 days" in (guard.refusal or "")


def test_what_is_not_known_is_refused_and_said() -> None:
    guard = DeleteGuard("jobs", LIMITS)

    assert not guard.judge(LiveRows(600, missing=200), staged=400, earlier=EarlierMarks(unknown="it is gone"))

    assert guard.refusal == (
        "jobs: the snapshot would mark 200 of 600 live rows deleted, and how many were marked in the last 14 days is "
        f"not known: it is gone. No row was marked. {ADVICE}"
    )


@pytest.mark.parametrize(
    ("missing", "in_ranges", "staged", "refused"),
    [
        (100, 100, 0, False),  # an empty part, but few rows
        (101, 150, 49, True),  # most of the part, and few of the table
        (101, 300, 199, False),
        (1000, 1000, 0, True),  # all of the table
    ],
)
def test_a_part_must_keep_within_the_limits_by_itself(
    missing: int, in_ranges: int, staged: int, *, refused: bool
) -> None:
    guard = DeleteGuard("jobs", LIMITS)
    may_mark = guard.judge(LiveRows(1000, missing=missing, in_ranges=in_ranges), staged=staged)
    assert may_mark is not refused
    assert not refused or missing == in_ranges or "live rows deleted in the part that was read" in (guard.refusal or "")


def test_a_table_that_a_part_would_empty_is_refused_however_small_it_is() -> None:
    guard = DeleteGuard("jobs", LIMITS)
    assert not guard.judge(LiveRows(3, missing=3, in_ranges=3), staged=0)


def test_a_part_that_loses_a_large_share_asks_for_those_before() -> None:
    guard = DeleteGuard("jobs", LIMITS)
    assert guard.needs_earlier(LiveRows(10_000, missing=51, in_ranges=200))
    assert not guard.needs_earlier(LiveRows(10_000, missing=50, in_ranges=200))
