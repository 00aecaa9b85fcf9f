"""Scheduling Pro API: online bookings by customers."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, StreamSpec

STREAMS = (
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
