"""What a fleet's screens ask: the audit logs in BigQuery, and the records in Cloud Storage, as late as Google answers.

A thousand projects with a week of runs each are more than a local BigQuery holds. Here, twenty made-up histories are in
a real local one. The first time that a query comes to one of them it is asked; the same answer serves fifty companies,
under the names of their own projects. The server writes its address to stdout when it is ready, and stops
when its standard input ends.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, override
from urllib.parse import unquote, urlsplit

from benchmarks.histories import make_history, write_log
from servicetitan_fleet.state.company_record import dump_record
from servicetitan_sandbox.client import processes
from servicetitan_sandbox.client.bigquery_project import Project
from tap_servicetitan.specs import registry as specs

if TYPE_CHECKING:
    from collections.abc import Sequence

HISTORIES = 20
"""Different histories: as many as there are kinds of companies in a fleet, by their numbers."""

QUERY_SECONDS = 1.5
"""What a query takes in BigQuery."""

READ_SECONDS = 0.05
"""What the reading of an object takes in Cloud Storage."""

STREAMS = [spec.name for spec in specs.STREAMS]


def project_of(number: int) -> str:
    """Return the project of a company, by its number in the fleet."""
    return f"company-{number:04}"


class Answers:
    """Answers for the companies of a fleet."""

    def __init__(self, api_endpoint: str, now: dt.datetime) -> None:
        """Make up the histories, and write their audit logs.

        Args:
            api_endpoint: Address of a local BigQuery without any.
            now: The time at which the histories end.
        """
        self._api_endpoint = api_endpoint
        self._known: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._records: list[bytes] = []
        for number in range(HISTORIES):
            history = make_history(number, str(700_000 + number), STREAMS, now)
            write_log(Project(api_endpoint, project_of(number)), history)
            self._records.append(dump_record(history.record))

    def record(self, number: int) -> bytes:
        """Return a company's record in the storage."""
        return self._records[number % HISTORIES]

    def query(self, path: str, body: bytes) -> bytes:
        """Return BigQuery's answer to a query about a company.

        Args:
            path: Path of the request, which names the project.
            body: Its body.
        """
        asked = path.split("/projects/")[1].split("/", maxsplit=1)[0]
        original = project_of(int(asked.rpartition("-")[2]) % HISTORIES)
        request = json.loads(body.replace(asked.encode(), original.encode()))
        request.pop("requestId", None)
        key = json.dumps([original, request["query"], _without_times(request.get("queryParameters", ()))])
        with self._lock:
            if key not in self._known:
                self._known[key] = self._ask(path.replace(asked, original), request)
        return self._known[key].replace(original.encode(), asked.encode())

    def _ask(self, path: str, request: dict[str, Any]) -> bytes:
        url = f"{self._api_endpoint}{path}"
        content = json.dumps({**request, "timeoutMs": 60_000}).encode()
        asked = urllib.request.Request(url, content, {"Content-Type": "application/json"})  # noqa: S310 - a local one
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - the same
            found: bytes = answer.read()
        return found


def _without_times(parameters: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the parameters but for times: these differ by the moment of a command."""
    return [each for each in parameters if each["parameterType"]["type"] != "TIMESTAMP"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        """Answer a query."""
        due = time.monotonic() + QUERY_SECONDS
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(self.server.answers.query(self.path, body), due)

    def do_GET(self) -> None:
        """Answer with a company's record: the name of the object ends with the number of the company."""
        due = time.monotonic() + READ_SECONDS
        path = unquote(urlsplit(self.path).path)
        if "/o/" in path:
            self._answer(self.server.answers.record(int(Path(path).stem.rpartition("-")[2])), due)
        else:
            self._answer(b"{}", due, 404)  # Google's client asks for the bucket, too, and can do without

    def _answer(self, content: bytes, due: float, status: int = 200) -> None:
        time.sleep(max(0.0, due - time.monotonic()))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Goog-Generation", "1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    """Serve until standard input ends."""
    with processes.run_bigquery(pace=processes.PACE) as bigquery:
        server = _Server(Answers(bigquery.api_endpoint, dt.datetime.now(dt.UTC)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - who started it reads that
        sys.stdin.read()


if __name__ == "__main__":
    main()
