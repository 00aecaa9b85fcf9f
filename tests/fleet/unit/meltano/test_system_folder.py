"""No run leaves its secrets behind, however it ends, and no run takes them from one that is alive."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.meltano.process import run_process
from servicetitan_fleet.meltano.system_folder import clean_up, clean_up_checks, hold_check, hold_folder
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path


def leave_secrets(company: Path) -> Path:
    """Leave a file as a plugin that was killed does, and return its path."""
    path = company / "run/tap-servicetitan/tap.0190.config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"client_secret": "s3cr3t"}')
    return path


def test_files_with_secrets_go_before_and_after_a_run_and_others_stay(tmp_path: Path) -> None:
    company = tmp_path / "one"
    left = leave_secrets(company)
    state = left.with_name("state.json")
    state.write_text("{}")
    company.chmod(0o755)
    with hold_folder(company):
        assert not left.exists()
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in (company, company / "run")} == {0o700}
        leave_secrets(company)
    assert not left.exists()
    assert state.exists()


def test_what_a_process_writes_is_for_its_user_only(tmp_path: Path) -> None:
    script = "open('a', 'w'); import os; os.mkdir('b')"
    run_process(
        [sys.executable, "-c", script],
        folder=tmp_path,
        environment={},
        on_line=lambda _: None,
        should_stop=lambda: False,
        timeout_seconds=60,
    )
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "b")] == [0o600, 0o700]


HOLDER = """
import pathlib, subprocess, sys, time
from servicetitan_fleet.meltano.system_folder import hold_folder
with hold_folder(pathlib.Path(sys.argv[1])) as lock:
    child = subprocess.Popen(["sleep", "600"], pass_fds=(lock,), start_new_session=True, stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
    time.sleep(600)
"""


def test_secrets_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    """Also of a Meltano that has outlived its fleet."""
    dead = leave_secrets(tmp_path / "dead")
    alive = tmp_path / "alive"
    fleet = subprocess.Popen([sys.executable, "-c", HOLDER, str(alive)], stdout=subprocess.PIPE, text=True)
    assert fleet.stdout
    meltano = int(fleet.stdout.readline())
    secrets = leave_secrets(alive)
    try:
        clean_up(tmp_path)
        assert (dead.exists(), secrets.exists()) == (False, True)
        fleet.kill()
        fleet.wait()
        clean_up(tmp_path)
        assert secrets.exists()
        with pytest.raises(PluginError, match=f"another run is still using {alive}"), hold_folder(alive):
            pass
        assert secrets.exists()
    finally:
        os.kill(meltano, signal.SIGKILL)
        fleet.kill()
        fleet.wait()
        fleet.stdout.close()
    deadline = time.monotonic() + 20
    while secrets.exists():
        assert time.monotonic() < deadline
        clean_up(tmp_path)


def test_a_run_waits_for_a_process_that_is_just_letting_the_folder_go(tmp_path: Path) -> None:
    """As a process does that another thread has started, until its program begins."""
    with hold_folder(tmp_path / "one") as lock:
        child = subprocess.Popen(["sleep", "0.5"], pass_fds=(lock,))
    with child, hold_folder(tmp_path / "one"):
        assert child.wait() == 0


def test_the_folder_of_a_killed_check_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    for name in ("etl-check-dead", "etl-check-alive", "other"):
        leave_secrets(tmp_path / name / "one")
    with hold_check(tmp_path / "etl-check-alive"):
        clean_up_checks(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["etl-check-alive", "other"]


def test_a_folder_that_cannot_be_used_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a file")
    with pytest.raises(PluginError, match="cannot use the folder"), hold_folder(tmp_path / "one"):
        pass
    clean_up(tmp_path / "nowhere")
