"""A lock for those who change a file of a folder at the same time."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.02


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. It ends with the process, and leaves no file behind.

    A lock on the file itself would be lost when the file is replaced.

    Raises:
        PluginError: If the folder cannot be locked, or another process holds the lock for too long.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise PluginError(f"cannot write to {folder}: {error.strerror}") from error
    try:
        _wait(handle, folder)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _try(handle, folder):
        if time.monotonic() > deadline:
            raise PluginError(f"another process has been changing {folder} for {_PATIENCE_SECONDS:g} seconds")
        time.sleep(_PAUSE_SECONDS)


def _try(handle: int, folder: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise PluginError(f"cannot lock {folder}: {error.strerror}") from error
    return True
