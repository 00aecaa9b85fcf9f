"""Atomic file replacement."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file atomically: a reader sees the old content or the new one, never a part.

    An existing file keeps its permissions.

    Raises:
        OSError: If the file cannot be written. The old file is then unchanged.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_bytes(content)
        if path.exists():
            new.chmod(path.stat().st_mode)
        new.replace(path)
    except OSError:
        # A disk that is full gets some room back.
        with contextlib.suppress(OSError):
            new.unlink()
        raise
