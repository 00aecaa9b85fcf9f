"""Singer plugins that other people wrote, each in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SDK = "singer-sdk==0.54.9"


def installed(command: str, plugin: str, *others: str) -> str:
    """Return a plugin's command. It is installed once, or the test is skipped where there is no registry.

    Args:
        command: Name of the command.
        plugin: The package and its version.
        others: Packages that are to be installed beside it, and their versions.
    """
    folder = ROOT / ".tools" / plugin.replace("==", "-")
    stamp = folder / "complete"
    if not stamp.exists():
        uv = subprocess.run(
            [ROOT / "tools/setup.sh", "--uv"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for step in (
            ["venv", "--clear", "--python", sys.executable, str(folder)],
            ["pip", "install", "--python", str(folder / "bin/python"), plugin, *others],
        ):
            done = subprocess.run([uv, *step, "--quiet"], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"{plugin} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
        stamp.touch()
    return str(folder / "bin" / command)
