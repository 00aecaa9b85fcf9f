"""Job planning and management API."""

from __future__ import annotations

from tap_servicetitan.streams.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="job_types",
        list_path="/jpm/v2/tenant/{tenant}/job-types",
        query={"active": "Any", "orderBy": "id", "orderByDirection": "asc"},
        sorted_by_key=True,
        selected=True,
    ),
)
