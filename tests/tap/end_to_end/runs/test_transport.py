"""A request says who asks and for what. A body comes whole, or is worth a retry, or is too large."""

from __future__ import annotations

import contextlib
import gzip
import socketserver
import threading
import tracemalloc
from importlib.metadata import version
from typing import TYPE_CHECKING, override

import pytest

from support.tap.scripted import Reply, page_of
from tap_servicetitan.api.transport import Transport
from tap_servicetitan.errors import ResponseTooLargeError, RetriableError
from tap_servicetitan.specs.spec import StreamSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.tap.harness import Sync
    from support.tap.scripted import ScriptedApi


MOST = 8 << 20


def test_no_connection_is_worth_a_retry() -> None:
    # Nothing listens on port 1 of this machine.
    with pytest.raises(RetriableError, match=r"^GET /a: no connection to 127.0.0.1:1$"):
        Transport(1, MOST).send("GET", "http://127.0.0.1:1/a", params={"from": "token"})


def test_each_request_asks_for_json_and_names_the_software(api: ScriptedApi, sync: Sync) -> None:
    list_of_one = StreamSpec(name="campaigns", list_path="/a/v2/tenant/{tenant}/campaigns")
    api.routes["/campaigns"] = lambda query: page_of([{"id": 1}], query)
    assert sync(api.config, specs=[list_of_one]).error is None

    assert len(api.headers) > len(api.requests) > 0  # the sign-in is one more
    assert {headers["Accept"] for headers in api.headers} == {"application/json"}
    assert {headers["User-Agent"] for headers in api.headers} == {f"tap-servicetitan/{version('tap-servicetitan')}"}


# Without the time of day: the bytes are in the names of tests, which all processes must agree on.
WHOLE = gzip.compress(b"[1, 2, 3" * 99, mtime=0)
END = gzip.compress(b"]", mtime=0)


@pytest.mark.parametrize("body", [b"", b"[]", b"[" + b"1" * 5_000_000 + b"]"])
def test_a_gzipped_body_comes_whole(api: ScriptedApi, body: bytes) -> None:
    api.routes["/a"] = lambda _: Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(body))
    assert Transport(5, MOST).send("GET", f"{api.config['api_url']}/tenant/7/a").body == body


def test_a_body_that_was_gzipped_in_parts_comes_whole(api: ScriptedApi) -> None:
    api.routes["/a"] = lambda _: Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(b"[") + WHOLE + END)
    assert Transport(5, MOST).send("GET", f"{api.config['api_url']}/tenant/7/a").body == b"[" + b"[1, 2, 3" * 99 + b"]"


@pytest.mark.parametrize("body", [WHOLE[:-1], WHOLE[:12], b"", WHOLE[4:], WHOLE + END[:-2], WHOLE + END + b"]"])
def test_a_gzipped_body_that_is_not_whole_is_worth_a_retry(api: ScriptedApi, body: bytes) -> None:
    api.routes["/a"] = lambda _: Reply(200, {"Content-Encoding": "gzip"}, body)
    with pytest.raises(RetriableError, match=r"^GET /tenant/7/a: the response was cut short$"):
        Transport(5, MOST).send("GET", f"{api.config['api_url']}/tenant/7/a")


def test_a_gzipped_error_without_a_body_is_the_error_that_its_head_says(api: ScriptedApi) -> None:
    api.routes["/a"] = lambda _: Reply(429, {"Content-Encoding": "gzip", "Retry-After": "7"}, b"")
    with pytest.raises(RetriableError, match="429") as caught:
        Transport(5, MOST).send("GET", f"{api.config['api_url']}/tenant/7/a")
    assert (caught.value.throttled, caught.value.retry_after_seconds) == (True, 7)


TINY_MEMBERS = gzip.compress(b"", mtime=0) * 20_000


def test_a_body_of_many_members_is_read(api: ScriptedApi) -> None:
    api.routes["/a"] = lambda _: Reply(200, {"Content-Encoding": "gzip"}, TINY_MEMBERS + END)
    assert Transport(5, MOST).send("GET", f"{api.config['api_url']}/tenant/7/a").body == b"]"


def test_an_encoding_that_was_not_asked_for_is_not_decoded(api: ScriptedApi) -> None:
    api.routes["/a"] = lambda _: Reply(200, {"Content-Encoding": "deflate"}, b"[]")
    with pytest.raises(RetriableError):
        Transport(5, MOST).send("GET", f"{api.config['api_url']}/tenant/7/a")


@pytest.fixture
def endless() -> Iterator[str]:
    """The address of a server that never stops sending the body that the path names."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Endless) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


BOMB = gzip.compress(bytes(64 << 20), 9, mtime=0)  # 64 KiB
BODIES = {
    "plain": (b"", b"x" * 65536),
    "chunked": (b"Transfer-Encoding: chunked\r\n", b"80\r\n%b\r\n" % (b"x" * 128) * 512),
    "gzip": (b"Content-Encoding: gzip\r\n", gzip.compress(b"x", mtime=0) * 2048),
    "bomb": (b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(BOMB), BOMB),
    "said": (b"Content-Length: 99999999999\r\n", b""),
}
"""Headers, and what is sent again and again."""


class Endless(socketserver.BaseRequestHandler):
    """Answers `/status/name` with the status and the body of that name."""

    @override
    def handle(self) -> None:
        _, status, name = self.request.recv(65536).split(b"?")[0].split(b" ")[1].split(b"/")
        head, piece = BODIES[name.decode()]
        with contextlib.suppress(OSError):
            self.request.sendall(b"HTTP/1.1 %b Said\r\nConnection: close\r\n%b\r\n" % (status, head))
            self.request.sendall(piece)
            while b"Content-Length" not in head:
                self.request.sendall(piece)


@pytest.mark.parametrize("path", BODIES)
def test_a_response_without_an_end_does_not_fill_the_memory(endless: str, path: str) -> None:
    tracemalloc.start()
    with pytest.raises(
        ResponseTooLargeError, match=f"^GET /200/{path}, page 3: .* more than 8388608 bytes.* `max_resp"
    ):
        Transport(5, MOST).send("GET", f"{endless}/200/{path}", params={"page": "3"})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 << 20


@pytest.mark.parametrize("path", BODIES)
def test_an_error_without_an_end_is_the_error_that_its_head_says(endless: str, path: str) -> None:
    response = Transport(5, MOST).send("GET", f"{endless}/403/{path}")
    assert (response.status, response.body) == (403, b"")
    with pytest.raises(RetriableError, match="503"):
        Transport(5, MOST).send("GET", f"{endless}/503/{path}")


def test_a_token_has_a_small_limit_of_its_own(endless: str) -> None:
    with pytest.raises(ResponseTooLargeError, match=r"^POST /200/plain: the response has more than 1048576 bytes$"):
        Transport(5, MOST).send("POST", f"{endless}/200/plain", is_small=True)
