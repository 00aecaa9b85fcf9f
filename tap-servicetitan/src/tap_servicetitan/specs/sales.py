"""Sales and estimates API."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, ResponseFormat, StreamSpec

STREAMS = (
    StreamSpec(
        name="estimate_items",
        list_path="/sales/v2/tenant/{tenant}/estimates/items",
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"active": "Any"},
    ),
    StreamSpec(
        name="estimate_status_changes",
        list_path="/sales/v2/tenant/{tenant}/status/estimates/{id}/changes",
        response_format=ResponseFormat.ARRAY,
        key=("estimateId", "id"),
        cursor=None,
        parent=Parent(stream="estimates", placeholder="id", field="estimateId"),
    ),
    # The document says only that `sort` replaces `orderBy`, and names the fields of `orderBy`.
    StreamSpec(
        name="estimates",
        list_path="/sales/v2/tenant/{tenant}/estimates",
        takes_ids=True,
        is_freezable=True,
        export_path="/sales/v2/tenant/{tenant}/export/estimates",
        query={"active": "Any", "sort": "+Id"},
        full_pass="list",
    ),
    # Neither list nor feed says what its records look like. The list has no parameter for inactive ones.
    StreamSpec(
        name="opportunities",
        export_path="/sales/v2/tenant/{tenant}/export/opportunities",
        is_documented=False,
    ),
    StreamSpec(
        name="opportunity_followups",
        export_path="/sales/v2/tenant/{tenant}/export/opportunities/followups",
        is_documented=False,
    ),
)
