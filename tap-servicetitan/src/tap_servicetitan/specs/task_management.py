"""Task management API."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    # A task that has never changed may lack a time of change, so the list is read in full: a filter by change would
    # miss it.
    StreamSpec(
        name="tasks",
        list_path="/taskmanagement/v2/tenant/{tenant}/tasks",
        is_freezable=True,
        query={"active": "Any", "includeSubtasks": "true", "sort": "+Id"},
    ),
)
