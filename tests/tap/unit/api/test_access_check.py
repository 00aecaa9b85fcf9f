"""The request that shows whether a module can be read."""

from __future__ import annotations

from datetime import date

from tap_servicetitan.api.access_check import find_probe, small_request
from tap_servicetitan.specs.spec import Parent, ResponseFormat, StreamSpec

LIST = StreamSpec(name="list", list_path="/a/v2/tenant/{tenant}/list", query={"active": "Any"})
FEED = StreamSpec(name="feed", export_path="/a/v2/tenant/{tenant}/export/feed")
WHOLE = StreamSpec(name="whole", list_path="/a/v2/tenant/{tenant}/whole", response_format=ResponseFormat.ARRAY)
CHILD = StreamSpec(
    name="child",
    list_path="/a/v2/tenant/{tenant}/list/{id}/notes",
    parent=Parent(stream="list", placeholder="id", field="listId"),
)


def test_a_list_is_asked_before_a_feed_and_never_a_child() -> None:
    assert find_probe([CHILD, FEED, WHOLE, LIST]) is WHOLE
    assert find_probe([CHILD, FEED]) is FEED
    assert find_probe([CHILD]) is None


def test_the_request_is_as_small_as_the_endpoint_allows() -> None:
    today = date(2026, 1, 5)
    assert small_request(LIST, today) == (LIST.list_path, {"page": "1", "pageSize": "1", "active": "Any"})
    assert small_request(FEED, today) == (FEED.export_path, {"from": "2026-01-05"})
    assert small_request(WHOLE, today) == (WHOLE.list_path, {})
