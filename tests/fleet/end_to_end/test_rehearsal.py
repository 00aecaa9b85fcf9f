"""The rehearsal of a whole fleet succeeds with a small fleet."""

from __future__ import annotations

import subprocess
import sys

import pytest

from servicetitan_sandbox.client.meltano_project import ROOT


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_small_fleet_passes_the_rehearsal() -> None:
    command = [sys.executable, "-m", "tools.fleet", "--companies", "5", "--tasks", "2"]
    rehearsal = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert rehearsal.returncode == 0, rehearsal.stdout + rehearsal.stderr
    assert "2 complete, 3 reported with reasons" in rehearsal.stdout
