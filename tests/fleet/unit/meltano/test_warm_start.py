"""A Meltano that is forked from a process with its libraries is the same as one that is started as a program."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.meltano import warm_start
from servicetitan_fleet.meltano.process import EndedBy, ProcessExit, run_process, start_process
from servicetitan_fleet.meltano.project import TAP
from servicetitan_fleet.meltano.warm_start import WarmMeltano

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_fleet.meltano.process import Starter

# In place of Meltano's libraries: a package with its name, whose `main` runs the code in its first argument.
MELTANO = """
import os, sys
loaded_by = os.getpid()
def main():
    code, sys.argv = sys.argv[1], sys.argv[:1]
    exec(code, {"loaded_by": loaded_by})
"""
RUN = "import sys; sys.path.insert(0, {folder!r}); from meltano.cli import main; main()"
FACTS = """
import json, os, sys
mask = os.umask(0)
print(json.dumps({
    "environment": {name: os.environ[name] for name in sorted(os.environ) if name not in ("LC_CTYPE", "PYTHONPATH")},
    "folder": os.getcwd(), "umask": mask, "leads": os.getpgid(0) == os.getpid(),
    "input": sys.stdin.read(),
}), flush=True)
print("an error", file=sys.stderr)
sys.exit(3)
"""


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[WarmMeltano]:
    (tmp_path / "meltano").mkdir()
    (tmp_path / "meltano/__init__.py").touch()
    (tmp_path / "meltano/cli.py").write_text(MELTANO)
    with WarmMeltano({"PYTHONPATH": str(tmp_path), "ONLY_THE_SERVER": "has this"}) as made:
        yield made


def run(start: Starter, code: str, folder: Path, *, timeout_seconds: float = 60) -> tuple[ProcessExit, list[str]]:
    """Run some Python as Meltano, and return how it ended, and its output."""
    command = ["meltano", code]
    if start == start_process:
        command = [sys.executable, "-c", RUN.format(folder=str(folder)), code]
    lines: list[str] = []
    end = run_process(
        command,
        folder=folder,
        environment={"TZ": "Asia/Tokyo", "SECRET": "s3cr3t"},
        on_line=lambda line: lines.append(line.decode()),
        should_stop=lambda: False,
        timeout_seconds=timeout_seconds,
        start=start,
    )
    return end, lines


def test_it_has_its_own_settings_and_no_others_and_is_as_if_started(warm: WarmMeltano, tmp_path: Path) -> None:
    end, lines = run(warm.start, FACTS, tmp_path)
    facts = json.loads(lines[0])
    assert facts == {
        "environment": {"SECRET": "s3cr3t", "TZ": "Asia/Tokyo"},
        "folder": str(tmp_path),
        "umask": 0o077,
        "leads": True,
        "input": "",
    }
    assert (end, lines[1:]) == (ProcessExit(3, EndedBy.ITSELF), ["an error"])
    assert run(start_process, FACTS, tmp_path) == (end, lines)

    assert run(warm.start, "import time; print(time.tzname[0])", tmp_path)[1] == ["JST"]
    # Nothing of one company is left for the next one, and the libraries were loaded before both.
    code = "import os; print(os.environ.pop('SECRET'), loaded_by == os.getppid() != os.getpid())"
    assert run(warm.start, code, tmp_path)[1] == run(warm.start, code, tmp_path)[1] == ["s3cr3t True"]


ENDING = """
import atexit, os, sys, threading, time
class Library:
    def __del__(self, write=os.write):
        write(1, b"taken apart\\n")
sys.modules["a library"] = Library()
def finish():
    time.sleep(0.3)
    print("a thread has finished")
threading.Thread(target=finish).start()
atexit.register(print, "cleaned up")
print("not flushed")
sys.exit({code!r})
"""


@pytest.mark.parametrize("code", [0, None, 7, 256, "a message"])
def test_its_end_is_that_of_a_program_but_its_libraries_are_not_taken_apart(
    warm: WarmMeltano, tmp_path: Path, code: object
) -> None:
    ending = ENDING.format(code=code)
    end, lines = run(warm.start, ending, tmp_path)
    as_program, lines_of_program = run(start_process, ending, tmp_path)
    assert end == as_program
    lines_of_program.remove("taken apart")
    if isinstance(code, str):
        lines.remove("taken apart")
    assert sorted(lines) == sorted(lines_of_program)


def test_its_death_is_told_and_it_ends_when_it_should(warm: WarmMeltano, tmp_path: Path) -> None:
    assert run(warm.start, "import os; os.kill(os.getpid(), 9)", tmp_path)[0] == ProcessExit(-9, EndedBy.ITSELF)
    assert run(warm.start, "1 / 0", tmp_path)[0] == ProcessExit(1, EndedBy.ITSELF)
    ends: list[ProcessExit] = []
    # Several at a time: each hears of its own end.
    sleep = "import sys, time; time.sleep(60)"

    def note(code: str, limit: float) -> None:
        ends.append(run(warm.start, code, tmp_path, timeout_seconds=limit)[0])

    quick = "import sys, time; time.sleep(1); sys.exit(7)"
    threads = [threading.Thread(target=note, args=arguments) for arguments in ((sleep, 3.0), (quick, 60.0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends, key=lambda end: end.code) == [ProcessExit(-15, EndedBy.TIMEOUT), ProcessExit(7, EndedBy.ITSELF)]


def test_it_has_time_to_end_after_the_fleet_was_stopped(warm: WarmMeltano, tmp_path: Path) -> None:
    code = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(9)); print('up', flush=True); time.sleep(60)"
    )
    stop = threading.Event()

    def on_line(_: bytes) -> None:
        warm.give_up()
        threading.Timer(0.5, stop.set).start()

    end = run_process(
        ["meltano", code],
        folder=tmp_path,
        environment={},
        on_line=on_line,
        should_stop=stop.is_set,
        timeout_seconds=60,
        start=warm.start,
    )
    assert end == ProcessExit(9, EndedBy.STOP)


def test_its_children_end_with_it_and_it_holds_what_it_inherits(warm: WarmMeltano, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    started = "import subprocess; print(subprocess.Popen(['/bin/sleep', '60']).pid, flush=True)"
    lines: list[str] = []
    end = run_process(
        ["meltano", started],
        folder=tmp_path,
        environment={},
        on_line=lambda line: lines.append(line.decode()),
        should_stop=lambda: False,
        timeout_seconds=60,
        inherited=(writing,),
        start=warm.start,
    )
    os.close(writing)
    assert end.code == 0
    assert os.read(reading, 1) == b""  # neither the server nor a child still holds it
    os.close(reading)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{lines[0]}").exists() and "Z" not in Path(f"/proc/{lines[0]}/stat").read_text():
        assert time.monotonic() < deadline


def test_without_the_libraries_it_is_started_as_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meltano.py").write_text("raise ImportError")
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho cold\nexit 5\n")
    program.chmod(0o700)
    with WarmMeltano({"PYTHONPATH": str(tmp_path)}) as none:
        assert start_and_read(none, program) == (5, b"cold\n")
        assert start_and_read(none, program) == (5, b"cold\n")
    monkeypatch.setattr(warm_start, "LOAD_SECONDS", 0.01)
    with WarmMeltano({}) as late:
        assert start_and_read(late, program) == (5, b"cold\n")
    with WarmMeltano({}) as stopped:
        stopped.give_up()
        assert start_and_read(stopped, program) == (5, b"cold\n")


def start_and_read(warm: WarmMeltano, program: Path) -> tuple[int, bytes]:
    process = warm.start([program], folder=program.parent, environment={})
    assert process.stdout is not None
    with process.stdout as output:
        return process.wait(), output.read()


def test_a_server_that_dies_takes_its_processes_for_dead_and_the_next_one_is_started_anew(
    warm: WarmMeltano, tmp_path: Path
) -> None:
    code = "import os, time; print(os.getppid(), os.getpid(), flush=True); time.sleep(600)"
    process = warm.start(["meltano", code], folder=tmp_path, environment={})
    assert process.stdout is not None
    server, own = map(int, process.stdout.readline().split())
    assert own == process.pid
    os.kill(server, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert process.stdout.read() == b""  # it has ended indeed
    process.stdout.close()
    (tmp_path / "program").write_text("#!/bin/sh\nexit 5\n")
    (tmp_path / "program").chmod(0o700)
    assert start_and_read(warm, tmp_path / "program") == (5, b"")


# A plugin: a package of an interpreter's environment with a console script of the plugin's name.
PLUGIN = """
import json, os, sys
loaded_by = os.getpid()
def main():
    print(json.dumps({
        "forked": loaded_by != os.getpid(), "group": os.getpgid(0), "words": sys.argv[1:], "input": sys.stdin.read(),
        "environment": {name: os.environ[name] for name in sorted(os.environ) if name != "LC_CTYPE"},
        "threads": len(os.listdir("/proc/self/task")),
    }), flush=True)
    sys.exit(6)
"""
# What a Meltano does that starts a plugin by the server that it was given.
STARTS = """
import json, os, sys
from servicetitan_fleet.meltano.plugin_start import PluginStarter
servers = [word.partition("=")[2] for word in options]
reading, writing = os.pipe()
null = os.open(os.devnull, os.O_RDONLY)
command = [{program!r}, "--config", "a file"]
plugin = PluginStarter(servers).start({name!r}, command, {{"SECRET": "its own"}}, (null, writing, 2))
os.close(writing)
said = json.loads(os.fdopen(reading).read())
print(json.dumps(said | {{"code": plugin.wait(), "own": os.getpid(), "servers": len(servers)}}), flush=True)
"""
MELTANO_WITH_PLUGINS = """
import sys
def main():
    options = [word for word in sys.argv[1:] if word.startswith("--warm-plugin")]
    exec(sys.argv[-1], {"options": options})
"""


def make_plugin(folder: Path, name: str, module: str) -> Path:
    """Make a plugin's environment of this interpreter, and return its program."""
    package = folder / "packages"
    info = package / f"{module}-1.dist-info"
    info.mkdir(parents=True)
    (package / f"{module}.py").write_text(PLUGIN)
    (info / "METADATA").write_text(f"Name: {module}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[console_scripts]\n{name} = {module}:main\n")
    programs = folder / "bin"
    programs.mkdir()
    (programs / "python").write_text(f'#!/bin/sh\nPYTHONPATH="{package}" exec {sys.executable} "$@"\n')
    (programs / name).write_text(f'#!/bin/sh\nexec {programs}/python -c "import {module}; {module}.main()" "$@"\n')
    for program in (programs / "python", programs / name):
        program.chmod(0o700)
    return programs / name


@pytest.mark.parametrize("works", [True, False])
def test_a_plugin_is_a_fork_too_and_in_the_group_of_its_company(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, works: bool
) -> None:
    module = "a_plugin"
    program = make_plugin(tmp_path, "a-plugin", module)
    monkeypatch.setitem(warm_start._LIBRARIES_OF_PLUGINS, TAP, (module if works else "absent",))  # noqa: SLF001 - ours are slow to load
    (tmp_path / "meltano").mkdir()
    (tmp_path / "meltano/__init__.py").touch()
    (tmp_path / "meltano/cli.py").write_text(MELTANO_WITH_PLUGINS)
    code = STARTS.format(program=str(program), name=TAP)
    with WarmMeltano({"PYTHONPATH": str(tmp_path), "ONLY_THE_SERVER": "has this"}, {TAP: program}) as warm:
        end, lines = run(warm.start, code, tmp_path)
    assert end.code == 0, lines
    said = json.loads(lines[0])
    assert said.pop("own") == said.pop("group")
    assert said.pop("environment")["SECRET"] == "its own"
    assert said == {
        "forked": works,
        "servers": int(works),
        "words": ["--config", "a file"],
        "input": "",
        "threads": 1,
        "code": 6,
    }
