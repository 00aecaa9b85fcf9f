"""Marketing reputation API."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    # The document allows null in every field, also in `internalId`, so its position in the list identifies a review:
    # the table as a whole is right, the history of a single row is not. The list filters by change, but no record has
    # a time of change.
    StreamSpec(
        name="reviews",
        list_path="/marketingreputation/v2/tenant/{tenant}/reviews",
        key=("position",),
        numbered=True,
        cursor=None,
        query={
            "includeReviewsWithoutLocation": "true",
            "includeReviewsWithoutCampaign": "true",
            "includeReviewsWithoutTechnician": "true",
        },
    ),
)
