"""An HTTP server for pages: answers GET from a function, and nothing else."""

from __future__ import annotations

import errno
import ipaddress
import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_PATIENCE_SECONDS = 10.0
"""How long a client may be silent before its connection is closed."""

_MOST_PORT = 65535


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `PORT`, `HOST:PORT` or `[IPv6]:PORT`. Without a host it is the loopback address.

    Raises:
        PluginError: If it is neither.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not (port.isascii() and port.isdecimal() and int(port) <= _MOST_PORT):
        raise PluginError(f"--serve {text[:100]}: give a port from 0 to {_MOST_PORT}, or HOST:PORT")
    return host, int(port)


class PageServer(ThreadingHTTPServer):
    """Listens on an address, of either version of IP."""

    daemon_threads = True

    def __init__(self, host: str, port: int, read: Callable[[str], bytes | None]) -> None:
        """Listen.

        Args:
            host: Address of this machine.
            port: A free port; 0 for any.
            read: Returns the page at a path, or None if there is none. It only knows pages by their names.

        Raises:
            PluginError: If the server cannot listen there.
        """
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.read = read
        self.is_local = _is_loopback(host)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise PluginError(f"cannot serve on {host}:{port}: {_explain(error)}") from error

    def answer(self, path: str, host: str) -> tuple[HTTPStatus, bytes]:
        """Return the status and the body for a path, asked for with a `Host` header."""
        # A page of another site could let its own name point here, and read what only this machine may read.
        if self.is_local and not _is_loopback(urlsplit(f"//{host}").hostname or ""):
            return HTTPStatus.FORBIDDEN, b"ask for it by the address of this machine\n"
        page = self.read(urlsplit(path).path)
        return (HTTPStatus.NOT_FOUND, b"there is no such page\n") if page is None else (HTTPStatus.OK, page)


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection. Methods without a function of their own here are refused by the base class."""

    timeout = _PATIENCE_SECONDS
    server_version = "orchestrate-etl"
    sys_version = ""
    server: PageServer

    def do_GET(self) -> None:
        """Answer with a page."""
        try:
            status, body = self.server.answer(self.path, self.headers.get("Host", ""))
        except ValueError:  # an address that is none
            status, body = HTTPStatus.BAD_REQUEST, b"this is no address\n"
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing: a screen on the wall asks once a minute."""


def _explain(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program uses this port. Give another one: --serve 127.0.0.1:8081"
    if error.errno == errno.EACCES:
        return "this user may not use ports below 1024. Give another one: --serve 127.0.0.1:8080"
    return error.strerror or str(error)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
