"""The tap and the target of one company as two processes in a pipe, of which one or both may be killed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.tap.harness import Company

BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 900
"""How long a process may take that has nothing more to read, or nobody to write to."""
_SAMPLE_SECONDS = 0.5

Victim = Literal["tap", "target"]


@dataclass(frozen=True)
class Kill:
    """Which processes to kill with SIGKILL, and at which moment: the one that is given, or whichever comes first."""

    victims: frozenset[Victim]
    after_text: bytes | None = None
    """When the tap has written a line with this. What it wrote after that line is lost with it."""
    after_lines: int | None = None
    """When the tap has written so many lines. What is in the pipe by then arrives, and may end within a line."""
    after_states: int | None = None
    """When the target has written so many STATE lines."""


@dataclass(frozen=True)
class Ended:
    """The results of both processes of a pipe."""

    tap: int
    target: int
    states: list[dict[str, Any]]
    """What the target has written."""
    log: str
    sent: list[dict[str, Any]]
    """The values of the STATE messages that the tap has written, and the target could read."""
    records: int
    """How many records the tap has written."""
    peak_megabytes: dict[Victim, int]
    """The most memory that each process has used, if it ran long enough to be looked at."""

    @property
    def errors(self) -> list[str]:
        """The error messages of both processes."""
        return [line.rsplit(" | ", 1)[-1] for line in self.log.splitlines() if "| ERROR " in line]


class Pipe:
    """Runs `tap | target` for one company.

    Args:
        company: The company.
        project: Its project.
        folder: Where the files of the processes are.
        streams: The streams that the tap reads.
    """

    def __init__(self, company: Company, project: Project, folder: Path, streams: Iterable[str]) -> None:
        self.company = company
        self.streams = tuple(streams)
        self.project = project
        self.folder = folder
        self.state: dict[str, Any] | None = None

    def __call__(self, *, kill: Kill | None = None, **settings: Any) -> Ended:  # noqa: ANN401 - of the target
        """Run the pipe, continuing from the last state.

        Args:
            kill: Whom to kill, and when.
            settings: Settings of the target.
        """
        target_config = {
            "project_id": self.project.name,
            "api_endpoint": self.project.api_endpoint,
            "tenant_id": self.company.id,
        }
        tap: list[str | Path] = [BIN / "tap-servicetitan", "--config", self._file("tap", self.company.config)]
        tap += ["--catalog", self._file("catalog", self._catalog())]
        if self.state:
            tap += ["--state", self._file("state", self.state)]
        target: list[str | Path] = [
            BIN / "target-bigquery-softdelete",
            "--config",
            self._file("target", target_config | settings),
        ]
        with (
            (self.folder / "log").open("w+b") as log,
            subprocess.Popen(tap, stdout=subprocess.PIPE, stderr=log) as tap_process,
            subprocess.Popen(target, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as target_process,
        ):
            run = _Run(tap_process, target_process, kill)
            run.finish()
            log.seek(0)
            ended = Ended(
                tap=tap_process.returncode,
                target=target_process.returncode,
                states=run.states,
                log=log.read().decode(),
                sent=run.sent,
                records=run.records,
                peak_megabytes=run.peaks,
            )
        if ended.states:
            self.state = ended.states[-1]
        return ended

    def _catalog(self) -> dict[str, Any]:
        catalog: dict[str, Any] = TapServiceTitan(config=self.company.config).catalog_dict
        for stream in catalog["streams"]:
            whole = next(entry for entry in stream["metadata"] if not entry["breadcrumb"])
            whole["metadata"]["selected"] = stream["tap_stream_id"] in self.streams
        return catalog

    def _file(self, name: str, content: dict[str, Any]) -> Path:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(content))
        return path

    def landed(self, stream: str) -> dict[Any, dict[str, Any]]:
        """Return the rows of a stream, without the time of their last write."""
        rows = self.project.rows(stream)
        return {key: {name: row[name] for name in row if name != "_etl_synced"} for key, row in rows.items()}

    def truth(self, stream: str) -> set[int]:
        """Return the ids of the records in ServiceTitan."""
        return {record["id"] for record in self.company.server.control.records(self.company.id, stream)}


@dataclass
class _Run:
    """Two processes that run: hands what the one writes to the other, and kills them when it is time."""

    tap: subprocess.Popen[bytes]
    target: subprocess.Popen[bytes]
    kill: Kill | None
    states: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    records: int = 0
    peaks: dict[Victim, int] = field(default_factory=dict)

    def finish(self) -> None:
        """Wait until both have ended."""
        # A state may be larger than what fits into the pipe that it comes by.
        threads = [threading.Thread(target=work) for work in (self._read_states, self._watch_memory)]
        for thread in threads:
            thread.start()
        self._feed()
        self.tap.wait(PATIENCE_SECONDS)
        self.target.wait(PATIENCE_SECONDS)
        for thread in threads:
            thread.join()

    def _feed(self) -> None:
        assert self.tap.stdout
        assert self.target.stdin
        text, lines = (self.kill.after_text, self.kill.after_lines) if self.kill else (None, None)
        for number, line in enumerate(self.tap.stdout, start=1):
            self._hand_on(line)
            if text and text in line:
                self._kill()
                break
            if number == lines:
                self._kill()
            if self._has_lost("target"):
                break  # as in a shell, where nobody reads the tap's output any more
        self.tap.stdout.close()
        with suppress(BrokenPipeError):
            self.target.stdin.close()

    def _hand_on(self, line: bytes) -> None:
        assert self.target.stdin
        with suppress(BrokenPipeError):  # a target that refuses ends before the tap does
            self.target.stdin.write(line)
            if not line.startswith(b'{"type":"RECORD"'):
                self.target.stdin.flush()
        if line.startswith(b'{"type":"RECORD"'):
            self.records += 1
        elif line.startswith(b'{"type":"STATE"') and line.endswith(b"\n"):
            self.sent.append(json.loads(line)["value"])

    def _has_lost(self, victim: Victim) -> bool:
        return self.kill is not None and victim in self.kill.victims and self._process(victim).poll() is not None

    def _read_states(self) -> None:
        assert self.target.stdout
        for line in self.target.stdout:
            self.states.append(json.loads(line))
            if self.kill and len(self.states) == self.kill.after_states:
                self._kill()

    def _kill(self) -> None:
        for victim in self.kill.victims if self.kill else ():
            self._process(victim).kill()
        if self.kill and "target" in self.kill.victims:
            self.target.wait()

    def _process(self, name: Victim) -> subprocess.Popen[bytes]:
        return self.tap if name == "tap" else self.target

    def _watch_memory(self) -> None:
        names: tuple[Victim, ...] = ("tap", "target")
        while running := [name for name in names if self._process(name).returncode is None]:
            for name in running:
                with suppress(OSError):
                    status = Path(f"/proc/{self._process(name).pid}/status").read_text()
                    if peak := re.search(r"VmHWM:\s+(\d+) kB", status):  # a zombie has none
                        self.peaks[name] = int(peak[1]) // 1024
            with suppress(subprocess.TimeoutExpired):
                self._process(running[0]).wait(_SAMPLE_SECONDS)
