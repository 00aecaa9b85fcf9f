"""How far a run is: a line that moves on a terminal, and lines of the log elsewhere."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan import progress

if TYPE_CHECKING:
    from support.tap.harness import Company

TAP = str(Path(sys.executable).with_name("tap-servicetitan"))


def test_a_terminal_shows_a_line_that_moves_below_the_log(company: Company, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(company.config))
    company.set_fault("slow", stream="technicians", seconds=1.5)
    company.set_fault("forbidden", stream="employees")
    ours, theirs = pty.openpty()
    machine = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with subprocess.Popen(
        [TAP, "--config", str(config)],
        env={**machine, "TERM": "xterm", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        assert process.stdout
        messages = process.stdout.read()
    shown = read_all(ours)
    assert process.returncode == 0, shown
    # Nothing of it gets into the messages, and the log is whole.
    assert all(json.loads(line) for line in messages.splitlines())
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert re.search(r"\d+ of \d+ streams done, [\d,]+ records, [\d,]+ a second", plain)
    assert "employees: skipped: GET /settings/v2/tenant/" in plain
    assert "METRIC" not in plain


def test_the_log_goes_on_after_it_where_the_terminal_is_no_terminal_for_rich(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    with open(theirs, "w", encoding="utf-8") as terminal:  # noqa: PTH123 - a descriptor
        monkeypatch.setattr(sys, "stderr", terminal)
        handler = logging.StreamHandler(terminal)
        logging.getLogger().addHandler(handler)
        try:
            with progress.show_progress([], logging.getLogger("tap")):
                pass
            assert handler.stream is terminal
        finally:
            logging.getLogger().removeHandler(handler)
    os.close(ours)


def read_all(terminal: int) -> str:
    """Return what was written to a terminal whose other side is closed."""
    parts = []
    try:
        while part := os.read(terminal, 65536):
            parts.append(part)
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(terminal)
    return b"".join(parts).decode()


def test_elsewhere_the_log_says_it_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.01)
    streams: Any = [
        SimpleNamespace(has_ended=True, outcome=SimpleNamespace(records=1200)),
        SimpleNamespace(has_ended=False, outcome=SimpleNamespace(records=34)),
    ]
    with caplog.at_level("INFO"), progress.show_progress(streams, logging.getLogger("tap")):
        deadline = time.monotonic() + 20
        while len(caplog.messages) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert all(re.fullmatch(r"1 of 2 streams done, 1,234 records, [\d,]+ a second", text) for text in caplog.messages)
    told = len(caplog.messages)
    assert told >= 2
    time.sleep(0.1)
    assert len(caplog.messages) == told


@pytest.mark.parametrize(("level", "has_metrics"), [("INFO", False), ("DEBUG", True)])
def test_metrics_are_for_those_who_debug(company: Company, tmp_path: Path, level: str, *, has_metrics: bool) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(company.config))
    done = subprocess.run(
        [TAP, "--config", str(config)],
        env={"PATH": os.environ["PATH"], "LOGLEVEL": level},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0
    assert ("METRIC" in done.stderr) is has_metrics
