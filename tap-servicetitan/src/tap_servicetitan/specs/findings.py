"""Findings API: findings of technicians at the locations."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, StreamSpec

STREAMS = (
    StreamSpec(
        name="location_findings",
        list_path="/findings/v2/tenant/{tenant}/location-findings",
        takes_ids=True,
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"active": "Any", "sort": "+Id"},
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
