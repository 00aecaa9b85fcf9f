"""Installs each package alone, with plain pip, into empty environments, and starts it.

Usage: tools/install_check.py                    every Python, every way
       tools/install_check.py 3.13 tap-servicetitan git    only what is named

The ways are `git` (a subdirectory of this repository, as committed), `wheel` and `sdist`. A package must need nothing
of this repository but itself. (`tools/dependency_names.py` checks the names that it needs from a registry.)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETUP = ROOT / "tools" / "setup.sh"
PYTHONS = ("3.11", "3.12", "3.13")
WAYS = ("git", "wheel", "sdist")

COMMANDS = {
    "tap-servicetitan": (
        ["tap-servicetitan", "--version"],
        ["tap-servicetitan", "--about"],
        ["tap-servicetitan", "--discover"],
    ),
    "target-bigquery-softdelete": (
        ["target-bigquery-softdelete", "--version"],
        ["target-bigquery-softdelete", "--about"],
    ),
    "fleet": (["orchestrate-etl", "--version"], ["orchestrate-etl", "--help"]),
}
"""What is run of each package, by folder."""


class CheckError(Exception):
    """A package could not be installed or started."""


def run(*command: str | Path) -> str:
    """Run a command without this environment's variables, and return what it printed.

    Raises:
        CheckError: If it fails. The text ends with its last lines.
    """
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise CheckError("\n".join([" ".join(map(str, command)), *(done.stdout + done.stderr).splitlines()[-15:]]))
    return done.stdout


def requirement(package: str, way: str, built: Path) -> str:
    """Return what pip is asked to install."""
    if way == "git":
        return f"git+file://{ROOT}#subdirectory={package}"
    (file,) = (built / package).glob("*.whl" if way == "wheel" else "*.tar.gz")
    return str(file)


def build(package: str, built: Path) -> None:
    """Build the sdist of a package, and the wheel from the sdist."""
    uv = run(SETUP, "--uv").strip()
    run(uv, "build", "--quiet", "--python", sys.executable, "--out-dir", built / package, ROOT / package)


def check(python: str, package: str, way: str, built: Path) -> None:
    """Install a package into an empty environment and start it.

    Raises:
        CheckError: If anything of it fails.
    """
    interpreter = run(SETUP, "--python", python).strip()
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "env"
        run(interpreter, "-m", "venv", environment)
        run(
            environment / "bin" / "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            requirement(package, way, built),
        )
        for name, *arguments in COMMANDS[package]:
            run(environment / "bin" / name, *arguments)


def main() -> int:
    """Run the tool and return its exit code."""
    wanted = set(sys.argv[1:])
    choices = [[choice for choice in known if choice in wanted] or list(known) for known in (PYTHONS, COMMANDS, WAYS)]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for package in choices[1]:
            build(package, Path(folder))
        for python, package, way in product(*choices):
            try:
                check(python, package, way, Path(folder))
            except CheckError as error:
                failed += 1
                print(f"{python} {package} {way}: failed\n{error}", flush=True)
            else:
                print(f"{python} {package} {way}: ok", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CheckError as error:
        sys.exit(str(error))
