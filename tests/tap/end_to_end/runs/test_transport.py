"""A gzipped body comes whole or is worth a retry."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from support.tap.scripted import Reply
from tap_servicetitan.api.transport import Transport
from tap_servicetitan.errors import RetriableError

if TYPE_CHECKING:
    from support.tap.scripted import ScriptedApi


def test_no_connection_is_worth_a_retry() -> None:
    # Nothing listens on port 1 of this machine.
    with pytest.raises(RetriableError, match=r"^GET /a: no connection to 127.0.0.1:1$"):
        Transport(1).send("GET", "http://127.0.0.1:1/a", params={"from": "token"})


# Without the time of day: the bytes are in the names of tests, which all processes must agree on.
WHOLE = gzip.compress(b"[1, 2, 3" * 99, mtime=0)
END = gzip.compress(b"]", mtime=0)


@pytest.mark.parametrize("body", [b"", b"[]", b"[" + b"1" * 5_000_000 + b"]"])
def test_a_gzipped_body_comes_whole(api: ScriptedApi, body: bytes) -> None:
    api.routes["/a"] = lambda _: Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(body))
    assert Transport(5).send("GET", f"{api.config['api_url']}/tenant/7/a").body == body


def test_a_body_that_was_gzipped_in_parts_comes_whole(api: ScriptedApi) -> None:
    api.routes["/a"] = lambda _: Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(b"[") + WHOLE + END)
    assert Transport(5).send("GET", f"{api.config['api_url']}/tenant/7/a").body == b"[" + b"[1, 2, 3" * 99 + b"]"


@pytest.mark.parametrize("body", [WHOLE[:-1], WHOLE[:12], b"", WHOLE[4:], WHOLE + END[:-2], WHOLE + END + b"]"])
def test_a_gzipped_body_that_is_not_whole_is_worth_a_retry(api: ScriptedApi, body: bytes) -> None:
    api.routes["/a"] = lambda _: Reply(200, {"Content-Encoding": "gzip"}, body)
    with pytest.raises(RetriableError, match=r"^GET /tenant/7/a: the response was cut short$"):
        Transport(5).send("GET", f"{api.config['api_url']}/tenant/7/a")


def test_a_gzipped_error_without_a_body_is_the_error_that_its_head_says(api: ScriptedApi) -> None:
    api.routes["/a"] = lambda _: Reply(429, {"Content-Encoding": "gzip", "Retry-After": "7"}, b"")
    with pytest.raises(RetriableError, match="429") as caught:
        Transport(5).send("GET", f"{api.config['api_url']}/tenant/7/a")
    assert (caught.value.throttled, caught.value.retry_after_seconds) == (True, 7)
