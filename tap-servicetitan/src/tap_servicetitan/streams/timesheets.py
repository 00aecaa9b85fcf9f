"""Timesheets API: what people did with their hours."""

from __future__ import annotations

from tap_servicetitan.streams.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="activities",
        list_path="/timesheets/v2/tenant/{tenant}/activities",
        export_path="/timesheets/v2/tenant/{tenant}/export/activities",
        selected=True,
    ),
)
