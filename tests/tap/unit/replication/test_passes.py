"""A full pass over many parents goes on where the last run has stopped, whatever order its lists came in."""

from __future__ import annotations

import random

from tap_servicetitan.replication.bookmark import Bookmark, OpenPass
from tap_servicetitan.replication.passes import Front, PassMeter, RecordMeter, behind, in_minutes, in_order

BEGAN = "2026-03-01T00:00:00.000+00:00"


def test_keys_of_any_kind_have_one_order() -> None:
    assert in_order({"b", 10, 2, "a"}) == [2, 10, "a", "b"]
    assert behind([2, 10, "a", "b"], None) == [2, 10, "a", "b"]
    assert behind([2, 10, "a", "b"], 2) == [10, "a", "b"]
    # The key itself may be gone by now.
    assert behind([2, 10, "a", "b"], 9) == [10, "a", "b"]
    assert behind([2, 10, "a", "b"], "a") == ["b"]


def test_the_front_never_passes_what_is_not_done() -> None:
    order = list(range(50))
    random.Random(1).shuffle(order)
    front, done = Front(), set[int]()
    for number in order:
        front.note_done(number)
        done.add(number)
        assert set(range(front.count)) <= done
        assert front.count not in done
    assert front.count == len(order)


def test_what_is_saved_covers_only_what_is_done_from_the_beginning_on() -> None:
    now = 100.0
    begun = OpenPass(began=BEGAN, done_to=7, read=3, seconds=10)
    meter = PassMeter(begun, [8, 9, 12, 15], "lists of jobs", lambda: now)
    now = 101.5
    assert meter.so_far() == OpenPass(began=BEGAN, done_to=7, read=3, seconds=12)
    meter.note_done(2)
    assert meter.so_far().done_to == 7
    meter.note_done(0)
    assert (meter.so_far().done_to, meter.so_far().read) == (8, 4)
    meter.note_done(1)
    assert (meter.so_far().done_to, meter.so_far().read) == (12, 6)


def test_what_is_read_in_ranges_goes_on_with_the_gaps() -> None:
    begun = OpenPass(began=BEGAN, done_to=20, read=9, sweeps=True, gaps=[(None, 5), (7, 8), (12, 14)])
    meter = PassMeter.over([3, 4, 6, 13, 14, 25, 30], begun, "lists of jobs", lambda: 0.0)
    assert meter.left == [25, 30, 3, 4, 13, 14]
    assert meter.read_ranges() == []
    meter.note_done(0)
    assert meter.read_ranges() == [(20, 25)]
    so_far = meter.so_far()
    assert (so_far.done_to, so_far.is_read) == (25, False)
    assert so_far.gaps == ((None, 5), (7, 8), (12, 14), (20, 25))
    meter.note_done(1)
    assert meter.read_ranges() == [(20, None)]
    assert meter.so_far().is_read
    meter.note_done(2)
    meter.note_done(4)
    assert meter.read_ranges() == [(20, None), (None, 3)]
    meter.note_done(3)
    # Nothing is left of what was between 7 and 8.
    assert meter.read_ranges() == [(20, None), (None, 5), (7, 8), (12, 13)]
    meter.note_done(5)
    assert meter.read_ranges() == [(20, None), (None, 5), (7, 8), (12, 14)]
    assert meter.so_far().gaps == ((None, 5), (7, 8), (12, 14), (20, None))


def test_a_pass_of_which_only_gaps_are_left_reads_nothing_else() -> None:
    begun = OpenPass(began=BEGAN, done_to=20, sweeps=True, gaps=[(20, None)], is_read=True)
    meter = PassMeter.over([3, 25], begun, "lists of jobs", lambda: 0.0)
    assert meter.left == [25]
    meter.note_done(0)
    assert meter.read_ranges() == [(20, None)]
    assert (meter.so_far().gaps, meter.so_far().done_to) == (((20, None),), 20)


def test_ranges_of_records_move_the_position_only_forwards() -> None:
    begun = OpenPass(began=BEGAN, created_to="2026-02", sweeps=True, gaps=[("2026-01-01", "2026-01-09")])
    meter = RecordMeter(begun, lambda: 0.0)
    meter.reach(("2026-02", "2026-03"))
    meter.reach(("2026-01-01", "2026-01-05"))
    so_far = meter.so_far()
    assert so_far.created_to == "2026-03"
    assert so_far.gaps == (("2026-01-01", "2026-01-09"), ("2026-02", "2026-03"))
    plain = RecordMeter(OpenPass(began=BEGAN), lambda: 0.0)
    plain.reach((None, "2026-03"))
    assert plain.so_far() == OpenPass(began=BEGAN, created_to="2026-03")


def test_it_says_how_fast_it_is_and_how_long_the_rest_takes() -> None:
    now = 0.0
    meter = PassMeter(OpenPass(began=BEGAN, read=100, seconds=50), list(range(900)), "lists of jobs", lambda: now)
    now = 50.0
    for number in range(100):
        meter.note_done(number)
    assert meter.describe() == "it has read 200 of 1000 lists of jobs, 2.0 a second, and needs about 7 min more"
    assert [in_minutes(seconds) for seconds in (1, 61, 9000)] == ["1 min", "2 min", "150 min"]


def test_a_pass_over_records_says_the_same_if_it_knows_their_number() -> None:
    now = 0.0
    meter = RecordMeter(OpenPass(began=BEGAN, read=100, seconds=50), lambda: now)
    now = 50.0
    meter.read = 300
    assert meter.describe() == "it has read 400 records, 4.0 a second"
    meter.total = 1000
    assert meter.describe() == "it has read 400 of 1000 records, 4.0 a second, and needs about 3 min more"
    # Only what another run need not read again is saved.
    assert meter.so_far().read == 100
    meter.reach(OpenPass(began=BEGAN, created_to="2026-02-01T00:00:00Z", read=100, seconds=50))
    meter.read = 350
    assert (meter.so_far().read, meter.so_far().seconds) == (400, 100)


def test_an_open_pass_survives_in_the_bookmark() -> None:
    for done_to in (7, "e5c5", None):
        bookmark = Bookmark(continue_from="t", pending=[1, 2], open_pass=OpenPass(began=BEGAN, done_to=done_to, read=1))
        assert Bookmark.parse(bookmark.dump()) == bookmark
    assert Bookmark(open_pass=OpenPass(began=BEGAN)).latest_time is not None
