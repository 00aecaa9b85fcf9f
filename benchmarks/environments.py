"""Environments of their own for what is measured, so that nothing is loaded that its users would not have."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from benchmarks.lab import ROOT
from benchmarks.measure import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SETUP = ROOT / "tools" / "setup.sh"
PACKAGES = ("tap-servicetitan", "target-bigquery-softdelete")


def ours(program: str) -> str:
    """Return the path of one of our own programs, in an environment that has the pair and what it needs.

    Raises:
        BenchmarkError: If it cannot be built.
    """
    lock = ROOT / "requirements.lock"
    packages = (part for package in PACKAGES for part in ("--editable", str(ROOT / package)))
    return str(environment("ours", "3.13", lock, ("--constraint", str(lock), *packages)) / program)


def environment(name: str, python_version: str, lock: Path, what: Sequence[str]) -> Path:
    """Return the folder of an environment's programs. It is built once for each content of the lock file.

    Args:
        name: What it is called.
        python_version: Its Python, such as `3.13`.
        lock: The lock file.
        what: Arguments of `uv pip install` that say what is installed.

    Raises:
        BenchmarkError: If it cannot be built.
    """
    folder = ROOT / ".tools" / "environments" / name
    stamp, programs = folder / "installed", folder / "bin"
    if not stamp.exists() or stamp.read_text() != lock.read_text():
        try:
            _build(folder, programs / "python", python_version, what)
        except subprocess.CalledProcessError as error:
            raise BenchmarkError(f"{name} cannot be installed: {error.stderr.strip()}") from None
        stamp.write_text(lock.read_text())
    return programs


def _build(folder: Path, python: Path, version: str, what: Sequence[str]) -> None:
    uv, interpreter = _said(str(SETUP), "--uv"), _said(str(SETUP), "--python", version)
    _said(uv, "venv", "--quiet", "--clear", "--no-project", "--python", interpreter, str(folder))
    _said(uv, "pip", "install", "--quiet", "--python", str(python), "--compile-bytecode", *what)


def _said(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - uv, and our own script
    return done.stdout.strip()
