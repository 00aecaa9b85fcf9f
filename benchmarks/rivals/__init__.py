"""Other people's targets: each is installed from its lock file into an environment of its own.

`tools/lock.sh` compiles `NAME.txt` from `NAME.in`, whose first line says which Python the target needs.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from benchmarks.measure import BenchmarkError

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
SETUP = ROOT / "tools" / "setup.sh"


def python_of(name: str) -> Path:
    """Return the interpreter of a target's environment. It is built once for each content of the lock file.

    Raises:
        BenchmarkError: If it cannot be built.
    """
    lock = FOLDER / f"{name}.txt"
    environment = ROOT / ".tools" / "rivals" / name
    stamp = environment / "installed"
    python = environment / "bin" / "python"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return python
    try:
        _install(lock, environment, python, python_version(name))
    except subprocess.CalledProcessError as error:
        raise BenchmarkError(f"{name} cannot be installed: {error.stderr.strip()}") from None
    stamp.write_text(lock.read_text())
    return python


def _install(lock: Path, environment: Path, python: Path, version: str) -> None:
    uv, interpreter = _said("--uv"), _said("--python", version)
    locked = ("--compile-bytecode", "--require-hashes", "--requirement", str(lock))
    for step in (
        ("venv", "--clear", "--no-project", "--python", interpreter, str(environment)),
        ("pip", "install", "--python", str(python), *locked),
    ):
        _run(uv, *step, "--quiet")


def python_version(name: str) -> str:
    """Return the version of Python that a target needs."""
    first = (FOLDER / f"{name}.in").read_text().splitlines()[0]
    found = re.match(r"# Python (\d+\.\d+):", first)
    if not found:
        raise ValueError(f"{name}.in does not begin with the version of Python: {first}")
    return found[1]


def _said(*arguments: str) -> str:
    return _run(str(SETUP), *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - uv, and our own script
    return done.stdout.strip()
