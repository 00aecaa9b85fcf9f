"""Marketing API: campaigns and their costs."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="campaigns",
        list_path="/marketing/v2/tenant/{tenant}/campaigns",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
        selected=True,
    ),
    StreamSpec(
        name="campaign_costs",
        list_path="/marketing/v2/tenant/{tenant}/costs",
        cursor=None,
        query={"sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="marketing_categories",
        list_path="/marketing/v2/tenant/{tenant}/categories",
        query={"sort": "+Id"},
        sorted_by_key=True,
        selected=True,
    ),
    StreamSpec(
        name="suppressions",
        list_path="/marketing/v2/tenant/{tenant}/suppressions",
        changed_since="modifiedOnOrAfter",
        change_order_query={"sort": "+ModifiedOn"},
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
)
