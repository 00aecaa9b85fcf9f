"""What one pass over a list proves, and that a list has to have an end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.tap.pages import list_page
from tap_servicetitan.errors import ResponseTooLargeError, StreamError
from tap_servicetitan.replication.key_set import COMPARED_AT_ONCE, HashSet, summarize
from tap_servicetitan.replication.list_pass import (
    MAX_EXCESS_PAGES,
    MAX_IDLE_PAGES,
    PassWatch,
    by_content,
    by_key,
    read_pages,
)

if TYPE_CHECKING:
    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.replication.list_pass import PassResult


def result(*pages: ListPage) -> PassResult:
    watch = PassWatch(by_key)
    for page in pages:
        watch.add(page)
    return watch.result()


@pytest.mark.parametrize(
    "page", [list_page(3, 1, 2, total=3), list_page(1, 2), list_page(total=0), list_page(1, 1, total=2)]
)
def test_one_page_with_all_records_is_one_read(page: ListPage) -> None:
    assert result(page).is_one_read
    assert result(page).problem is None


@pytest.mark.parametrize(
    ("pages", "problem"),
    [
        ([list_page(1, 2, total=4), list_page(3, total=3)], "number of records changed"),
        ([list_page(1, 2, total=None), list_page(3, total=3)], "number of records changed"),
        ([list_page(1, 2, total=4), list_page(3, total=4)], "has 4 records, and 3 came"),
        ([list_page(1, total=2)], "has 2 records, and 1 came"),
        ([list_page(1, 2, total=4), list_page(2, 3, total=4)], "has 4 records, and 3 came"),
        ([list_page(1, 2), list_page(2, 3)], "a record came twice"),
    ],
)
def test_signs_of_a_list_that_moved(pages: list[ListPage], problem: str) -> None:
    found = result(*pages)
    assert not found.is_one_read
    assert not found.is_consistent
    assert problem in (found.problem or "")


def test_order_plays_no_part() -> None:
    assert result(list_page(3, 1, total=3), list_page(2, total=3)).is_consistent


@pytest.mark.parametrize(
    ("pages", "missing"),
    [
        ([list_page(1, 2, total=4), list_page(3, total=4)], 1),
        ([list_page(1, 2, total=9), list_page(3, total=5)], 2),
        ([list_page(1, 2, total=3), list_page(3, total=4)], 0),
        ([list_page(1, total=3)], 2),
        ([list_page(1, 1, total=2)], 0),
        ([list_page(1, 2), list_page(3)], 0),
    ],
)
def test_records_are_known_to_be_missing(pages: list[ListPage], missing: int) -> None:
    assert result(*pages).missing == missing


def test_two_passes_are_compared_without_their_order_and_repeats() -> None:
    first = result(list_page(1, 2, 3), list_page(4, 5)).found
    assert first == result(list_page(5, 4), list_page(3, 2, 1, 1)).found
    # The sums of the keys are the same.
    assert first != result(list_page(1, 2, 4), list_page(3, 6)).found
    assert result(list_page(10, 13)).found != result(list_page(11, 12)).found


def test_a_set_of_many_is_summed_up_in_parts() -> None:
    numbers = range(COMPARED_AT_ONCE * 2)
    once, twice = HashSet(), HashSet()
    once.add(numbers)
    twice.add(numbers)
    twice.add(reversed(numbers))
    assert once.summarize() == twice.summarize()
    assert once.summarize().size == len(numbers)
    assert twice.additions == 2 * len(numbers)
    assert summarize(list(numbers)) != summarize(list(numbers[1:]))


def test_records_without_a_key_are_told_apart_by_their_content() -> None:
    watch = PassWatch(by_content)
    watch.add(list_page(1, 1, contents=[b"a", b"b"], total=2))
    assert watch.result().is_consistent


def test_pages_are_asked_for_until_there_are_no_more() -> None:
    pages = {1: list_page(1, more=True), 2: list_page(2, more=True), 3: list_page(3)}
    assert [page.keys for page in read_pages(lambda number, _size, **_: pages[number])] == [[1], [2], [3]]


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_a_list_that_goes_in_circles_ends(length: int) -> None:
    asked: Counter[int] = Counter()

    def fetch(number: int, _size: int, **_: bool) -> ListPage:
        asked[number] += 1
        return list_page(number % length, more=True)

    with pytest.raises(StreamError, match="brought nothing new"):
        list(read_pages(fetch))
    assert len(asked) == length + MAX_IDLE_PAGES


def test_a_list_of_empty_pages_ends() -> None:
    with pytest.raises(StreamError, match=f"says that there is more, but {MAX_IDLE_PAGES} pages brought nothing new"):
        list(read_pages(lambda _number, _size, **_: list_page(more=True)))


def test_a_list_that_brings_ever_more_than_its_total_ends() -> None:
    with pytest.raises(StreamError, match="has no end: it says that it has 5 records, and 26 came until page 26"):
        list(read_pages(lambda number, _size, **_: list_page(number, total=5, more=True)))
    assert MAX_EXCESS_PAGES == 20


def test_a_record_that_moves_to_the_next_page_is_no_circle() -> None:
    pages = iter([list_page(1, more=True), list_page(1, more=True), list_page(2)])
    assert len(list(read_pages(lambda _number, _size, **_: next(pages)))) == 3


class LargeRecords:
    """A list of records, some of which are large: a page with more than so many of them cannot be read."""

    def __init__(self, rows: int, large: range, *, most: int, cap: int | None = None) -> None:
        self._rows, self._large, self._most, self._cap = rows, large, most, cap
        self.asked: list[tuple[int, int]] = []

    def fetch(self, number: int, size: int, **_: bool) -> ListPage:
        """Return a page."""
        self.asked.append((number, size))
        size = min(size, self._cap or size)
        keys = range((number - 1) * size, min(number * size, self._rows))
        if len(set(keys) & set(self._large)) > self._most:
            raise ResponseTooLargeError(f"page {number}", 1, is_set=True)
        return list_page(*keys, total=self._rows, more=keys.stop < self._rows)


@pytest.mark.parametrize("size", [1, 2, 5, 7, 8, 12, 100, 5000])
@pytest.mark.parametrize("large", [range(100), range(60, 63), range(99, 100), range(0)])
def test_a_page_that_is_too_large_is_read_in_smaller_ones(size: int, large: range) -> None:
    source = LargeRecords(100, large, most=1)
    keys = [key for page in read_pages(source.fetch, size) for key in page.keys]
    assert keys == list(range(100))
    assert len(source.asked) <= 120


def test_the_size_that_is_left_is_said_once_it_works() -> None:
    source = LargeRecords(100, range(100), most=20)
    said: list[tuple[int, StreamError]] = []
    keys = [key for page in read_pages(source.fetch, 80, lambda *what: said.append(what)) for key in page.keys]
    assert keys == list(range(100))
    assert [size for size, _ in said] == [20]


def test_a_record_that_is_too_large_fails_its_list() -> None:
    source = LargeRecords(100, range(42, 43), most=0)
    with pytest.raises(ResponseTooLargeError, match="page 43"):
        list(read_pages(source.fetch, 8))
    assert source.asked[-1] == (43, 1)


def test_a_list_that_cannot_be_asked_for_smaller_pages_is_asked_once() -> None:
    source = LargeRecords(100, range(100), most=0)
    with pytest.raises(ResponseTooLargeError):
        list(read_pages(source.fetch))
    assert source.asked == [(1, 1)]


def test_no_record_is_skipped_when_the_server_caps_its_pages() -> None:
    # It is not known where a smaller page would begin: the pages so far were shorter than asked for.
    source = LargeRecords(100, range(50, 60), most=1, cap=10)
    with pytest.raises(ResponseTooLargeError, match="page 6"):
        list(read_pages(source.fetch, 40))
