"""Prints the text of a release's tag: the changelog's section of the version that `pyproject.toml` has.

Usage: tools/release_notes.py           print it
       tools/release_notes.py v0.2.0    the same, and an error if that tag is not the version's
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import package_metadata

ROOT = Path(__file__).resolve().parent.parent


class ReleaseError(Exception):
    """The version, the tag and the changelog do not agree."""


def notes(changelog: str, version: str) -> str:
    """Return the title of a release and what its section of the changelog says.

    Args:
        changelog: The whole changelog.
        version: The version, such as `0.2.0`.

    Raises:
        ReleaseError: If the changelog has no section of it with a date.
    """
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d{{2}}-\d{{2}}\n(.*?)(?=^## \[|\Z)"
    section = re.search(heading, changelog, re.DOTALL | re.MULTILINE)
    if section is None:
        raise ReleaseError(f"CHANGELOG.md has no section `## [{version}] - YYYY-MM-DD`")
    return f"servicetitan-to-bigquery {version}\n\n{section[1].strip()}\n"


def main(arguments: list[str]) -> int:
    """Run the tool and return its exit code."""
    version = package_metadata.workspace()["version"]
    if arguments and arguments[0] != f"v{version}":
        sys.exit(f"release_notes: the tag is {arguments[0]}, and pyproject.toml has the version {version}")
    try:
        sys.stdout.write(notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version))
    except ReleaseError as error:
        sys.exit(f"release_notes: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
