"""Writes docs/troubleshooting.md: what each screen says of each trouble, captured from local services.

Usage: tools/troubleshooting.py           write the page
       tools/troubleshooting.py --check   exit 1 if a screen says something else than the page

It takes about two minutes. What differs from run to run, such as times and ports, is made the same.
"""

from __future__ import annotations

import argparse
import difflib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import sys
import tempfile
import termios
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from servicetitan_fleet.meltano import pair_command
from servicetitan_sandbox.client import processes
from servicetitan_sandbox.client.control import Fault
from servicetitan_sandbox.client.fleet import Fleet
from servicetitan_sandbox.client.meltano_project import MeltanoProject

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Collection, Iterator

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "troubleshooting.md"
RUNBOOK = ROOT / "docs" / "how-to" / "runbook.md"
COLUMNS = 80
SIZES = {"technicians": 12, "activities": 60}

INTRODUCTION = """\
# Troubleshooting

What each screen says of the troubles that an engineer on call meets, on a terminal of 80 columns.
`tools/troubleshooting.py` makes each trouble with the local services and writes this page, so the texts are those of
the programs; times, ports and ids are made the same. The options for registry, storage and environment are left out,
and so are lines that every run has.
What to do is in the [runbook](how-to/runbook.md), of which the matching lines are quoted.
"""

SECTIONS = {
    "failed": "### When it failed",
    "deletes_refused": "### When it failed",
    "incomplete": "### When it is incomplete",
}
"""Where the runbook says what to do about a reason, by the kind of the alert."""

IN_EVERY_RUN = (
    " Running ",
    " Reading ",
    "Environment 'dev' is active",
    "Using _LocalFilesystemStateStoreManager",
    "Skipping parse of env var settings",
    "Meltano SDK v",
    "Reader 'target-bigquery-softdelete' completed",
    "Writing state to Local Filesystem",
)
"""Lines of Meltano and the SDK that say nothing about a trouble."""

NORMAL = (
    (r"\x1b\[[0-9;?]*[a-zA-Z]", ""),
    (r"\r", ""),
    (r"http://127\.0\.0\.1:\d+", "https://api.servicetitan.io"),
    (r"\b(\w[\w-]*?)-[0-9a-f]{8}\b", r"\1-data"),
    (r"\b\d\d:\d\d:\d\d\b", "02:00:00"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)", "2026-11-30T02:00:00Z"),
    (r"\d{4}-\d\d-\d\d 02:00:00(?:\.\d+)?", "2026-11-30 02:00:00"),
    (r"\b\d+(?:\.\d+)? s\b", "5 s"),
    (r"(?<![\d:+])\d+:\d\d(?!:?\d)", "0:05"),
    (r"\b[0-9a-f]{32}\b", "4f1c" * 8),
    (r"\b\d min ago\b", "just now"),
    (r"\b\d min\b", "0 min"),
    (r"/tmp/[\w-]+/", "/etl/"),  # noqa: S108 - only looked for
)
"""What differs from run to run, and what stands for it."""


@dataclass(frozen=True)
class Trouble:
    """A trouble, and how it comes about."""

    company: str
    title: str
    cause: str
    begin: Callable[[Fleet], None]
    kill: bool = False
    """Whether the company's process is killed while it runs."""


def _lose_scope(fleet: Fleet) -> None:
    fleet.add("acme", "880901", SIZES, scopes=frozenset({"settings"}))


def _answer_503(fleet: Fleet) -> None:
    fleet.titan.control.set_fault(Fault(kind="status", tenant="880902", stream="activities"))


def _change_secret(fleet: Fleet) -> None:
    fleet.variables["CEDAR_CLIENT_SECRET"] = "another-s3cr3t"


def _empty_list(fleet: Fleet) -> None:
    for identifier in fleet.titan.control.ids("880904", "technicians"):
        fleet.titan.control.delete("880904", "technicians", identifier)


def _hang(fleet: Fleet) -> None:
    fleet.titan.control.set_fault(Fault(kind="slow", tenant="880905", seconds=600))


def _break_registry(fleet: Fleet) -> None:
    fleet.companies["fern"]["tenant_id"] = "88-six"


TROUBLES = (
    Trouble(
        "acme",
        "An app has lost a scope",
        "ServiceTitan answers 403 to a module that was read before.",
        _lose_scope,
    ),
    Trouble("birch", "ServiceTitan does not answer", "One stream gets 503, also after all retries.", _answer_503),
    Trouble("cedar", "A secret has changed", "The client secret in the registry is no longer right.", _change_secret),
    Trouble("dove", "A list is suddenly empty", "The source has none of the technicians any more.", _empty_list),
    Trouble(
        "elm", "A process was killed", "The company's process gets SIGKILL, as for lack of memory.", _hang, kill=True
    ),
    Trouble("fern", "An entry of the registry is broken", "The tenant id is not a number.", _break_registry),
)


@dataclass
class Receiver:
    """A webhook that keeps what it is sent."""

    address: str
    bodies: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def run_receiver() -> Iterator[Receiver]:
    """Run a webhook on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()


class TerminalFleet(Fleet):
    """A fleet whose commands run on a terminal."""

    def show(self, *words: str, has_plugins: bool = False) -> str:
        """Run a command to its end, and return what the terminal shows."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        process = self.command(*words, has_plugins=has_plugins, output=theirs)
        os.close(theirs)
        parts = []
        with suppress(OSError):  # how Linux says that the other side is closed
            while part := os.read(ours, 65536):
                parts.append(part)
        os.close(ours)
        process.wait()
        return normalize(b"".join(parts).decode())

    def run(self, company: str) -> str:
        """Run a company, and return what the terminal shows."""
        work = f"--work-folder={self.folder / 'work'}"
        return self.show("run", "--log-format=plain", work, "--company", company, has_plugins=True)


def normalize(text: str) -> str:
    """Return a text in which what differs from run to run is the same."""
    for pattern, replacement in NORMAL:
        text = re.sub(pattern, replacement, text)
    lines: list[str] = []
    # Streams are written side by side, so what was read of each is said in any order.
    for is_result, group in groupby((line.rstrip() for line in text.splitlines()), lambda line: ": read " in line):
        found = list(group)
        lines += sorted(found) if is_result else found
    return "\n".join(lines).strip("\n")


def kill_company(work_folder: Path, company: str) -> None:
    """Kill the process of a company's run as soon as there is one."""
    mark = f"MELTANO_SYS_DIR_ROOT={work_folder / company}".encode()
    for _ in range(600):
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                name = (process / "comm").read_text().strip()
                if name == pair_command.NAME and mark in (process / "environ").read_bytes():
                    time.sleep(2)
                    os.kill(int(process.name), signal.SIGKILL)
                    return
        time.sleep(0.1)


def quote_runbook(shown: str, kinds: Collection[str]) -> str:
    """Return the lines of the runbook for kinds of trouble, and those whose first cells are found in what is shown."""
    flat = " ".join(shown.split())
    found, section = [], ""
    for line in RUNBOOK.read_text(encoding="utf-8").splitlines():
        section = line if line.startswith("#") else section
        first, _, last = line.strip("| ").partition(" | ")
        anchor = re.search(r'<a id="([a-z-]+)">', first)
        is_kind = anchor is not None and anchor[1].replace("-", "_") in kinds
        is_reason = section in {SECTIONS[kind] for kind in kinds if kind in SECTIONS} and _matches(first, flat)
        if line.startswith("| ") and (is_kind or is_reason):
            found.append(f"> {first}: {last.rpartition(' | ')[2]}")
    return "\n>\n".join(_relink(each) for each in found)


def _matches(cell: str, text: str) -> bool:
    """Return whether a text has what stands in quotes in a cell. Three dots stand for anything."""
    quoted = [] if cell.startswith("any other") else re.findall(r"`([^`]+)`", cell)
    return any(re.search(".+?".join(map(re.escape, each.split("..."))), text) for each in quoted)


def _relink(text: str) -> str:
    """Return a line of the runbook with its links as they are from the page."""
    text = re.sub(r" <a id=\"[a-z-]+\"></a>", "", text)
    text = re.sub(r"\]\(\.\./", "](", text)
    text = re.sub(r"\]\(#", "](how-to/runbook.md#", text)
    return re.sub(r"\]\((?!how-to/|explanation/|reference/|https?:)([a-z-]+\.md)", r"](how-to/\1", text)


def describe(trouble: Trouble, fleet: TerminalFleet, receiver: Receiver) -> str:
    """Make a trouble, and return what the screens say of it."""
    trouble.begin(fleet)
    if trouble.kill:
        threading.Thread(target=kill_company, args=(fleet.folder / "work", trouble.company), daemon=True).start()
    told = len(receiver.bodies)
    run = _without_progress(fleet.run(trouble.company))
    status = fleet.show("status", "--company", trouble.company)
    page = fleet.folder / "report.html"
    report = fleet.show("report", "--company", trouble.company, f"--output={page}")
    kinds = {each["kind"] for each in receiver.bodies[told:]}
    alerts = [f"{each['company']}: {each['kind']}: {each['reason']}" for each in receiver.bodies[told:]]
    command = re.search(r"<pre>(.*?)</pre>", page.read_text(encoding="utf-8"), re.DOTALL)
    parts = [
        f"## {trouble.title}",
        trouble.cause,
        _block(f"orchestrate-etl run --company {trouble.company}", run),
        _block(f"orchestrate-etl status --company {trouble.company}", status),
        _block("the alert", normalize("\n".join(alerts))),
        f"The report suggests `{_plain_command(command[1])}`." if command else "",
        "The runbook:" if (quoted := quote_runbook(f"{run} {status} {report}", kinds)) else "",
        quoted,
    ]
    fleet.titan.control.clear_faults()
    return "\n\n".join(filter(None, parts))


def _block(title: str, text: str) -> str:
    return (
        f"`{title}`:\n\n```text\n{text}\n```"
        if title.startswith("orchestrate")
        else f"{title.capitalize()}:\n\n```text\n{text}\n```"
    )


def _plain_command(html: str) -> str:
    """Return a command of the report without the options for registry, storage and environment."""
    command = unescape(re.sub(r"<[^>]*>", "", html))
    return re.sub(r" --(?:companies|storage|environment)[= ]\S+", "", command)


def _without_progress(text: str) -> str:
    """Return the output of a run without the lines that every run has."""
    return "\n".join(line for line in text.splitlines() if not any(part in line for part in IN_EVERY_RUN))


def capture() -> str:
    """Return the page."""
    with tempfile.TemporaryDirectory(prefix="trouble-") as folder, ExitStack() as stack:
        titan = stack.enter_context(processes.run_servicetitan())
        warehouse = stack.enter_context(processes.run_bigquery())
        receiver = stack.enter_context(run_receiver())
        (Path(folder) / "meltano").mkdir()
        meltano = MeltanoProject(Path(folder) / "meltano", {})
        meltano.install()
        fleet = TerminalFleet(Path(folder), meltano, titan, warehouse, (Path(folder) / "etl").as_uri())
        fleet.variables |= {"ETL_NOTIFY": '[{"kind": "webhook", "url": "env:HOOK"}]', "HOOK": receiver.address}
        for number, trouble in enumerate(TROUBLES, 880901):
            fleet.add(trouble.company, str(number), SIZES)
        good: subprocess.Popen[str] = fleet.start("--parallel=2")
        good.communicate()
        if good.returncode:
            raise SystemExit("the run without troubles failed")
        return "\n".join([INTRODUCTION, *(f"{describe(trouble, fleet, receiver)}\n" for trouble in TROUBLES)])


def main() -> int:
    """Write or check the page, and return the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/troubleshooting.md.")
    parser.add_argument("--check", action="store_true", help="only say what differs")
    options = parser.parse_args()
    text = capture()
    if not options.check:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    before = PAGE.read_text(encoding="utf-8")
    if squeeze(before) == squeeze(text):
        return 0
    sys.stdout.write("\n".join(difflib.unified_diff(before.splitlines(), text.splitlines(), "page", "screens")))
    return 1


def squeeze(text: str) -> str:
    """Return a text without what depends on how wide a number in a table is."""
    return re.sub(r"[\s\u2500-\u257f]+", " ", text)


if __name__ == "__main__":
    sys.exit(main())
