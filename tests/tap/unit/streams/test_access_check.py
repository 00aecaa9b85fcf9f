"""The requests that show whether a stream can be read."""

from __future__ import annotations

from datetime import date

import pytest

from tap_servicetitan.specs.spec import ResponseFormat, StreamSpec
from tap_servicetitan.streams.access_check import small_requests

TODAY = date(2026, 1, 5)
LIST, FEED = "/a/v2/tenant/{tenant}/list", "/a/v2/tenant/{tenant}/export/list"
ONE = {"page": "1", "pageSize": "1"}
SINCE = {"from": "2026-01-05"}


@pytest.mark.parametrize(
    ("spec", "requests"),
    [
        (StreamSpec(name="a", list_path=LIST, query={"active": "Any"}), [(LIST, {**ONE, "active": "Any"})]),
        (StreamSpec(name="a", list_path=LIST, response_format=ResponseFormat.ARRAY), [(LIST, {})]),
        (StreamSpec(name="a", export_path=FEED), [(FEED, SINCE)]),
        (StreamSpec(name="a", list_path=LIST, export_path=FEED), [(FEED, SINCE)]),
        (StreamSpec(name="a", list_path=LIST, export_path=FEED, full_pass="list"), [(LIST, ONE), (FEED, SINCE)]),
    ],
)
def test_each_path_that_a_run_reads_is_asked_for_as_little_as_it_allows(
    spec: StreamSpec, requests: list[tuple[str, dict[str, str]]]
) -> None:
    assert list(small_requests(spec, TODAY)) == requests
