"""Marketing API."""

from __future__ import annotations

from tap_servicetitan.streams.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="campaigns",
        list_path="/marketing/v2/tenant/{tenant}/campaigns",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
        selected=True,
    ),
)
