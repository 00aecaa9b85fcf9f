"""Targets of other projects, each installed from its lock file.

`tools/lock.sh` compiles `NAME.txt` from `NAME.in`, whose first line says which Python the target needs.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.environments import build_environment

FOLDER = Path(__file__).resolve().parent


def python_of(name: str) -> Path:
    """Return the interpreter of a target's environment.

    Raises:
        BenchmarkError: If the environment cannot be built.
    """
    lock = FOLDER / f"{name}.txt"
    return (
        build_environment(name, python_version(name), lock, ("--require-hashes", "--requirement", str(lock))) / "python"
    )


def python_version(name: str) -> str:
    """Return the version of Python that a target needs."""
    first = (FOLDER / f"{name}.in").read_text().splitlines()[0]
    found = re.match(r"# Python (\d+\.\d+):", first)
    if not found:
        raise ValueError(f"{name}.in does not begin with the version of Python: {first}")
    return found[1]
