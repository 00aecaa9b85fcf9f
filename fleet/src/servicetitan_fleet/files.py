"""Files that are replaced as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part.

    A file that exists keeps its permissions.

    Raises:
        OSError: If the file cannot be written. The old one is then as it was.
    """
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content)
    if path.exists():
        fresh.chmod(path.stat().st_mode)
    fresh.replace(path)
