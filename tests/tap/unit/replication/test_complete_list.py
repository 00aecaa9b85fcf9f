"""A list is read until it is proven that every record was seen."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from support.tap.pages import NOON, list_page
from tap_servicetitan.errors import MissingRecordsError
from tap_servicetitan.replication.complete_list import MAX_PASSES, CompleteListReader
from tap_servicetitan.replication.list_pass import by_content, read_pages
from tap_servicetitan.times import format_api_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.replication.complete_list import PassRequest

SECOND = timedelta(seconds=1)


class MovingList:
    """A list of numbers, in pages by row number. Each was created as many seconds before noon as it says."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)
        self.after: dict[int, Callable[[], object]] = {}
        """What happens after the request with this number, from 1 on."""
        self.requests: list[tuple[int, PassRequest]] = []
        self.problems: list[str] = []
        self.paused: list[float] = []
        self.now = NOON
        self.seconds_per_request = 1.0
        self.obeys = True
        self.hidden: set[int] = set()
        """What the filter hides although it should not."""
        self.tells_total = True
        self.most_rows: int | None = None

    def read(self, request: PassRequest) -> Iterator[ListPage]:
        """Start a pass."""
        return read_pages(lambda number, _size, **_: self._page(number, request))

    def _page(self, number: int, request: PassRequest) -> ListPage:
        self.requests.append((number, request))
        shown = self.numbers
        if request.created_before and self.obeys:
            before = request.created_before
            shown = [one for one in shown if NOON - one * SECOND < before and one not in self.hidden]
        size = request.page_size
        chosen = shown[(number - 1) * size : number * size][: self.most_rows]
        page = list_page(
            *chosen,
            total=len(shown) if self.tells_total else None,
            more=number * size < len(shown),
            created=format_api_time(NOON - min(chosen) * SECOND) if chosen else None,
            sent=self.now.replace(microsecond=0),
        )
        self.after.pop(len(self.requests), lambda: None)()
        self.now += self.seconds_per_request * SECOND
        return page

    def swap(self, gone: int, new: int) -> Callable[[], None]:
        """Return a change: one number goes, another one comes at the end."""

        def change() -> None:
            self.numbers.remove(gone)
            self.numbers.append(new)

        return change

    def pause(self, seconds: float) -> None:
        """Let time pass, unless the clock stands still."""
        self.paused.append(seconds)
        self.now += seconds * SECOND * bool(self.seconds_per_request)

    def reader(self, *, freezable: bool, page_size: int = 3) -> CompleteListReader:
        """Return a reader of the list."""
        return CompleteListReader(
            self.read,
            page_size=page_size,
            is_freezable=freezable,
            pause=self.pause,
            on_problem=lambda _, problem: self.problems.append(problem),
        )

    def seen(self, *, freezable: bool, page_size: int = 3) -> tuple[list[int], str | None]:
        """Read the list, and return what came and why it may not be all."""
        reader = self.reader(freezable=freezable, page_size=page_size)
        seen = [int(str(key)) for page in reader.pages() for key in page.keys]
        return seen, reader.problem


def test_one_page_is_read_once() -> None:
    lists = MovingList(3, 1, 2)
    assert lists.seen(freezable=True) == ([3, 1, 2], None)
    assert len(lists.requests) == 1


def test_a_frozen_list_is_read_once_and_its_first_page_twice() -> None:
    lists = MovingList(*range(7))
    assert lists.seen(freezable=True) == (list(range(7)), None)
    assert [number for number, _ in lists.requests] == [1, 1, 2, 3]
    assert {request.created_before for _, request in lists.requests[1:]} == {NOON + SECOND}
    assert lists.problems == []


def test_a_frozen_pass_waits_for_its_second() -> None:
    lists = MovingList(*range(7))
    lists.seconds_per_request = 0.3
    assert lists.seen(freezable=True) == (list(range(7)), None)
    assert lists.paused == [1.0]
    assert [number for number, _ in lists.requests] == [1, 1, 1, 2, 3]


def test_a_clock_that_stands_still_freezes_nothing() -> None:
    lists = MovingList(*range(7))
    lists.seconds_per_request = 0
    seen, problem = lists.seen(freezable=True)
    assert set(seen) == set(range(7))
    assert problem is None
    assert lists.requests[-1][1].created_before is None


@pytest.mark.parametrize("freezable", [False, True])
def test_a_record_that_goes_while_another_comes_hides_none(*, freezable: bool) -> None:
    """The total stays the same, no record comes twice, and the order fits."""
    lists = MovingList(*range(10, 0, -1))
    lists.after[2 if freezable else 1] = lists.swap(10, -100)
    seen, problem = lists.seen(freezable=freezable)
    assert problem is None
    assert set(seen) >= set(lists.numbers) - {-100 if freezable else 0}


def test_a_list_that_cannot_be_frozen_is_read_twice_but_written_once() -> None:
    lists = MovingList(*range(7))
    assert lists.seen(freezable=False) == (list(range(7)), None)
    assert [number for number, _ in lists.requests] == [1, 2, 3] * 2
    assert lists.problems == []


def test_a_list_that_tells_no_total_is_read_twice() -> None:
    lists = MovingList(*range(7))
    lists.tells_total = False
    assert lists.seen(freezable=True) == (list(range(7)), None)
    assert [number for number, _ in lists.requests] == [1, 2, 3] * 2


def test_a_filter_that_is_not_obeyed_is_not_relied_on() -> None:
    lists = MovingList(*range(7))
    lists.obeys = False
    # Created after the list was frozen, and shown all the same: it hides that 3 went out of sight.
    lists.after[2] = lists.swap(0, -60)
    seen, problem = lists.seen(freezable=True)
    assert problem is None
    assert set(seen) >= set(lists.numbers)
    assert lists.requests[-1][1].created_before is None


def test_a_filter_that_hides_old_records_is_not_relied_on() -> None:
    lists = MovingList(*range(7))
    lists.hidden = {6}
    seen, problem = lists.seen(freezable=True)
    assert problem is None
    assert set(seen) == set(range(7))


@pytest.mark.parametrize("freezable", [False, True])
def test_a_list_that_never_stops_changing_is_not_complete(*, freezable: bool) -> None:
    lists = MovingList(*range(90, 0, -1))
    for request in range(1, 200):
        lists.after[request] = partial(lists.numbers.pop, 0)
    reader = lists.reader(freezable=freezable, page_size=30)
    pages = list(reader.pages())
    assert pages
    assert reader.problem
    assert lists.problems
    assert max(number for number, _ in lists.requests) <= 3


def test_a_page_that_was_written_over_comes_again() -> None:
    """Records without a key are rows by their place, so the last pass has to win."""
    passes = iter([["0a", "1b"], ["0b", "1a"], ["0a", "1b"], ["0a", "1b"]])

    def read(_: PassRequest) -> Iterator[ListPage]:
        records = next(passes)
        for number, record in enumerate(records, 1):
            yield list_page(number, contents=[record.encode()], more=number < len(records))

    reader = CompleteListReader(
        read, page_size=1, identify=by_content, pause=lambda _: None, on_problem=lambda *_: None
    )
    rows: dict[str, str] = {}
    for page in reader.pages():
        (record,) = (bytes(raw).decode() for raw in page.records)
        rows[record[0]] = record[1]
    assert reader.problem is None
    assert rows == {"0": "a", "1": "b"}


def test_a_server_that_caps_its_pages_is_asked_for_less() -> None:
    lists = MovingList(*range(10))
    lists.most_rows = 2
    seen, problem = lists.seen(freezable=False, page_size=5)
    assert problem is None
    assert set(seen) == set(range(10))
    assert lists.requests[-1][1].page_size == 2


@pytest.mark.parametrize("freezable", [False, True])
def test_records_that_never_come_are_a_failure(*, freezable: bool) -> None:
    lists = MovingList(*range(10))
    lists.most_rows = 0
    with pytest.raises(MissingRecordsError, match=f"it has 10 records, and 0 came, on each of {MAX_PASSES} passes"):
        lists.seen(freezable=freezable, page_size=20)
