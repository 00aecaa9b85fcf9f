"""Which streams a company selects."""

from __future__ import annotations

from servicetitan_fleet.registry.selection import is_selected


def test_a_stream_is_selected_by_a_pattern_and_left_out_by_one_for_all_its_fields() -> None:
    assert is_selected("jobs", [])
    assert is_selected("jobs", ["jo*.*", "!calls.*"])
    assert is_selected("jobs", ["*.*", "!jobs.address"])
    assert not is_selected("jobs", ["*.*", "!jobs.*"])
    assert not is_selected("jobs", ["calls.*"])
