"""The ranges of a pass in parts: nothing counts as swept that was not, and nothing is left that was."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan.replication.bookmark import Bookmark, OpenPass
from tap_servicetitan.replication.ranges import (
    MOST_GAPS,
    after_reading,
    after_sweeping,
    around,
    fit_to,
    keys_within,
    ranges_left,
    thin_out,
    unite,
    without,
)

if TYPE_CHECKING:
    from tap_servicetitan.replication.ranges import Range

BEGAN = "2026-03-01T00:00:00.000+00:00"
LINE = range(-1, 32)
"""The keys that are tried: a few more than ranges have bounds."""


def keys_in(ranges: list[Range]) -> set[int | str]:
    return {key for each in ranges for key in keys_within(LINE, each)}


def draw(dice: random.Random) -> list[Range]:
    """Return some ranges, in any order, that may overlap, be empty, or have no bound."""
    drawn: list[Range] = []
    for _ in range(dice.randint(0, 5)):
        low, high = sorted(dice.randint(0, 30) for _ in range(2))
        drawn.append((None if dice.random() < 0.1 else low, None if dice.random() < 0.1 else high))
    return drawn


@pytest.mark.parametrize("seed", range(200))
def test_they_are_sets(seed: int) -> None:
    dice = random.Random(seed)
    some, others = draw(dice), draw(dice)
    assert keys_in(unite(some)) == keys_in(some)
    assert keys_in(without(some, others)) == keys_in(some) - keys_in(others)
    for ranges in (unite(some), without(some, others)):
        bounds = [bound for each in ranges for bound in each]
        assert None not in bounds[1:-1]
        numbers = [bound for bound in bounds if isinstance(bound, int)]
        assert numbers == sorted(set(numbers))  # no two touch, and none is empty


def test_texts_have_ranges_as_numbers_have() -> None:
    assert unite([("b", "c"), (None, "b")]) == [(None, "c")]
    assert without([("a", None)], [("b", "c")]) == [("a", "b"), ("c", None)]
    assert keys_within([1, "a", "aa", "b", "c"], ("a", "b")) == ["aa", "b"]
    assert keys_within([1, 2, "a"], (1, None)) == [2, "a"]
    assert keys_within([1, 2, "a"], (None, 1)) == [1]


@pytest.mark.parametrize("most", [1, 2, 3, 10])
def test_neighbours_become_one_if_there_are_too_many(most: int) -> None:
    ranges: list[Range] = [(3 * number, 3 * number + 1) for number in range(11)]
    thinned = thin_out(ranges, most)
    assert 0 < len(thinned) <= most
    assert keys_in(ranges) <= keys_in(list(thinned))
    assert thin_out(ranges, 11) == tuple(ranges)
    assert thin_out([], most) == ()


def test_the_range_of_a_key_begins_behind_the_one_before() -> None:
    keys = [2, 5, 9]
    assert [around(keys, key) for key in (2, 5, 9)] == [(None, 2), (2, 5), (5, 9)]
    assert [around(keys, key) for key in (1, 7, 10)] == [(None, 1), (5, 7), (9, 10)]


def opened(**values: object) -> OpenPass:
    return OpenPass(began=BEGAN, sweeps=True, **values)  # type: ignore[arg-type]


def test_a_pass_reads_what_is_new_and_then_its_gaps() -> None:
    assert ranges_left(opened()) == [(None, None)]
    assert ranges_left(opened(done_to=9, gaps=[(2, 3), (5, 9)])) == [(9, None), (2, 3), (5, 9)]
    assert ranges_left(opened(done_to=9, gaps=[(2, 3)], is_read=True)) == [(2, 3)]
    assert ranges_left(opened(created_to="2026")) == [("2026", None)]


def test_what_was_read_and_not_swept_is_a_gap() -> None:
    read = after_reading(opened(done_to=4, gaps=[(1, 2)]), [(4, 9)])
    assert read.gaps == ((1, 2), (4, 9))
    # A gap that was read once more stays one.
    assert after_reading(read, [(1, 2)]).gaps == read.gaps
    assert after_sweeping(read, [(4, 9)]).gaps == ((1, 2),)
    assert after_sweeping(read, [(4, 6), (7, 9)]).gaps == ((1, 2), (6, 7))
    assert after_sweeping(read, [(None, None)]).gaps == ()


def test_parts_that_are_not_swept_never_grow_beyond_their_number() -> None:
    read = after_reading(opened(), [(3 * number, 3 * number + 1) for number in range(5 * MOST_GAPS)])
    assert len(read.gaps) <= MOST_GAPS


def test_what_a_run_has_read_that_sweeps_nothing_is_all_one_gap() -> None:
    swept = opened(done_to=9, gaps=[(2, 3)], is_read=True)
    other = fit_to(swept, sweeps=False)
    assert (other.sweeps, other.gaps, other.is_read) == (False, (), True)
    again = fit_to(other, sweeps=True)
    assert (again.gaps, again.is_read) == (((None, 9),), False)
    assert fit_to(swept, sweeps=True) == swept
    # Such is one that an earlier version has begun.
    assert fit_to(OpenPass(began=BEGAN, created_to="2026"), sweeps=True).gaps == ((None, "2026"),)
    assert fit_to(OpenPass(began=BEGAN), sweeps=True).gaps == ()


@pytest.mark.parametrize("gaps", [[(None, 3), (5, None)], [("2025", "2026")], []])
def test_gaps_survive_in_the_bookmark(gaps: list[Range]) -> None:
    bookmark = Bookmark(open_pass=opened(done_to=7, gaps=gaps, is_read=True))
    dumped = bookmark.dump()
    assert ("gaps" in dumped["open_pass"]) is bool(gaps)
    found = Bookmark.parse(dumped).open_pass
    assert found is not None
    assert (list(map(tuple, found.gaps)), found.sweeps, found.is_read, found.done_to) == (gaps, True, True, 7)


@pytest.mark.parametrize("gaps", [[[1]], [[1, 2, 3]], [1], "ab", [[1.5, 2]]])
def test_gaps_that_are_none_make_no_bookmark(gaps: object) -> None:
    with pytest.raises(ValueError, match=r"gaps|Expected"):
        Bookmark.parse({"open_pass": {"began": BEGAN, "done_to": 3, "gaps": gaps}})


@pytest.mark.parametrize("seed", range(100))
def test_however_runs_end_a_pass_is_over_when_all_was_swept(seed: int) -> None:
    """Runs read some of what is left; some of them are killed, and sweep nothing of it."""
    dice = random.Random(seed)
    begun, swept = opened(), set[int | str]()
    for _ in range(300):
        left = ranges_left(begun)
        if not left:
            break
        read: list[Range] = []
        for low, high in left:
            stop = dice.randint(0, 30)
            if dice.random() < 0.5 and keys_within([stop], (low, high)):
                read.append((low, stop))
                break
            read.append((low, high))
        is_read = begun.is_read or any(high is None for _, high in read)
        new = without(read, [] if begun.position is None else [(None, begun.position)]) if not begun.is_read else []
        done_to = new[-1][1] if new and isinstance(new[-1][1], int) else begun.done_to
        after = OpenPass(
            began=BEGAN, sweeps=True, gaps=after_reading(begun, read).gaps, is_read=is_read, done_to=done_to
        )
        if dice.random() < 0.5:
            swept |= keys_in(read)
            after = after_sweeping(after, read)
        assert keys_in(ranges_left(after)) == set(LINE) - swept
        begun = after
    assert swept == set(LINE)
