"""Marketing ads API: the results of advertising."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Period, ResponseFormat, StreamSpec

_DAY = Period(first="fromUtc", end="toUtc")

# None of these records has a key: what they are about may be unknown. So the position in its day identifies a record,
# and the table as a whole is right, though not the history of a single row.
STREAMS = (
    StreamSpec(
        name="attributed_leads",
        list_path="/marketingads/v2/tenant/{tenant}/attributed-leads",
        key=("date", "position"),
        numbered=True,
        cursor=None,
        period=_DAY,
    ),
    StreamSpec(
        name="campaign_performance",
        list_path="/marketingads/v2/tenant/{tenant}/performance",
        key=("date", "position"),
        numbered=True,
        cursor=None,
        query={"performanceSegmentationType": "Campaign"},
        period=_DAY,
    ),
    StreamSpec(
        name="ad_group_performance",
        list_path="/marketingads/v2/tenant/{tenant}/performance",
        key=("date", "position"),
        numbered=True,
        cursor=None,
        query={"performanceSegmentationType": "AdGroup"},
        period=_DAY,
    ),
    StreamSpec(
        name="keyword_performance",
        list_path="/marketingads/v2/tenant/{tenant}/performance",
        key=("date", "position"),
        numbered=True,
        cursor=None,
        query={"performanceSegmentationType": "Keyword"},
        period=_DAY,
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
