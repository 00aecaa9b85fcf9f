"""Customer interactions API."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    # The path of a rating names its technician and job, so there is one rating per pair. The list has no documented
    # order.
    StreamSpec(
        name="technician_ratings",
        list_path="/customer-interactions/v2/tenant/{tenant}/technician-ratings",
        export_path="/customer-interactions/v2/tenant/{tenant}/export/technician-ratings",
        key=("technicianId", "jobId"),
        query={"active": "Any"},
    ),
)
