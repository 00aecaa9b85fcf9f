"""The tap stops reading before the time of the company is over."""

from __future__ import annotations

import pytest

from servicetitan_fleet.meltano.reading_time import most_read_seconds


@pytest.mark.parametrize(
    ("limit", "reading"),
    [
        (120 * 60, 110 * 60),  # ten minutes are left
        (30 * 60, 20 * 60),
        (24, 12),  # half of it is
        (0.1, 1),  # the tap takes whole seconds, and none would mean no limit
    ],
)
def test_some_of_the_limit_is_left_for_the_target(limit: float, reading: int) -> None:
    assert most_read_seconds(limit) == reading
