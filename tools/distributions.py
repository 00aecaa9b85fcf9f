"""Builds the distributions, the same bytes each time, and checks them as a package registry would.

Usage: tools/distributions.py FOLDER     build the sdist and the wheel of each package that is published
       tools/distributions.py --check    build them, twice, and say what is wrong with them
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from install_check import CheckError, build

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tap-servicetitan", "target-bigquery-softdelete", "fleet")
"""Folders of the packages that are published. The sandbox is for development only."""


def build_all(folder: Path) -> list[Path]:
    """Build every package into a folder and return the files.

    Raises:
        CheckError: If one cannot be built.
    """
    for package in PACKAGES:
        build(package, folder)
    return sorted([*folder.glob("*.tar.gz"), *folder.glob("*.whl")])


def digests(files: list[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def problems(files: list[Path]) -> list[str]:
    """Return what the checkers of a registry say about distributions."""
    wheels = [file for file in files if file.suffix == ".whl"]
    found = []
    for command, checked in ((["twine", "check", "--strict"], files), (["check-wheel-contents"], wheels)):
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run(  # noqa: S603
            [program, *command[1:], *checked], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            found.append(done.stdout + done.stderr)
    return found


def check() -> list[str]:
    """Build the packages twice and return what is wrong with them."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        files = build_all(Path(first))
        once, again = digests(files), digests(build_all(Path(second)))
        different = [f"{name}: two builds differ" for name in once if once[name] != again.get(name)]
        return different + problems(files)


def main(arguments: list[str]) -> int:
    """Run the tool and return its exit code."""
    if arguments == ["--check"]:
        found = check()
        print("\n".join(found or [f"distributions: those of {len(PACKAGES)} packages are right"]))
        return 1 if found else 0
    folder = Path(arguments[0]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name, digest in digests(build_all(folder)).items():
        print(f"{digest}  {name}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except CheckError as error:
        sys.exit(str(error))
