"""Installs Singer plugins of other projects, each in its own environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SDK = "singer-sdk==0.54.9"


def install_plugin(command: str, plugin: str, *others: str) -> str:
    """Install a plugin, unless it is installed, and return its command. Skip the test if there is no registry.

    Args:
        command: Name of the command.
        plugin: The package and its version.
        others: Other packages to install with it, and their versions.
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
