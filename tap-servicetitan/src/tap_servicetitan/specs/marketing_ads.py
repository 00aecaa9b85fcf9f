"""Marketing ads API: the results of advertising."""

from __future__ import annotations

from tap_servicetitan.specs.spec import ResponseFormat, StreamSpec

# None of these records has a key. Their position in the list identifies them, so a row of the table stands for a
# position: the table as a whole is right, the history of a single row is not.
STREAMS = (
    # All leads: the period is required.
    StreamSpec(
        name="attributed_leads",
        list_path="/marketingads/v2/tenant/{tenant}/attributed-leads",
        key=("position",),
        numbered=True,
        cursor=None,
        query={"fromUtc": "2000-01-01T00:00:00Z", "toUtc": "2100-01-01T00:00:00Z"},
    ),
    StreamSpec(
        name="campaign_performance",
        list_path="/marketingads/v2/tenant/{tenant}/performance",
        key=("position",),
        numbered=True,
        cursor=None,
        query={
            "fromUtc": "2000-01-01T00:00:00Z",
            "toUtc": "2100-01-01T00:00:00Z",
            "performanceSegmentationType": "Campaign",
        },
    ),
    StreamSpec(
        name="ad_group_performance",
        list_path="/marketingads/v2/tenant/{tenant}/performance",
        key=("position",),
        numbered=True,
        cursor=None,
        query={
            "fromUtc": "2000-01-01T00:00:00Z",
            "toUtc": "2100-01-01T00:00:00Z",
            "performanceSegmentationType": "AdGroup",
        },
    ),
    StreamSpec(
        name="keyword_performance",
        list_path="/marketingads/v2/tenant/{tenant}/performance",
        key=("position",),
        numbered=True,
        cursor=None,
        query={
            "fromUtc": "2000-01-01T00:00:00Z",
            "toUtc": "2100-01-01T00:00:00Z",
            "performanceSegmentationType": "Keyword",
        },
    ),
    StreamSpec(
        name="capacity_warnings",
        list_path="/marketingads/v2/tenant/{tenant}/capacity-warnings",
        response_format=ResponseFormat.DATA,
        key=("position",),
        numbered=True,
        cursor=None,
    ),
)
