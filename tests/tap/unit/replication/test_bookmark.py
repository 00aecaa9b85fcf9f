"""The bookmark of a stream, and where the next run reads from."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tap_servicetitan.replication.bookmark import (
    Bookmark,
    OpenPass,
    PassSettings,
    full_pass_is_due,
    gives_up_first_load,
    phase_of,
    read_from,
    starts_earlier,
)
from tap_servicetitan.times import format_api_time

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)


def settings(start_date: datetime | None = None, lookback_seconds: int = 86400) -> PassSettings:
    return PassSettings(
        start_date=start_date,
        reconcile_interval=timedelta(days=7),
        lookback=timedelta(seconds=lookback_seconds),
    )


def test_state_survives_a_round_trip() -> None:
    state = Bookmark(continue_from="abc==", newest="2026-01-01T00:00:00Z", full_pass_at="2026-01-01T00:00:00+00:00")
    assert Bookmark.parse(state.dump()) == state
    assert Bookmark.parse({}) == Bookmark()
    assert Bookmark().dump() == {}


def test_state_ignores_what_other_taps_left() -> None:
    assert Bookmark.parse({"replication_key_value": "x", "continue_from": "t"}) == Bookmark(continue_from="t")


def test_state_follows_what_was_read() -> None:
    state = Bookmark(newest="2026-03-01T00:00:00Z", full_pass_at="2026-03-01T00:00:00+00:00")
    later = state.after("2026-03-02T00:00:00.5Z", NOW)
    assert later.newest == "2026-03-02T00:00:00.5Z"
    assert later.full_pass_at == state.full_pass_at
    assert later.after("2026-02-01T00:00:00Z", NOW) == later
    assert later.after(None, NOW) == later
    assert Bookmark().after(None, NOW) == Bookmark()


def test_state_does_not_follow_a_time_to_come() -> None:
    assert Bookmark().after("2099-01-01T00:00:00Z", NOW).newest == "2026-03-10T06:00:00Z"


def test_times_with_an_offset_are_moments() -> None:
    earlier, later = "2026-03-02T01:00:00+05:00", "2026-03-01T22:00:00Z"
    assert Bookmark(newest=earlier).after(later, NOW).newest == later
    assert Bookmark(newest=later).after(earlier, NOW).newest == later


@pytest.mark.parametrize("time", ["soon", "", None])
def test_what_is_no_time_does_not_lead_the_bookmark(time: str | None) -> None:
    assert Bookmark(newest="2026-03-01T00:00:00Z").after(time, NOW) == Bookmark(newest="2026-03-01T00:00:00Z")


@pytest.mark.parametrize(
    ("first_day", "start_date", "earlier"),
    [
        (None, None, False),
        (None, NOW, False),
        ("2026-03-10T06:00:00.000+00:00", NOW, False),
        ("2026-03-10T06:00:00.000+00:00", datetime(2026, 3, 11, tzinfo=UTC), False),
        ("2026-03-10T06:00:00.000+00:00", datetime(2026, 3, 9, tzinfo=UTC), True),
        ("2026-03-10T06:00:00.000+00:00", None, True),
    ],
)
def test_a_start_date_that_is_moved_back(first_day: str | None, start_date: datetime | None, *, earlier: bool) -> None:
    assert starts_earlier(Bookmark(first_day=first_day), settings(start_date)) is earlier


@pytest.mark.parametrize(
    ("full_pass_at", "due"),
    [
        (None, True),
        ("2026-03-03T06:00:00+00:00", True),
        # The server tells its time to the second.
        ("2026-03-03T06:00:01+00:00", True),
        ("2026-03-03T06:00:02+00:00", False),
        ("2026-03-10T05:00:00+00:00", False),
    ],
)
def test_full_pass_is_due(full_pass_at: str | None, *, due: bool) -> None:
    assert full_pass_is_due(Bookmark(full_pass_at=full_pass_at), settings(), NOW) is due


def test_streams_that_were_loaded_together_do_not_come_due_together() -> None:
    first = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
    runs = [first + number * timedelta(hours=6) for number in range(1, 4 * 7 * 4)]
    second: Counter[datetime] = Counter()
    for number in range(155):
        own = replace(settings(), phase=phase_of("1001", f"stream_{number}"))
        passes = [first]
        for now in runs:
            if full_pass_is_due(Bookmark(full_pass_at=passes[-1].isoformat()), own, now):
                passes.append(now)
        gaps = [later - before for before, later in pairwise(passes)]
        assert timedelta(days=3.5) <= gaps[0] <= timedelta(days=7)
        assert all(timedelta(days=6.5) <= gap <= timedelta(days=7) for gap in gaps[1:])
        second[passes[1]] += 1
    # Three and a half days have 14 runs.
    assert len(second) >= 14
    assert max(second.values()) <= 155 / 14 * 2.5


def test_no_full_pass_with_a_start_date() -> None:
    assert not full_pass_is_due(Bookmark(), settings(start_date=NOW), NOW)


@pytest.mark.parametrize(
    ("newest", "start_date", "lookback_seconds", "expected"),
    [
        (None, None, 0, None),
        (None, datetime(2024, 5, 6, 7, tzinfo=UTC), 0, "2024-05-06T07:00:00Z"),
        ("2026-03-02T01:00:00.1234567Z", None, 0, "2026-03-02T01:00:00Z"),
        ("2026-03-02T01:00:00", None, 3600, "2026-03-02T00:00:00Z"),
        ("2026-03-02T01:00:00Z", datetime(2024, 5, 6, tzinfo=UTC), 3601, "2026-03-01T23:59:59Z"),
        ("2026-03-02T01:00:00+05:00", None, 0, "2026-03-01T20:00:00Z"),
        ("0001-01-01T00:00:00Z", None, 0, None),
        ("0001-01-01T00:00:00+02:00", None, 86400, None),
    ],
)
def test_read_from(
    newest: str | None, start_date: datetime | None, lookback_seconds: int, expected: str | None
) -> None:
    since = read_from(Bookmark(newest=newest), settings(start_date, lookback_seconds))
    assert (since and format_api_time(since)) == expected


@pytest.mark.parametrize(
    ("bookmark", "start_date", "gives_up"),
    [
        (Bookmark(newest="2026-03-01T00:00:00Z"), NOW, True),
        (Bookmark(newest="2026-03-01T00:00:00Z"), None, False),
        (Bookmark(newest="2026-03-01T00:00:00Z", first_day="2026-01-01T00:00:00+00:00"), NOW, False),
        (Bookmark(newest="2026-03-01T00:00:00Z", full_pass_at="2026-03-01T00:00:00+00:00"), NOW, False),
        (Bookmark(newest="2026-03-01T00:00:00Z", long_pass_at="2026-03-01T00:00:00+00:00"), NOW, False),
        (Bookmark(), NOW, False),
    ],
)
def test_a_start_date_gives_up_a_first_load_of_everything(
    bookmark: Bookmark,
    start_date: datetime | None,
    gives_up: bool,  # noqa: FBT001 - the expected value
) -> None:
    assert gives_up_first_load(bookmark, settings(start_date)) is gives_up


def test_an_open_pass_is_finished_with_a_start_date() -> None:
    bookmark = Bookmark(full_pass_at="2026-03-10T00:00:00+00:00")
    opened = replace(bookmark, open_pass=OpenPass(began="2026-03-10T00:00:00+00:00"))
    assert full_pass_is_due(opened, settings(NOW), NOW)
    assert not full_pass_is_due(bookmark, settings(NOW), NOW)
