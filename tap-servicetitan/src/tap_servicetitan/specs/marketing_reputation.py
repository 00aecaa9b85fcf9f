"""Marketing reputation API."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    # Every field may be null by the document, `internalId` too, so a review is known by its place in the list: the
    # table as a whole is right, a single row's history is not. The list filters by change, but no record says when it
    # changed.
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
