"""Only bookmarks of the same tenant and environment, that the tap wrote itself, are used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tap_servicetitan.replication.saved_state import sort_out

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
OWNER = {"tenant": "7", "environment": "production"}
GOOD = {"newest": "2026-03-01T00:00:00Z", "full_pass_at": "2026-03-09T00:00:00.000+00:00", **OWNER}


def test_own_bookmarks_are_used_and_not_shared() -> None:
    state = {"bookmarks": {"jobs": GOOD, "crews": {}}}
    saved = sort_out(state, OWNER, NOW)
    assert saved.used == {"jobs": GOOD}
    assert saved.refused == {}
    saved.used["jobs"]["newest"] = "changed"
    assert GOOD["newest"] == "2026-03-01T00:00:00Z"


@pytest.mark.parametrize(
    ("bookmark", "reason"),
    [
        ({**GOOD, "tenant": "8"}, "is of tenant 8 (production), and this run reads tenant 7 (production)"),
        ({**GOOD, "environment": "integration"}, "is of tenant 7 (integration)"),
        ({"newest": "2026-03-01T00:00:00Z"}, "does not say whose it is"),
        ({**GOOD, "full_pass_at": "2099-01-01T00:00:00Z"}, "has a time to come (2099-01-01T00:00:00+00:00)"),
        ({**GOOD, "newest": "2026-03-10T06:05:01Z"}, "has a time to come"),
        ({**GOOD, "newest": "yesterday"}, "cannot be read ('yesterday' is no time)"),
        ({**GOOD, "newest": 5}, "cannot be read (Expected `str | null`, got `int` - at `$.newest`)"),
        ({**GOOD, "continue_from": {}}, "cannot be read"),
        ({**GOOD, "owed": "many"}, "cannot be read"),
        ("2026-03-01", "is not an object"),
    ],
)
def test_a_bookmark_that_is_not_used(bookmark: Any, reason: str) -> None:  # noqa: ANN401 - any JSON
    saved = sort_out({"bookmarks": {"jobs": bookmark, "crews": GOOD}}, OWNER, NOW)
    assert saved.used == {"crews": GOOD}
    (warning,) = saved.warnings()
    assert reason in warning
    assert warning.endswith("Not used, so these streams are read in full: jobs")


@pytest.mark.parametrize("state", [[], "text", 5, {"bookmarks": []}, {"bookmarks": "text"}])
def test_a_state_that_is_none(state: Any) -> None:  # noqa: ANN401 - any JSON
    saved = sort_out(state, OWNER, NOW)
    assert saved.used == {}
    assert list(saved.warnings()) == [
        "state: it has no bookmarks by stream. Not used, so these streams are read in full: all"
    ]


@pytest.mark.parametrize("state", [None, {}, {"bookmarks": None}, {"bookmarks": {}}])
def test_no_state_is_no_trouble(state: Any) -> None:  # noqa: ANN401 - any JSON
    saved = sort_out(state, OWNER, NOW)
    assert (saved.used, saved.refused) == ({}, {})


def test_a_clock_that_is_a_little_ahead_does_no_harm() -> None:
    bookmark = {**GOOD, "newest": "2026-03-10T06:04:59Z"}
    assert sort_out({"bookmarks": {"jobs": bookmark}}, OWNER, NOW).used == {"jobs": bookmark}
