"""Installs each package alone into empty environments, as its users do, and starts it.

Usage: tools/install_check.py                                  everything
       tools/install_check.py 3.13 tap-servicetitan pip git    only what is named

Installers: `pip`, `uv`, `pipx`. Sources: `wheel` and `sdist`, by name from a local index of what was built, with the
registry of the machine beside it; `git`, a subdirectory of this repository, as committed; `lowest`, the wheel with the
oldest dependencies that it allows (uv only). A package must need nothing of this repository but itself.
(`tools/dependency_names.py` checks the names that it needs from a registry.)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, override

import package_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
SETUP = ROOT / "tools" / "setup.sh"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
INSTALLERS = ("pip", "uv", "pipx")
SOURCES = ("wheel", "sdist", "git", "lowest")
SUFFIX = {"wheel": "*.whl", "sdist": "*.tar.gz"}

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

DISTRIBUTIONS = {"fleet": "servicetitan-fleet"}
"""Names of distributions that are not named like their folder."""


class CheckError(Exception):
    """A package could not be installed or started."""


@dataclass(frozen=True)
class Case:
    """One way to install one package.

    Attributes:
        python: Version of Python, such as `3.13`.
        package: Folder of the package.
        installer: `pip`, `uv` or `pipx`.
        source: Where the package comes from.
    """

    python: str
    package: str
    installer: str
    source: str

    @override
    def __str__(self) -> str:
        return f"{self.python} {self.package} {self.installer} {self.source}"

    @property
    def distribution(self) -> str:
        """The name of the distribution."""
        return DISTRIBUTIONS.get(self.package, self.package)


def cases(wanted: set[str]) -> list[Case]:
    """Return the ways to install that are asked for: all of them, where a kind of choice is not named."""
    known = (PYTHONS, tuple(COMMANDS), INSTALLERS, SOURCES)
    choices = ([choice for choice in kind if choice in wanted] or list(kind) for kind in known)
    found = (Case(*choice) for choice in product(*choices))
    return [case for case in found if case.source != "lowest" or case.installer == "uv"]


def run(*command: str | Path, variables: Mapping[str, str] | None = None) -> str:
    """Run a command without this environment's variables, and return what it printed.

    Raises:
        CheckError: If it fails. The text ends with its last lines.
    """
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(  # noqa: S603
        command, env={**environment, **(variables or {})}, cwd="/", capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CheckError("\n".join([" ".join(map(str, command)), *(done.stdout + done.stderr).splitlines()[-15:]]))
    return done.stdout


def uv() -> str:
    """Return the path of uv."""
    return run(SETUP, "--uv").strip()


def build(package: str, folder: Path) -> None:
    """Build the sdist of a package, and the wheel from the sdist."""
    run(uv(), "build", "--quiet", "--python", sys.executable, "--out-dir", folder, ROOT / package)


def build_indexes(packages: set[str], folder: Path) -> None:
    """Build packages into two indexes, `wheel` and `sdist`, each with a folder for each name."""
    for package in packages:
        name = DISTRIBUTIONS.get(package, package)
        build(package, folder / "built" / name)
        for source, suffix in SUFFIX.items():
            (file,) = (folder / "built" / name).glob(suffix)
            place = folder / source / name
            place.mkdir(parents=True)
            file.rename(place / file.name) if source == "sdist" else (place / file.name).hardlink_to(file)


class _Files(SimpleHTTPRequestHandler):
    """Serves the folders as lists of links, which is what an index of packages is, and says nothing."""

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine, and yield its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def requirement(case: Case) -> str:
    """Return what the installer is asked for."""
    if case.source == "git":
        return f"{case.distribution} @ git+file://{ROOT}#subdirectory={case.package}"
    return f"{case.distribution}=={package_metadata.workspace()['version']}"


def install(case: Case, folder: Path, address: str) -> Path:
    """Install a package into an empty environment, and return the folder of its commands.

    Args:
        case: What is installed, and how.
        folder: An empty folder for the environment.
        address: Where the indexes are served.

    Raises:
        CheckError: If it cannot be installed.
    """
    interpreter = run(SETUP, "--python", case.python).strip()
    index = f"{address}/{'sdist' if case.source == 'sdist' else 'wheel'}/"
    wanted = requirement(case)
    environment = folder / "env"
    programs = environment / "bin"
    if case.installer == "pipx":
        homes = {
            "PIPX_HOME": str(folder / "pipx"),
            "PIPX_BIN_DIR": str(programs),
            "PIPX_SHARED_LIBS": str(folder / "s"),
        }
        pipx = Path(sys.executable).with_name("pipx")
        run(pipx, "install", "--python", interpreter, f"--pip-args=--extra-index-url {index}", wanted, variables=homes)
        return programs
    seed = ["--seed"] if case.installer == "pip" else []
    run(uv(), "venv", "--quiet", "--no-project", *seed, "--python", interpreter, environment)
    if case.installer == "pip":
        run(programs / "python", "-m", "pip", "install", "--quiet", "--extra-index-url", index, wanted)
        return programs
    # The oldest versions are sought only for what is asked for itself, so that is what the package says it needs.
    oldest = ["--resolution", "lowest-direct", "--requirement", str(ROOT / case.package / "pyproject.toml")]
    lowest = oldest if case.source == "lowest" else []
    fresh = ["--reinstall-package", case.distribution, "--refresh-package", case.distribution]
    into = ["--python", str(programs / "python")]
    run(uv(), "pip", "install", "--quiet", "--no-sources", *into, *fresh, *lowest, "--index", index, wanted)
    return programs


def check(case: Case, address: str) -> None:
    """Install a package into an empty environment and start it.

    Raises:
        CheckError: If anything of it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        programs = install(case, Path(folder), address)
        for name, *arguments in COMMANDS[case.package]:
            run(programs / name, *arguments)


def main() -> int:
    """Run the tool and return its exit code."""
    todo = cases(set(sys.argv[1:]))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        build_indexes({case.package for case in todo}, Path(folder))
        with served(Path(folder)) as address:
            for case in todo:
                try:
                    check(case, address)
                except CheckError as error:
                    failed += 1
                    print(f"{case}: failed\n{error}", flush=True)
                else:
                    print(f"{case}: ok", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CheckError as error:
        sys.exit(str(error))
