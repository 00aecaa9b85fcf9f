"""A second opinion on the tap: every stream reads what Prism makes of ServiceTitan's own API documents.

Usage: tools/prism_check.py

Prism (https://github.com/stoplightio/prism) answers each documented endpoint with an example, and refuses a request
that the documents do not allow. It knows nothing of this project, unlike the local ServiceTitan. A router in front of
it issues tokens, starts a Prism for each document that is needed, and lets each list end after a page, because an
example says that there is always more.

Left out are the streams of which the documents do not say what comes: Prism has no example of them.

It needs Node.js with npm, and the documents (`openapi.py` says where). Exit code 0 means that the tap read every stream
and that Prism refused no request.
"""

from __future__ import annotations

import http
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, override
from urllib.parse import urlsplit

from openapi import DOCUMENTS, ROOT
from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOCK = ROOT / "tools/prism"
FOLDER = ROOT / ".tools/prism"
"""Where Prism is installed, from the lock."""

HOST = "127.0.0.1"
START_SECONDS = 60
RUN_SECONDS = 900
_OWN_HEADERS = {"host", "connection", "accept-encoding", "content-length"}


def install() -> Path:
    """Install Prism as its lock says, and return its command.

    Raises:
        SystemExit: If there is no npm.
    """
    if shutil.which("npm") is None:
        sys.exit("prism: Node.js with npm is needed")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(LOCK / name, FOLDER / name)
    subprocess.run(  # noqa: S603 - our own command
        ["npm", "ci", "--no-audit", "--no-fund", "--silent", "--prefix", str(FOLDER)],  # noqa: S607 - of the machine
        check=True,
    )
    return FOLDER / "node_modules/.bin/prism"


@dataclass
class Prism:
    """The Prism of one document."""

    document: Path
    process: subprocess.Popen[bytes]
    port: int


@dataclass
class Router:
    """Sends each request to the Prism of its document, and counts what it refuses."""

    command: Path
    stack: ExitStack
    answered: Counter[str] = field(default_factory=Counter)
    """Requests by path, without ids."""
    refused: list[str] = field(default_factory=list)
    """A line for each request that Prism refused."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._by_base: dict[str, Prism] = {}
        self._bases = {
            urlsplit(json.loads(path.read_text("utf-8"))["servers"][0]["url"]).path: path
            for path in DOCUMENTS.glob("*.json")
        }

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to a request."""
        path = urlsplit(target).path
        base = next((base for base in self._bases if path.startswith(f"{base}/")), None)
        if base is None:
            self.refused.append(f"{method} {path}: no document describes it")
            return 404, b"{}"
        connection = http.client.HTTPConnection(HOST, self._prism(base).port, timeout=60)
        connection.request(method, target.removeprefix(base), body or None, dict(headers))
        response = connection.getresponse()
        data = response.read()
        connection.close()
        with self._lock:
            self.answered[path] += 1
            for problem in _problems(response.status, response.headers.get("sl-violations"), data):
                self.refused.append(f"{method} {target}: {problem}")
        return response.status, _ended(data)

    def _prism(self, base: str) -> Prism:
        with self._lock:
            if base not in self._by_base:
                self._by_base[base] = self._start(self._bases[base])
            return self._by_base[base]

    def _start(self, document: Path) -> Prism:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        command = [str(self.command), "mock", "--host", HOST, "--port", str(port), str(document)]
        process = self.stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command
        )
        self.stack.callback(process.terminate)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    return Prism(document, process, port)
            time.sleep(0.1)
        raise RuntimeError(f"Prism did not start for {document.name}")


def _problems(status: int, violations: str | None, body: bytes) -> Iterator[str]:
    """Yield what Prism has against a request. That examples in the documents do not fit them is another matter."""
    found = [one for one in json.loads(violations or "[]") if one["location"][0] == "request"]
    for one in found:
        yield f"{status} {one['message']}"
    if status >= http.HTTPStatus.BAD_REQUEST and not found:
        yield f"{status} {body.decode(errors='replace')[:300]}"


def _ended(body: bytes) -> bytes:
    """Return a page that says that it is the last, and how many records it has."""
    page = json.loads(body) if body else None
    if not isinstance(page, dict) or "hasMore" not in page:
        return body
    page["hasMore"] = False
    if "totalCount" in page:
        page["totalCount"] = len(page["data"])
    return json.dumps(page).encode()


def serve(router: Router, stack: ExitStack) -> str:
    """Serve the router until the stack is closed, and return its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.startswith("/connect/token"):
                status, answer = 200, json.dumps({"access_token": "t", "expires_in": 900}).encode()
            else:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN_HEADERS}
                status, answer = router.answer(self.command, self.path, headers, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _handle  # noqa: N815 - the names that the server calls

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    return f"http://{HOST}:{server.server_port}"


def run_tap(address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Let the tap read every stream from an address."""
    config = folder / "config.json"
    settings = {
        **dict.fromkeys(("client_id", "client_secret", "app_key"), "prism-check"),
        "tenant_id": "1",
        "api_url": address,
        "auth_url": f"{address}/connect/token",
        "max_retries": 1,
        # Lists that are asked for day by day need no more days than two.
        "start_date": str(datetime.now(UTC).date() - timedelta(days=1)),
        "capacity_days": 2,
    }
    config.write_text(json.dumps(settings))
    tap = [str(Path(sys.executable).with_name("tap-servicetitan")), "--config", str(config)]
    found = subprocess.run([*tap, "--discover"], capture_output=True, check=True)  # noqa: S603 - our own command
    catalog = json.loads(found.stdout)
    undocumented = {spec.name for spec in STREAMS if not spec.is_documented}
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["stream"] not in undocumented
    path = folder / "catalog.json"
    path.write_text(json.dumps(catalog))
    return subprocess.run(  # noqa: S603 - our own command
        [*tap, "--catalog", str(path)], capture_output=True, text=True, check=False, timeout=RUN_SECONDS
    )


def main() -> int:
    """Run the check and return its exit code."""
    if not any(DOCUMENTS.glob("*.json")):
        sys.exit(f"prism: there are no API documents in {DOCUMENTS}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prism-check-")))
        router = Router(install(), stack)
        done = run_tap(serve(router, stack), folder)
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    schemas = {message["stream"] for message in messages if message["type"] == "SCHEMA"}
    records = Counter(message["stream"] for message in messages if message["type"] == "RECORD")
    troubles = [line for line in done.stderr.splitlines() if " WARNING " in line or " ERROR " in line]
    for line in (*router.refused, *troubles):
        print(line)
    print(
        f"prism: {len(schemas)} streams, {len(records)} with records, {sum(router.answered.values())} requests, "
        f"{len(router.refused)} refused; the tap ended with {done.returncode}"
    )
    return int(bool(done.returncode or router.refused))


if __name__ == "__main__":
    sys.exit(main())
