"""A fast ServiceTitan for measurements: activities of 1.1 KB in every list and every feed.

Pages are made and compressed in advance. Nothing is checked; the sandbox's ServiceTitan does that. The server writes
its address to stdout when it is ready, and stops when its standard input ends.
"""

from __future__ import annotations

import sys
import threading
import zlib
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from typing import override
from urllib.parse import parse_qsl, urlsplit

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.models import Tenant
from servicetitan_sandbox.servicetitan.state import Company

PAGE_RECORDS = 5000
RECORD_BYTES = 1100
FIRST_ID = 10_000_000
TEXT = "Replaced the capacitor, cleaned the coil and checked the charge. "
TOKEN = b'{"access_token":"token","expires_in":900}'


class Pages:
    """The pages of a list and of a feed. Each page repeats the same records with other ids."""

    def __init__(self, count: int) -> None:
        """Make the records.

        Args:
            count: How many records there are.
        """
        self._count = count
        self._endings = list(map(_ending, range(PAGE_RECORDS), _activities()))

    def __len__(self) -> int:
        return ceil(self._count / PAGE_RECORDS)

    @cache  # noqa: B019 - it lives as long as the process
    def page(self, number: int, *, of_feed: bool) -> bytes:
        """Return a page, compressed.

        Args:
            number: Number of the page, from 0.
            of_feed: Whether it is a page of an export feed, not of a list.
        """
        first = number * PAGE_RECORDS
        endings = self._endings[: self._count - first]
        data = b",".join(b'{"id":%d,%b' % (FIRST_ID + first + n, ending) for n, ending in enumerate(endings))
        more = b"true" if number + 1 < len(self) else b"false"
        position = b'"continueFrom":"%d"' % (number + 1) if of_feed else b'"totalCount":%d' % self._count
        gzip = zlib.compressobj(1, wbits=31)  # the fastest level, with a gzip header
        return gzip.compress(b'{"hasMore":%b,%b,"data":[%b]}' % (more, position, data)) + gzip.flush()


def _activities() -> list[bytes]:
    """Return a page of the sandbox's activities."""
    tenant = Tenant(tenant_id="1", client_id="c", client_secret="s", app_key="a", sizes={"activities": PAGE_RECORDS})  # noqa: S106
    table = Company(tenant).table("activities")
    return list(map(table.encode, table.identifiers()))


def _ending(number: int, activity: bytes) -> bytes:
    """Return the JSON of an activity after its id, filled up to the same length for all."""
    record = exact_json.loads(activity) | {"id": FIRST_ID + number, "memo": ""}
    missing = RECORD_BYTES - len(exact_json.dumps(record))
    text = (TEXT * (1 + RECORD_BYTES // len(TEXT)))[:missing]
    return exact_json.dumps(record | {"memo": text}).split(b",", 1)[1]


def main() -> None:
    """Serve until standard input ends."""
    pages = Pages(int(sys.argv[1]))
    for number in range(len(pages)):
        pages.page(number, of_feed=True)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._send(TOKEN)

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query))
            number = int(query["page"]) - 1 if "page" in query else int(query.get("from", 0))
            self._send(pages.page(number, of_feed="page" not in query), "gzip")

        def _send(self, body: bytes, encoding: str = "identity") -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Encoding", encoding)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
