"""Plays schedules with targets that are processes, to show that threads do the same.

The process lives in simulated time, too: it asks for it, and for everything else that a thread would ask, by requests
to its own proxy, which never reach BigQuery. It is killed with SIGKILL.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, override
from urllib.parse import urlsplit

from support.proxy import Answer
from support.target.schedules import virtual_time
from support.target.schedules.simulation import Actor
from target_bigquery_softdelete.plugin_runtime.command import leave, run
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.proxy import Request

_PREFIX = "/simulated/"
_TESTS = Path(__file__).parents[3]


class ProcessActor(Actor):
    """A target that is a process."""

    _process: subprocess.Popen[bytes] | None = None

    @override
    def gate(self, request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        if not request.path.startswith(_PREFIX):
            return super().gate(request, forward)
        try:
            told = self._tell(request.path.removeprefix(_PREFIX), json.loads(request.body))
        except virtual_time.Killed:
            return None
        return Answer(200, [("Content-Type", "application/json")], json.dumps(told).encode())

    def _tell(self, question: str, given: dict[str, Any]) -> object:
        """Answer a question of the process, or do what it says."""
        if question == "time":
            return [self.wall_clock(given["reader"]).isoformat(), self.monotonic()]
        if question == "rest":
            self.rest(given["seconds"], given["thread"], lambda: given["nap"] in self._called)
        elif question == "wake":
            self._called.update(given["naps"])
            self.wake()
        else:
            tell: dict[str, Callable[..., None]] = {
                "start": self.note_start,
                "end": self.note_end,
                "join": self.note_join,
                "print": self.print,
            }
            tell[question](**given)
        return None

    @override
    def _start(self, config: Path, source: Path) -> None:
        self._called: set[int] = set()
        command = [sys.executable, "-m", __name__, str(config), str(source), self._proxy.url]
        path = os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH")]))
        process = self._process = subprocess.Popen(
            command, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
        )

        def work() -> None:
            self.log(process.communicate()[1].decode())
            self.code = process.returncode

        self._thread = threading.Thread(target=lambda: self._run(work), daemon=True)
        self._thread.start()

    @override
    def _die(self) -> None:
        if self._process:
            self._process.kill()
        super()._die()


class _RemoteProgram:
    """The program in its own process: it asks the simulation by requests."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._naps: dict[int, threading.Event] = {}

    def wall_clock(self, reader: str) -> dt.datetime:
        """Return the time that its wall clock shows."""
        return dt.datetime.fromisoformat(self._ask("time", reader=reader)[0])

    def monotonic(self) -> float:
        """Return the time that its monotonic clock shows."""
        return float(self._ask("time", reader="warehouse")[1])

    def sleep(self, seconds: float, event: threading.Event | None = None) -> bool:
        """Sleep until the simulation says so, or an event is set."""
        nap = len(self._naps)
        self._naps[nap] = event or threading.Event()
        if not self._naps[nap].is_set():
            self._ask("rest", seconds=seconds, thread=threading.current_thread().name, nap=nap)
        return self._naps[nap].is_set()

    def wake(self) -> None:
        """Let threads that wait for an event look again."""
        self._ask("wake", naps=[nap for nap, event in self._naps.items() if event.is_set()])

    def note_start(self, thread: str) -> None:
        """Note that one of its threads is about to start."""
        self._ask("start", thread=thread)

    def note_end(self, thread: str) -> None:
        """Note that one of its threads has ended."""
        self._ask("end", thread=thread)

    def note_join(self, thread: str, *, begins: bool) -> None:
        """Note that one of its threads begins or ends to wait for the end of another one."""
        self._ask("join", thread=thread, begins=begins)

    def print(self, text: str) -> None:
        """Take what it writes to stdout."""
        self._ask("print", text=text)

    def log(self, text: str) -> None:
        """Take what it writes to stderr."""
        os.write(2, text.encode())

    def _ask(self, question: str, **given: Any) -> Any:  # noqa: ANN401 - any JSON
        connection = http.client.HTTPConnection(self._address)
        connection.request("POST", _PREFIX + question, json.dumps(given))
        told = json.loads(connection.getresponse().read())
        connection.close()
        return told


def main(config: str, source: str, url: str) -> None:
    """Run a target in simulated time, as a process."""
    codes: list[int] = []

    def work() -> None:
        codes.append(run(TargetBigQuerySoftDelete, ["--config", config, "--input", source]))

    with virtual_time.simulated():
        virtual_time.run(_RemoteProgram(url), work)
    leave(codes[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
