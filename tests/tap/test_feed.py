"""Where an export feed is read from, and what is remembered of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan.errors import RequestRefusedError, StreamError
from tap_servicetitan.feed import (
    MOST_EMPTY_PAGES,
    FeedSettings,
    FeedState,
    date_to_start_from,
    full_pass_is_due,
    read_feed,
    resume_feed,
)
from tap_servicetitan.pages import ExportPage, Key

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)


def page(*keys: int, token: str = "", newest: str | None = None, more: bool = False) -> ExportPage:
    return ExportPage(records=[], keys=list(keys), newest=newest, has_more=more, continue_from=token, extracted_at=NOW)


def settings(start_date: datetime | None = None, lookback_seconds: int = 86400) -> FeedSettings:
    return FeedSettings(
        start_date=start_date,
        reconcile_interval=timedelta(days=7),
        lookback=timedelta(seconds=lookback_seconds),
    )


def test_state_survives_a_round_trip() -> None:
    state = FeedState(continue_from="abc==", newest="2026-01-01T00:00:00Z", full_pass_at="2026-01-01T00:00:00+00:00")
    assert FeedState.parse(state.dump()) == state
    assert FeedState.parse({}) == FeedState()
    assert FeedState().dump() == {}


def test_state_ignores_what_other_taps_left() -> None:
    assert FeedState.parse({"replication_key_value": "x", "continue_from": "t"}) == FeedState(continue_from="t")


def test_state_follows_what_was_read() -> None:
    state = FeedState(newest="2026-03-01T00:00:00Z", full_pass_at="2026-03-01T00:00:00+00:00")
    later = state.after(page(token="u", newest="2026-03-02T00:00:00.5Z"), NOW)
    assert later.continue_from == "u"
    assert later.newest == "2026-03-02T00:00:00.5Z"
    assert later.full_pass_at == state.full_pass_at
    assert later.after(page(token="v", newest="2026-02-01T00:00:00Z"), NOW).newest == later.newest
    assert later.after(page(token="v"), NOW).newest == later.newest


def test_state_does_not_follow_a_time_to_come() -> None:
    assert FeedState().after(page(newest="2099-01-01T00:00:00Z"), NOW).newest == "2026-03-10T06:00:00Z"


@pytest.mark.parametrize(
    ("full_pass_at", "due"),
    [
        (None, True),
        ("2026-03-03T06:00:00+00:00", True),
        ("2026-03-03T06:00:01+00:00", False),
        ("2026-03-10T05:00:00+00:00", False),
    ],
)
def test_full_pass_is_due(full_pass_at: str | None, *, due: bool) -> None:
    assert full_pass_is_due(FeedState(full_pass_at=full_pass_at), settings(), NOW) is due


def test_no_full_pass_with_a_start_date() -> None:
    assert not full_pass_is_due(FeedState(), settings(start_date=NOW), NOW)


@pytest.mark.parametrize(
    ("newest", "start_date", "lookback_seconds", "expected"),
    [
        (None, None, 0, None),
        (None, datetime(2024, 5, 6, 7, tzinfo=UTC), 0, "2024-05-06"),
        ("2026-03-02T01:00:00.1234567Z", None, 0, "2026-03-02"),
        ("2026-03-02T01:00:00Z", None, 3600, "2026-03-02"),
        ("2026-03-02T01:00:00Z", None, 3601, "2026-03-01"),
        ("2026-03-02T01:00:00Z", datetime(2024, 5, 6, tzinfo=UTC), 0, "2026-03-02"),
    ],
)
def test_date_to_start_from(
    newest: str | None, start_date: datetime | None, lookback_seconds: int, expected: str | None
) -> None:
    state = FeedState(newest=newest)
    assert date_to_start_from(state, settings(start_date, lookback_seconds)) == expected


def fetch_of(pages: dict[str | None, ExportPage]) -> Callable[[str | None], ExportPage]:
    return pages.__getitem__


def test_a_feed_is_followed_to_its_end() -> None:
    pages = {None: page(1, token="a", more=True), "a": page(2, token="b", more=True), "b": page(3, token="c")}
    assert [one.keys for one in read_feed(fetch_of(pages), None)] == [[1], [2], [3]]


def test_the_last_token_may_stay_the_same() -> None:
    assert len(list(read_feed(fetch_of({"a": page(token="a")}), "a"))) == 1


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
    assert len(asked) == MOST_EMPTY_PAGES


def resume(refused_status: int, token_pages: int = 0) -> tuple[list[list[Key]], list[int]]:
    """Resume from `old`, which is refused after some pages; the fallback date is `2026-01-01`."""
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
    return [list(one.keys) for one in found], refusals


@pytest.mark.parametrize("status", [400, 404])
def test_a_refused_token_falls_back_to_the_date(status: int) -> None:
    assert resume(status) == ([[8]], [status])


def test_another_refusal_is_not_about_the_token() -> None:
    with pytest.raises(RequestRefusedError):
        resume(403)


def test_a_token_that_the_feed_has_just_given_is_not_doubted() -> None:
    with pytest.raises(RequestRefusedError):
        resume(400, token_pages=1)
