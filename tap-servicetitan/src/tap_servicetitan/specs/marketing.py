"""Marketing API: campaigns and their costs."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="campaigns",
        list_path="/marketing/v2/tenant/{tenant}/campaigns",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
        selected=True,
    ),
    StreamSpec(
        name="campaign_costs",
        list_path="/marketing/v2/tenant/{tenant}/costs",
        cursor=None,
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="marketing_categories",
        list_path="/marketing/v2/tenant/{tenant}/categories",
        query={"sort": "+Id"},
        selected=True,
    ),
    StreamSpec(
        name="suppressions",
        list_path="/marketing/v2/tenant/{tenant}/suppressions",
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"active": "Any", "sort": "+Id"},
    ),
)
