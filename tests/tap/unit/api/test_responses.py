"""Error responses become one line of words; `Retry-After` is read in both of its forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tap_servicetitan.api.responses import LONGEST_DETAIL, HttpResponse, describe, shape_of
from tap_servicetitan.plugin_runtime.clock import retry_after_seconds

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        ("120", 120),
        ("1.5", 1.5),
        ("-3", 0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("soon", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"items":[{"name":"secret"}],"hasMore":false}', "has the fields items, hasMore"),
        (b"{}", "is an empty object"),
        (b"[1,2]", "is an array of 2 values"),
        (b"null", "is null"),
        (b'"secret"', "is a text"),
        (b"1.5", "is a number"),
        (b"true", "is a boolean"),
    ],
)
def test_the_shape_of_a_body_shows_no_value(body: bytes, words: str) -> None:
    assert shape_of(body) == words


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {}, b'{"title":"Rate limit is exceeded. Try again in 55 seconds."}', 55),
        (429, {}, b'{"title":"Wait 12s"}', 12),
        (429, {"Retry-After": "7"}, b'{"title":"Try again in 55 seconds."}', 7),
        (429, {"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}, b"", 30),
        (429, {}, b'{"title":"Limit of 60 requests"}', None),
        (429, {}, b"<html>55 seconds</html>", None),
        (429, {}, b"[]", None),
        (503, {}, b'{"title":"Try again in 55 seconds."}', None),
    ],
)
def test_the_pause_that_a_response_asks_for(
    status: int, headers: dict[str, str], body: bytes, seconds: float | None
) -> None:
    assert HttpResponse(status, "", headers, body, NOW).requested_pause_seconds == seconds


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html>Bad gateway</html>", "502 Bad Gateway (no JSON in the response)"),
        (b"", "502 Bad Gateway (no JSON in the response)"),
        (b"\xff\xfe", "502 Bad Gateway (no JSON in the response)"),
        (b"[]", "502 Bad Gateway"),
        (b"{}", "502 Bad Gateway"),
        (b'{"title":"Down","traceId":"t1"}', "502 Bad Gateway: Down, trace id t1"),
        (
            b'{"title":"Invalid","errors":{"from":["is no token","is no date"],"x":"y"}}',
            "502 Bad Gateway: Invalid, from: is no token is no date, x: y",
        ),
    ],
)
def test_describe(body: bytes, text: str) -> None:
    assert describe(HttpResponse(502, "Bad Gateway", {}, body, NOW)) == text


def test_describe_keeps_a_long_text_short() -> None:
    text = describe(HttpResponse(400, "Bad Request", {}, b'{"title":"%b"}' % (b"x" * 10_000), NOW))
    assert len(text) == len("400 Bad Request: ") + LONGEST_DETAIL
