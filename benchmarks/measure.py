"""Runs commands and measures their processor time, wall clock time and memory. Linux only: it reads `/proc`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

LOOK_SECONDS = 0.02
"""Pause between two looks whether the processes have ended."""

LOOKS_PER_SAMPLE = 5
"""Memory is looked up less often: with a hundred threads it takes milliseconds, on cores that the measured processes
need. The kernel records the peak of each process, so that only one of the last tenth of a second can be missed."""

_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""With that variable every process would compile its imports again, which would be most of its work."""

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class BenchmarkError(Exception):
    """A scenario has no figure. The text says why."""


@dataclass(frozen=True)
class Command:
    """A program to run.

    Attributes:
        arguments: The program and its arguments.
        environment: Environment variables in addition to those of this process.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cost:
    """The cost of one command of a pipeline.

    Attributes:
        cpu_seconds: User and system time of the process and of the children that it waited for.
        peak_mb: Peak memory of the largest process: the command's own or a child.
    """

    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Measured:
    """The cost of a pipeline.

    Attributes:
        costs: The cost of each command, in the order of the pipeline.
        wall_seconds: From the start of the first to the end of the last.
        peak_total_mb: Peak memory of all processes together, as sampled. Shared pages count more than once.
    """

    costs: tuple[Cost, ...]
    wall_seconds: float
    peak_total_mb: float

    @property
    def cpu_seconds(self) -> float:
        """The processor time of all commands."""
        return sum(cost.cpu_seconds for cost in self.costs)

    @property
    def peak_mb(self) -> float:
        """The memory of the largest process."""
        return max(cost.peak_mb for cost in self.costs)


def measure(
    *commands: Command,
    folder: Path,
    source: Path | None = None,
    output: Path | None = None,
    timeout_seconds: float = 1200,
    good_codes: Collection[int] = frozenset({0}),
) -> Measured:
    """Run commands as a pipeline until all have ended, and return the cost.

    Args:
        commands: The commands.
        folder: Folder of the commands' stderr (`0.log`, `1.log`, ...) and of the last one's stdout (`output`).
        source: File that the first command reads.
        output: File for the last command's stdout, instead of the one in the folder.
        timeout_seconds: Time after which the commands are killed.
        good_codes: The exit codes that a command may have.

    Raises:
        BenchmarkError: If a command ends with another one, or not in time.
    """
    started = time.monotonic()
    with ExitStack() as files:
        stdin: IO[bytes] | int = files.enter_context(source.open("rb")) if source else subprocess.DEVNULL
        stdout = files.enter_context((output or folder / "output").open("wb"))
        running: list[_Running] = []
        try:
            for number, command in enumerate(commands):
                last = number == len(commands) - 1
                log = files.enter_context((folder / f"{number}.log").open("wb"))
                running.append(_start(command, stdin, stdout if last else subprocess.PIPE, log))
                stdin = running[-1].take_output() or subprocess.DEVNULL
            peak_total_kb = _wait(running, started + timeout_seconds)
        finally:
            for process in running:
                process.end()
    wall_seconds = time.monotonic() - started
    for number, process in enumerate(running):
        if process.code is not None and process.code not in good_codes:
            raise BenchmarkError(_failure(process.code, commands[number], folder / f"{number}.log"))
    return Measured(tuple(process.cost for process in running), wall_seconds, peak_total_kb / 1024)


def cpu_seconds_of(pid: int) -> float:
    """Return the processor time that a running process has taken so far, without that of its children."""
    # The name of the program, in parentheses, may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


class _Running:
    """A process of the pipeline."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._peak_kb = 0
        self._cpu_seconds = 0.0

    @property
    def code(self) -> int | None:
        return self._process.returncode

    @property
    def cost(self) -> Cost:
        return Cost(self._cpu_seconds, self._peak_kb / 1024)

    def take_output(self) -> IO[bytes] | None:
        return self._process.stdout

    def sample_memory(self) -> int:
        """Record the memory of the process and its children, and return their current total in KB."""
        now_kb = 0
        for resident_kb, peak_kb in map(_memory_kb, _tree(self._process.pid)):
            now_kb += resident_kb
            self._peak_kb = max(self._peak_kb, peak_kb)
        return now_kb

    def has_ended(self) -> bool:
        if self._process.returncode is None:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self._cpu_seconds = usage.ru_utime + usage.ru_stime
        return self._process.returncode is not None

    def end(self) -> None:
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _start(command: Command, stdin: IO[bytes] | int, stdout: IO[bytes] | int, log: IO[bytes]) -> _Running:
    process = subprocess.Popen(  # noqa: S603 - the benchmarks' own commands
        list(command.arguments),
        stdin=stdin,
        stdout=stdout,
        stderr=log,
        env={**_ENVIRONMENT, **command.environment},
        start_new_session=True,
    )
    if not isinstance(stdin, int):
        stdin.close()  # only the process holds it now, so that a writer notices when the process ends
    return _Running(process)


def _wait(running: Sequence[_Running], deadline: float) -> int:
    """Wait until all processes have ended. Return the peak memory of all together, in KB."""
    peak_kb = 0
    for look in count():
        if all(process.has_ended() for process in running):
            break
        if time.monotonic() > deadline:
            raise BenchmarkError("it did not end in time")
        if look % LOOKS_PER_SAMPLE == 0:
            peak_kb = max(peak_kb, sum(process.sample_memory() for process in running if process.code is None))
        time.sleep(LOOK_SECONDS)
    return peak_kb


def _tree(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    with suppress(OSError):  # it has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def _memory_kb(pid: int) -> tuple[int, int]:
    """Return the current and the peak memory of a process in KB; zeros if it has ended."""
    with suppress(OSError):
        found = dict(re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()))
        return int(found.get("VmRSS", 0)), int(found.get("VmHWM", 0))
    return 0, 0


def _failure(code: int, command: Command, log: Path) -> str:
    said = _explain(log.read_text(errors="replace").splitlines())
    return f"`{Path(command.arguments[0]).name}` ended with {code}: {said}"


def _explain(lines: Iterable[str]) -> str:
    """Return the first error in a log, if it says what is one, and the last line."""
    meaningful = [line.strip() for line in lines if line.strip()]
    errors = [line for line in meaningful if " ERROR " in line]
    return " ... ".join(dict.fromkeys(line[-500:] for line in (*errors[:1], *meaningful[-1:]))) or "it said nothing"
