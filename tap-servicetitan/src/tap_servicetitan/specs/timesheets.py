"""Timesheets API: working hours by activity."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    # No sort field is documented.
    StreamSpec(
        name="activities",
        list_path="/timesheets/v2/tenant/{tenant}/activities",
        export_path="/timesheets/v2/tenant/{tenant}/export/activities",
        query={"active": "Any"},
        selected=True,
    ),
    StreamSpec(
        name="activity_categories",
        list_path="/timesheets/v2/tenant/{tenant}/activity-categories",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
        selected=True,
    ),
    StreamSpec(
        name="activity_types",
        list_path="/timesheets/v2/tenant/{tenant}/activity-types",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
        selected=True,
    ),
)
