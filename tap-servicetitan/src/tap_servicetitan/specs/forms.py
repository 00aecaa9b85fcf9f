"""Forms API."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, StreamSpec

STREAMS = (
    StreamSpec(
        name="forms",
        list_path="/forms/v2/tenant/{tenant}/forms",
        is_freezable=True,
        query={"active": "Any", "status": "Any"},
    ),
    # The list filters only by time of submission, and submissions may change later, so it is read in full. 5,000 are
    # too many for a page: https://github.com/archdotdev/tap-service-titan asks for 500.
    StreamSpec(
        name="form_submissions",
        list_path="/forms/v2/tenant/{tenant}/submissions",
        most_per_page=500,
        cursor=None,
        query={"active": "Any", "sort": "+Id"},
    ),
    # What its records look like is documented nowhere.
    StreamSpec(
        name="job_attachments",
        list_path="/forms/v2/tenant/{tenant}/jobs/{jobId}/attachments",
        is_documented=False,
        key=("jobId", "id"),
        cursor=None,
        parent=Parent(stream="jobs", placeholder="jobId", field="jobId"),
    ),
)
