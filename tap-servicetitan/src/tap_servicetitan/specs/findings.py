"""Findings API: findings of technicians at the locations."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, StreamSpec

STREAMS = (
    StreamSpec(
        name="location_findings",
        list_path="/findings/v2/tenant/{tenant}/location-findings",
        changed_since="modifiedOnOrAfter",
        change_order_query={"sort": "+ModifiedOn"},
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="location_finding_attachments",
        list_path="/findings/v2/tenant/{tenant}/location-findings/{id}/attachments",
        key=("locationFindingId", "id"),
        cursor=None,
        query={"sort": "+Id"},
        parent=Parent(stream="location_findings", placeholder="id", field="locationFindingId"),
    ),
)
