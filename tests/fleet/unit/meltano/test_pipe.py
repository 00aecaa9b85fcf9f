"""A tap writes into a target, and what either of them does to the other is what Meltano would make of it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from servicetitan_fleet.meltano.pipe import Pipe, PipeExit, PluginCommand, run_alone
from servicetitan_fleet.meltano.plugin_start import PluginStarter

WAITS = "import time; time.sleep(600)"
COPIES = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"


class Stage:
    """Two plugins in Python, and what they said."""

    def __init__(self) -> None:
        self.logs: dict[str, list[str]] = {"tap": [], "target": []}
        self.states: list[str] = []

    def command(self, name: str, code: str) -> PluginCommand:
        """Return a plugin that runs some Python."""
        prefix = "import os, sys; print(os.getpid(), file=sys.stderr, flush=True)\n"
        return PluginCommand(
            name=name,
            arguments=[sys.executable, "-c", prefix + code],
            environment={"NAME": name},
            on_log_line=self.logs[name].append,
        )

    def run(self, tap: str, target: str) -> PipeExit:
        """Run a pair of plugins."""
        with Pipe(PluginStarter([]).start) as pipe:
            pipe.start_tap(self.command("tap", tap))
            pipe.start_target(self.command("target", target), self.states.append)
            return pipe.wait()

    def is_alive(self, name: str) -> bool:
        """Return whether the process of a plugin exists."""
        return Path(f"/proc/{self.logs[name][0].strip()}").exists()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_what_the_tap_writes_reaches_the_target_and_what_that_writes_the_reader(stage: Stage) -> None:
    end = stage.run("print('one'); print('two'); print(os.environ['NAME'], file=sys.stderr)", COPIES)
    assert end == PipeExit(tap=0, target=0)
    assert stage.states == ["ONE\n", "TWO\n"]
    assert stage.logs["tap"][1:] == ["tap\n"]
    assert stage.logs["target"][1:] == []


def test_the_target_ends_well_after_a_tap_that_failed(stage: Stage) -> None:
    assert stage.run("print('one'); sys.exit(3)", COPIES) == PipeExit(tap=3, target=0)
    assert stage.states == ["ONE\n"]


def test_a_tap_whose_target_has_died_is_killed_and_is_not_to_blame(stage: Stage) -> None:
    writes_for_ever = "while True: print('x' * 1000)"
    assert stage.run(writes_for_ever, "sys.exit(4)") == PipeExit(tap=0, target=4)
    assert stage.run(WAITS, "os.kill(os.getpid(), 9)") == PipeExit(tap=0, target=-signal.SIGKILL)
    assert all(line.strip().isdecimal() for line in stage.logs["tap"])  # nothing but their ids: no broken pipe
    assert not stage.logs["tap"] or not stage.is_alive("tap")


def test_both_may_fail(stage: Stage) -> None:
    assert stage.run("sys.exit(3)", f"{COPIES}\nsys.exit(4)") == PipeExit(tap=3, target=4)


def test_the_target_waits_for_the_end_of_a_tap_that_has_closed_its_output(stage: Stage) -> None:
    tap = "import time; os.close(1); time.sleep(1); os._exit(5)"
    assert stage.run(tap, "sys.stdin.read()") == PipeExit(tap=5, target=0)


def test_what_is_no_text_does_no_harm(stage: Stage) -> None:
    stage.run("sys.stderr.buffer.write(b'\\xff\\r\\x85 one\\nno end')", COPIES)
    assert stage.logs["tap"][1:] == ["\ufffd\r\ufffd one\n", "no end"]


def test_none_is_left_when_the_second_one_cannot_be_started(stage: Stage) -> None:
    command = PluginCommand(name="target", arguments=["/absent"], environment={}, on_log_line=print)
    with Pipe(PluginStarter([]).start) as pipe:
        pipe.start_tap(stage.command("tap", WAITS))
        with pytest.raises(OSError, match="absent"):
            pipe.start_target(command, print)
    assert not stage.logs["tap"] or not stage.is_alive("tap")


def test_one_alone_has_its_code_its_output_and_its_log(stage: Stage, tmp_path: Path) -> None:
    command = stage.command("tap", "print(sys.stdin.read() + 'out'); print('log', file=sys.stderr); sys.exit(2)")
    with (tmp_path / "out").open("wb") as output:
        assert run_alone(PluginStarter([]).start, command, output.fileno()) == 2
    assert (tmp_path / "out").read_text() == "out\n"
    assert stage.logs["tap"][1:] == ["log\n"]


def test_a_line_that_cannot_be_handled_stops_nothing(stage: Stage) -> None:
    def refuse(line: str) -> None:
        stage.states.append(line)
        raise RuntimeError(line)

    with Pipe(PluginStarter([]).start) as pipe:
        pipe.start_tap(stage.command("tap", "for number in range(20_000): print(number)"))
        pipe.start_target(stage.command("target", COPIES), refuse)
        assert pipe.wait() == PipeExit(tap=0, target=0)
    assert len(stage.states) == 20_000


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_target_that_is_about_to_be_ended_does_not_hear_of_the_end_of_the_tap(
    stage: Stage, *, is_stopped: bool
) -> None:
    looks = "import select; print('waits' if not select.select([0], [], [], 4)[0] else 'ends')"
    with Pipe(PluginStarter([]).start) as pipe:
        pipe.start_tap(stage.command("tap", "pass"))
        pipe.start_target(stage.command("target", looks), stage.states.append)
        if is_stopped:
            pipe.stop()
        pipe.wait()
    assert stage.states == ["waits\n" if is_stopped else "ends\n"]
