"""A process ends when it should, and leaves no children behind."""

from __future__ import annotations

import os
import sys
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.meltano import process
from servicetitan_fleet.meltano.log_lines import LONGEST_LINE
from servicetitan_fleet.meltano.process import EndedBy, ProcessExit, run_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def run(
    code: str, folder: Path, *, should_stop: Callable[[], bool] = lambda: False, timeout_seconds: float = 30
) -> tuple[ProcessExit, list[str]]:
    """Run some Python and return how it ended, and its output."""
    lines: list[str] = []
    end = run_process(
        [sys.executable, "-u", "-c", code],
        folder=folder,
        environment={"ONLY": "this"},
        on_line=lambda line: lines.append(line.decode()),
        should_stop=should_stop,
        timeout_seconds=timeout_seconds,
    )
    return end, lines


def test_output_and_exit_code_are_returned_and_the_environment_is_only_the_given_one(tmp_path: Path) -> None:
    code = (
        "import os, sys; print(os.environ.get('ONLY'), 'HOME' in os.environ); print('x', file=sys.stderr); sys.exit(3)"
    )
    end, lines = run(code, tmp_path)
    assert end == ProcessExit(3, EndedBy.ITSELF)
    assert sorted(lines) == ["this False", "x"]


def test_it_is_terminated_on_timeout_or_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("import time; time.sleep(60)", tmp_path, timeout_seconds=0.3)[0] == ProcessExit(-15, EndedBy.TIMEOUT)
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    assert run("import time; time.sleep(60)", tmp_path, should_stop=stop.is_set)[0] == ProcessExit(-15, EndedBy.STOP)
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.5)
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
    assert run(stubborn, tmp_path, timeout_seconds=1)[0] == ProcessExit(-9, EndedBy.TIMEOUT)


@pytest.mark.parametrize("death", ["sys.exit(0)", "os.kill(os.getpid(), 9)"])
def test_its_children_end_with_it(death: str, tmp_path: Path) -> None:
    started = "import os, subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); "
    began = time.monotonic()
    _, (pid,) = run(started + death, tmp_path)
    assert time.monotonic() - began < 20
    deadline = time.monotonic() + 20
    while is_running(int(pid)):
        assert time.monotonic() < deadline, "an orphan was left behind"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - procfs
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_kernel_kills_it_first_when_memory_runs_out(tmp_path: Path) -> None:
    waits = (
        "import itertools, time; read = lambda: int(open('/proc/self/oom_score_adj').read());"
        "all(read() < 500 and not time.sleep(0.05) for _ in range(400)); print(read())"
    )
    _, (score,) = run(waits, tmp_path)
    assert int(score) >= 500
    with open(f"/proc/{os.getpid()}/oom_score_adj") as own:  # noqa: PTH123 - procfs
        assert int(own.read()) < 500


def test_a_line_that_cannot_be_handled_does_not_stop_the_process(tmp_path: Path) -> None:
    lines: list[bytes] = []

    def handle(line: bytes) -> None:
        lines.append(line)
        raise BrokenPipeError(f"line {len(lines)}")

    end = run_process(
        # More than a pipe holds.
        [sys.executable, "-c", "for number in range(40): print('x' * 10000)"],
        folder=tmp_path,
        environment={},
        on_line=handle,
        should_stop=lambda: False,
        timeout_seconds=60,
    )
    assert (end.code, end.by, len(lines)) == (0, EndedBy.ITSELF, 40)
    assert str(end.unheard) == "line 1"


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    code = (
        "import os, sys; print('before'); [os.write(1, b'x' * 65536) for _ in range(640)]; print('\\nafter\\n\\nend')"
    )
    tracemalloc.start()
    _, lines = run(code, tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lines == ["before", "x" * LONGEST_LINE, "after", "", "end"]
    assert peak < 10 << 20  # the line has 40 MiB


def test_a_long_line_is_told_before_it_ends(tmp_path: Path) -> None:
    code = f"import time; print('x' * {2 * LONGEST_LINE}, end='', flush=True); time.sleep(60)"
    end, lines = run(code, tmp_path, timeout_seconds=3)
    assert (end.by, lines) == (EndedBy.TIMEOUT, ["x" * LONGEST_LINE])
