"""Task management API."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    # A task that was never changed may have no time of change, so its list is read whole: asking for changes would
    # miss it.
    StreamSpec(
        name="tasks",
        list_path="/taskmanagement/v2/tenant/{tenant}/tasks",
        query={"active": "Any", "includeSubtasks": "true", "sort": "+Id"},
        sorted_by_key=True,
    ),
)
