"""An export feed is read to its end, which it must have, and from a date if the API refuses the token."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest

from tap_servicetitan.api.pages import ExportPage, Key
from tap_servicetitan.errors import RequestRefusedError, StreamError
from tap_servicetitan.replication.export_feed import MAX_IDLE_PAGES, read_feed, resume_feed

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)


def page(*keys: int, token: str | None = "", newest: str | None = None, more: bool = False) -> ExportPage:
    return ExportPage(
        records=[msgspec.Raw(b"{}") for _ in keys],
        keys=list(keys),
        newest=newest,
        has_more=more,
        continue_from=token,
        extracted_at=NOW,
        sent=NOW,
    )


def fetch_of(pages: dict[str | None, ExportPage]) -> Callable[[str | None], ExportPage]:
    return pages.__getitem__


def test_a_feed_is_followed_to_its_end() -> None:
    pages = {None: page(1, token="a", more=True), "a": page(2, token="b", more=True), "b": page(3, token="c")}
    assert [page.keys for page in read_feed(fetch_of(pages), None)] == [[1], [2], [3]]


def test_the_last_token_may_stay_the_same() -> None:
    assert len(list(read_feed(fetch_of({"a": page(token="a")}), "a"))) == 1


def test_the_last_page_may_have_no_token() -> None:
    pages = {None: page(1, token="a", more=True), "a": page(2, token=None)}
    assert len(list(read_feed(fetch_of(pages), None, is_pass=True))) == 2


def test_more_without_a_token_leads_nowhere() -> None:
    with pytest.raises(StreamError, match="does not say where"):
        list(read_feed(fetch_of({None: page(1, token=None, more=True)}), None))


@pytest.mark.parametrize("is_pass", [True, False])
def test_nothing_in_place_of_more_is_the_end_only_of_changes(*, is_pass: bool) -> None:
    pages = {None: page(1, token="a", more=True), "a": page(token=None)}
    read = read_feed(fetch_of(pages), None, is_pass=is_pass)
    assert [len(next(read).records), len(next(read).records)] == [1, 0]
    if is_pass:
        with pytest.raises(StreamError, match="and then had nothing"):
            next(read)
    assert list(read) == []


def test_a_feed_that_goes_in_circles() -> None:
    pages = {
        None: page(1, token="a", more=True),
        "a": page(2, token="b", more=True),
        "b": page(3, token="a", more=True),
    }
    with pytest.raises(StreamError, match="does not move on"):
        list(read_feed(fetch_of(pages), None))


def test_a_feed_that_brings_nothing_for_ever() -> None:
    asked: list[str | None] = []

    def fetch(position: str | None) -> ExportPage:
        asked.append(position)
        return page(token=str(len(asked)), more=True)

    with pytest.raises(StreamError, match="does not move on"):
        list(read_feed(fetch, None))
    assert len(asked) == MAX_IDLE_PAGES


def test_a_feed_that_repeats_itself_for_ever() -> None:
    asked: list[str | None] = []

    def fetch(position: str | None) -> ExportPage:
        asked.append(position)
        return page(len(asked) % 2, token=str(len(asked)), newest="2026-01-01T00:00:00Z", more=True)

    with pytest.raises(StreamError, match="does not move on"):
        list(read_feed(fetch, None))
    assert len(asked) == 2 + MAX_IDLE_PAGES


def test_records_that_change_again_and_again_are_news() -> None:
    def fetch(position: str | None) -> ExportPage:
        number = int(position or 0) + 1
        return page(1, token=str(number), newest=f"2026-01-01T00:00:{number:02}Z", more=number < 3 * MAX_IDLE_PAGES)

    assert len(list(read_feed(fetch, None))) == 3 * MAX_IDLE_PAGES


def resume(refused_status: int, token_pages: int = 0) -> tuple[list[list[Key]], list[int]]:
    """Resume from the token `old`, which the API refuses after some pages; the fallback date is `2026-01-01`."""
    pages: dict[str | None, ExportPage] = {"2026-01-01": page(8, token="n")}
    tokens = ["old", "t1", "t2"]
    for position in range(token_pages):
        pages[tokens[position]] = page(1, token=tokens[position + 1], more=True)
    refusals: list[int] = []

    def fetch(position: str | None) -> ExportPage:
        if position in pages:
            return pages[position]
        raise RequestRefusedError("refused", status=refused_status)

    found = resume_feed(fetch, "old", "2026-01-01", lambda error: refusals.append(error.status))
    return [list(page.keys) for page in found], refusals


@pytest.mark.parametrize("status", [400, 404])
def test_a_refused_token_falls_back_to_the_date(status: int) -> None:
    assert resume(status) == ([[8]], [status])


def test_another_refusal_is_not_about_the_token() -> None:
    with pytest.raises(RequestRefusedError):
        resume(403)


def test_a_token_that_the_feed_has_just_given_is_not_doubted() -> None:
    with pytest.raises(RequestRefusedError):
        resume(400, token_pages=1)


@pytest.mark.parametrize("is_pass", [True, False])
def test_nothing_at_the_token_of_a_run_before_is_the_end_only_of_changes(*, is_pass: bool) -> None:
    read = resume_feed(fetch_of({"a": page(token=None)}), "a", None, lambda _: None, is_pass=is_pass)
    if is_pass:
        with pytest.raises(StreamError, match="and then had nothing"):
            list(read)
    else:
        assert len(list(read)) == 1
