"""A pass over a list is complete only if nothing suggests that it has missed a record."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan.api.pages import ListPage
from tap_servicetitan.errors import StreamError
from tap_servicetitan.replication.snapshot import COMPARED_AT_ONCE, PassCheck, has_repeats, is_ascending, read_list

if TYPE_CHECKING:
    from tap_servicetitan.api.pages import Key


def page(*keys: Key, total: int | None = None, more: bool = False) -> ListPage:
    return ListPage(
        records=[], keys=list(keys), newest=None, has_more=more, total_count=total, extracted_at=datetime.now(UTC)
    )


def problem(*pages: ListPage, sorted_by_key: bool = True) -> str | None:
    check = PassCheck(sorted_by_key=sorted_by_key)
    for listed in pages:
        check.add(listed)
    return check.problem()


def test_one_page_is_one_consistent_read() -> None:
    assert problem(page(3, 1, 2, total=3)) is None
    assert problem(page(1, 2)) is None
    assert problem(page(total=0)) is None


def test_pages_that_fit_together() -> None:
    assert problem(page(1, 2, total=3), page(3, total=3)) is None
    assert problem(page("a", "b", total=3), page("c", total=3)) is None


def test_order_does_not_count_where_none_was_asked_for() -> None:
    assert problem(page(3, 1, total=3), page(2, total=3), sorted_by_key=False) is None


@pytest.mark.parametrize(
    ("pages", "text"),
    [
        ([page(1, 2, total=4), page(3, total=3)], "number of records changed"),
        ([page(1, 2, total=None), page(3, total=3)], "number of records changed"),
        ([page(1, 2), page(3)], "does not say its number of records"),
        ([page(1, 2, total=4), page(3, total=4)], "has 4 records, and 3 came"),
        ([page(1, total=2)], "has 2 records, and 1 came"),
        ([page(1, 2, total=4), page(2, 3, total=4)], "a record came twice"),
        ([page(1, 1, total=2)], "a record came twice"),
        ([page(1, 3, total=3), page(2, total=3)], "out of order"),
        ([page(2, 1, total=3), page(3, total=3)], "out of order"),
        ([page(1, "a", total=3), page(3, total=3)], "out of order"),
    ],
)
def test_signs_of_a_list_that_moved(pages: list[ListPage], text: str) -> None:
    found = problem(*pages)
    assert found
    assert text in found


def test_a_row_twice_is_noticed_without_an_order() -> None:
    assert problem(page(5, 1, total=4), page(2, 5, total=4), sorted_by_key=False) == "a record came twice"


def test_a_row_twice_is_noticed_among_many() -> None:
    many = array("q", range(COMPARED_AT_ONCE * 2, -1, -1))
    assert not has_repeats(many)
    many.append(many[0])
    assert has_repeats(many)


@pytest.mark.parametrize(
    ("last", "keys", "expected"),
    [
        (None, [], True),
        (None, [1], True),
        (5, [], True),
        (1, [2, 3], True),
        (2, [2, 3], False),
        (None, [2, 2], False),
        (None, [2, 1], False),
        ("a", ["b"], True),
        ("a", [1], False),
    ],
)
def test_is_ascending(last: Key | None, keys: list[Key], *, expected: bool) -> None:
    assert is_ascending(last, keys) is expected


def test_pages_are_asked_for_until_there_are_no_more() -> None:
    pages = {1: page(1, more=True), 2: page(2, more=True), 3: page(3)}
    assert [listed.keys for listed in read_list(pages.__getitem__)] == [[1], [2], [3]]


@pytest.mark.parametrize("endless", [page(1, more=True), page(more=True)])
def test_a_list_without_an_end(endless: ListPage) -> None:
    with pytest.raises(StreamError, match="brings nothing new"):
        list(read_list(lambda _: endless))
