"""Checks that the packages depend on nothing whose name is not in requirements.lock.

Anyone can register a name that nobody owns, and then runs code wherever our packages are installed.
The lock file holds what was installed and tried, with hashes, so every name in it is a package that exists.

Usage: tools/dependency_names.py
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normalize(name: str) -> str:
    """Return a name as registries compare it: https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_names(lock: str) -> set[str]:
    """Return the names in a lock file."""
    return {
        normalize(match[1]) for match in re.finditer(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[.*\])?==", lock, re.MULTILINE)
    }


def requirements(pyproject: str) -> Iterator[str]:
    """Yield everything that a package needs to be built and run, with all its extras."""
    content = tomllib.loads(pyproject)
    project = content["project"]
    yield from content["build-system"]["requires"]
    yield from project.get("dependencies", ())
    for extra in project.get("optional-dependencies", {}).values():
        yield from extra


def unknown_names(pyproject: str, lock: str) -> list[str]:
    """Return the requirements of a package whose names are not in the lock file."""
    known = locked_names(lock)
    names = ((requirement, _NAME.match(requirement)) for requirement in requirements(pyproject))
    return [requirement for requirement, name in names if name is None or normalize(name[0]) not in known]


def main() -> int:
    """Run the tool and return its exit code."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    failed = False
    for path in sorted(ROOT.glob("*/pyproject.toml")):
        for requirement in unknown_names(path.read_text(encoding="utf-8"), lock):
            print(f"{path.relative_to(ROOT)}: `{requirement}` is not in requirements.lock: run tools/lock.sh")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
