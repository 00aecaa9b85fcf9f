"""Writes what the packages have in common into each of them: the version, the licence, the authors, the addresses.

The source is the root: `pyproject.toml` and `LICENSE`. The build backend reads nothing outside of a package's folder,
so each package has copies: LICENSE, and in its pyproject.toml the lines between `# begin: shared` and `# end: shared`.

Usage: tools/package_metadata.py                      write the copies
       tools/package_metadata.py --check              say what differs, and end with 1 if anything does
       tools/package_metadata.py --repository URL     say where the repository is from now on, in every committed file
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("fleet", "sandbox", "tap-servicetitan", "target-bigquery-softdelete")
PAGES = {"Documentation": "blob/main/{package}/README.md", "Changelog": "blob/main/CHANGELOG.md", "Issues": "issues"}
"""What the address of the repository is followed by."""

_SHARED = re.compile(r"(?<=# begin: shared\n).*?(?=# end: shared\n)", re.DOTALL)


def workspace(root: Path = ROOT) -> dict[str, Any]:
    """Return the `[project]` table of the workspace."""
    table: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def repository(project: Mapping[str, Any]) -> str:
    """Return the address of the repository, without a slash at its end."""
    return str(project["urls"]["Repository"])


def shared_lines(project: Mapping[str, Any], package: str) -> str:
    """Return the lines of a package's `[project]` table that follow from the workspace's.

    Args:
        project: The `[project]` table of the workspace.
        package: Folder of the package.
    """
    address = repository(project)
    pages = {name: f"{address}/{page.format(package=package)}" for name, page in PAGES.items()}
    authors = ", ".join(f"{{ name = {json.dumps(author['name'])} }}" for author in project["authors"])
    return "".join(
        f"{name} = {value}\n"
        for name, value in {
            "version": json.dumps(project["version"]),
            "license": json.dumps(project["license"]),
            "license-files": '["LICENSE"]',
            "authors": f"[{authors}]",
            "urls.Repository": json.dumps(address),
            **{f"urls.{name}": json.dumps(page) for name, page in pages.items()},
        }.items()
    )


def copies(root: Path = ROOT) -> dict[Path, str]:
    """Return the path and the content of every file that follows from the workspace."""
    project = workspace(root)
    licence = (root / "LICENSE").read_text(encoding="utf-8")
    written = {root / package / "LICENSE": licence for package in PACKAGES}
    for package in PACKAGES:
        path = root / package / "pyproject.toml"
        lines = shared_lines(project, package)
        written[path] = _SHARED.sub(lambda _, lines=lines: lines, path.read_text(encoding="utf-8"))  # type: ignore[misc]
    return written


def stale(root: Path = ROOT) -> dict[Path, str]:
    """Return the copies that differ from their source, or do not exist, and what they should be."""
    return {
        path: text
        for path, text in copies(root).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def moved(text: str, present: str, address: str) -> str:
    """Return a text with another address of the repository, its raw files and its owner's teams.

    Args:
        text: Any text.
        present: The address so far.
        address: The new one. Neither has a slash at its end.
    """
    (owner, name), (new_owner, new_name) = present.split("/")[-2:], address.split("/")[-2:]
    text = text.replace(present, address).replace(f"{owner}/{name}", f"{new_owner}/{new_name}")
    return text.replace(f"@{owner}/", f"@{new_owner}/")


def move(address: str) -> None:
    """Write another address of the repository into every committed file that names the present one."""
    present = repository(workspace())
    git = ["git", "grep", "--name-only", "--fixed-strings", present.split("/")[-2]]
    for name in subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():  # noqa: S603
        path = ROOT / name
        path.write_text(moved(path.read_text(encoding="utf-8"), present, address.rstrip("/")), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run the tool and return its exit code."""
    if "--check" in arguments:
        problems = stale()
        for path in problems:
            print(f"{path.relative_to(ROOT)} differs from its source: run tools/package_metadata.py")
        return 1 if problems else 0
    if "--repository" in arguments:
        move(arguments[arguments.index("--repository") + 1])
    for path, text in stale().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
