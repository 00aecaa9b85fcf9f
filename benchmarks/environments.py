"""Builds a separate environment for each measured program, so that it loads only what its users would have."""

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


def install_ours(program: str) -> str:
    """Return the path of one of our own programs, in an environment with the pair and its dependencies.

    Raises:
        BenchmarkError: If the environment cannot be built.
    """
    lock = ROOT / "requirements.lock"
    packages = (part for package in PACKAGES for part in ("--editable", str(ROOT / package)))
    return str(build_environment("ours", "3.13", lock, ("--constraint", str(lock), *packages)) / program)


def build_environment(name: str, python_version: str, lock: Path, packages: Sequence[str]) -> Path:
    """Return the folder of an environment's programs. The environment is built again when the lock file changes.

    Args:
        name: Name of the environment.
        python_version: Its Python, such as `3.13`.
        lock: The lock file.
        packages: Arguments of `uv pip install` that name the packages.

    Raises:
        BenchmarkError: If the environment cannot be built.
    """
    folder = ROOT / ".tools" / "environments" / name
    stamp, programs = folder / "installed", folder / "bin"
    if not stamp.exists() or stamp.read_text() != lock.read_text():
        try:
            _build(folder, programs / "python", python_version, packages)
        except subprocess.CalledProcessError as error:
            raise BenchmarkError(f"{name} cannot be installed: {error.stderr.strip()}") from None
        stamp.write_text(lock.read_text())
    return programs


def _build(folder: Path, python: Path, version: str, packages: Sequence[str]) -> None:
    uv, interpreter = _run(str(SETUP), "--uv"), _run(str(SETUP), "--python", version)
    _run(uv, "venv", "--quiet", "--clear", "--no-project", "--python", interpreter, str(folder))
    _run(uv, "pip", "install", "--quiet", "--python", str(python), "--compile-bytecode", *packages)


def _run(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - uv, and our own script
    return done.stdout.strip()
