"""A plugin always ends with one line for its error, and the right exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "support" / "plugin_runtime" / "plugin.py"

CONFIG = '{"password":"hunter2 hunter2","ends_with":"%s"}'


def finish(ends_with: str, tmp_path: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a plugin whose settings choose how it ends."""
    config = tmp_path / "config.json"
    config.write_text(CONFIG % ends_with, encoding="utf-8")
    return subprocess.run(
        [sys.executable, PLUGIN, "--config", config, *args],
        input="",
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
        timeout=60,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.splitlines()[-1]


def test_success_is_code_0(tmp_path: Path) -> None:
    assert finish("success", tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("ends_with", "line"),
    [
        ("plugin_error", "jobs: something *** is wrong. Do this."),
        ("unexpected_error", "unexpected ValueError: *** . `LOGLEVEL=DEBUG` shows where"),
        ("broken_pipe", "the program that reads this output has stopped: see its log"),
    ],
)
def test_an_error_is_one_line_without_secrets_and_code_1(ends_with: str, line: str, tmp_path: Path) -> None:
    done = finish(ends_with, tmp_path)
    assert done.returncode == 1
    assert last_line(done).endswith(line)
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_debug_logging_shows_the_traceback_without_secrets(tmp_path: Path) -> None:
    done = finish("unexpected_error", tmp_path, LOGLEVEL="DEBUG", EXAMPLE_TARGET_LOGLEVEL="DEBUG")
    assert "Traceback" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_an_error_that_was_logged_is_not_logged_again(tmp_path: Path) -> None:
    done = finish("reported_error", tmp_path)
    assert done.returncode == 1
    assert "said before" not in done.stderr


def test_invalid_settings_are_one_line_and_code_1(tmp_path: Path) -> None:
    done = finish("nonsense", tmp_path)
    assert done.returncode == 1
    assert "setting `ends_with` must be one of" in last_line(done)
    assert "hunter2" not in done.stderr


def test_an_invalid_command_line_is_code_2(tmp_path: Path) -> None:
    done = finish("success", tmp_path, "--nonsense")
    assert done.returncode == 2
    assert "--nonsense" in last_line(done)


def test_a_signal_has_the_exit_code_of_the_shell(tmp_path: Path) -> None:
    done = finish("signal", tmp_path)
    assert done.returncode == 128 + signal.SIGTERM
    assert "Stopped by signal 15 before the end of the run" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_output_is_reported_as_such(unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [Path(sys.executable).with_name("tap-servicetitan"), "--about"],
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert done.returncode == 1
    assert last_line(done).endswith("the program that reads this output has stopped: see its log")
    assert "Traceback" not in done.stderr
