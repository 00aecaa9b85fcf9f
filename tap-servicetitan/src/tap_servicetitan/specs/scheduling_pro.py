"""Scheduling Pro API: online bookings by customers."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, Period, ResponseFormat, StreamSpec

STREAMS = (
    StreamSpec(
        name="scheduler_performance",
        list_path="/schedulingpro/v2/tenant/{tenant}/schedulers/{id}/performance",
        response_format=ResponseFormat.OBJECT,
        key=("date", "id"),
        cursor=None,
        period=Period(first="sessionCreatedOnOrAfter", end="sessionCreatedBefore"),
        parent=Parent(stream="schedulers", placeholder="id", field="id"),
    ),
    StreamSpec(
        name="scheduler_sessions",
        list_path="/schedulingpro/v2/tenant/{tenant}/schedulers/{id}/sessions",
        parent=Parent(stream="schedulers", placeholder="id", field="schedulerId"),
    ),
    StreamSpec(
        name="schedulers",
        list_path="/schedulingpro/v2/tenant/{tenant}/schedulers",
        is_freezable=True,
    ),
)
