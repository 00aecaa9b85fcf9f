"""Bars are as high as their values."""

from __future__ import annotations

import pytest

from servicetitan_fleet.report.charts import HEIGHT, WIDTH, BarData, Segment, make_chart


def test_bars_are_as_high_as_their_values_and_stay_inside() -> None:
    data = [
        BarData(
            segments=[Segment(value=value, kind="written"), Segment(value=deleted, kind="deleted")],
            title="",
            when=f"t{value}",
        )
        for value, deleted in [(0, 0), (100_000, 1), (50_000, 0), (0, 50_001)]
    ]
    drawn = make_chart("rows", data, str)
    assert drawn is not None
    assert (drawn.most, drawn.last, drawn.since, drawn.until) == ("100001", "50001", "t0", "t0")
    assert drawn.kinds == ["written", "deleted"]
    empty, highest, half, deleted = (bar.boxes for bar in drawn.bars)
    assert empty == []
    # One deleted row in a hundred thousand is still to be seen.
    assert highest[1].height == 1
    assert half[0].height == pytest.approx(HEIGHT / 2, abs=0.01)
    assert [box.kind for box in deleted] == ["deleted"]
    for box in (box for bar in drawn.bars for box in bar.boxes):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= WIDTH
        assert box.y + box.height <= HEIGHT + 1
    assert make_chart("rows", [], str) is None
