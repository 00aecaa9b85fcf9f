"""A company's system folder of Meltano: private, held by one run at a time, and without secrets when none is alive.

Meltano writes all settings of a plugin, secrets included, into a file and removes it at the end. A process that is
killed removes nothing. So these files are removed before and after each run, and those of dead runs at every start.
A run is alive while its lock is held: by the fleet, or by a Meltano that has outlived a fleet that was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRIVATE_UMASK = 0o077
"""What Meltano and its plugins write is for this user only."""

CHECK_PREFIX = "etl-check-"
"""Beginning of the names of the folders for preflight checks, in the folder for temporary files."""

_PRIVATE = 0o700
_LOCK = ".lock"
_WITH_SECRETS = "*.config.json"

_RELEASE_SECONDS = 2.0
"""How long a run waits for the lock of one that has ended. A process that another thread is just starting holds a copy
of every open file until its program begins, and one that was killed until the kernel has dealt with it."""
_PAUSE_SECONDS = 0.02


@contextmanager
def hold_folder(folder: Path) -> Iterator[int]:
    """Hold a company's system folder, and remove files with secrets from it before and after.

    Yields:
        The descriptor of the lock, for the process that runs there. The folder is held until it has ended, too.

    Raises:
        PluginError: If another run holds the folder, or it cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for private in (folder, folder / "run"):
            private.mkdir(exist_ok=True)
            private.chmod(_PRIVATE)
        lock = _wait_for_lock(folder)
    except OSError as error:
        raise PluginError(f"cannot use the folder {folder}: {error.strerror}") from error
    if lock is None:
        raise PluginError(f"another run is still using {folder}: wait until it ends, or end it")
    try:
        remove_secrets(folder)
        yield lock
    finally:
        remove_secrets(folder)
        os.close(lock)


def clean_up(root: Path) -> None:
    """Remove files with secrets that dead runs have left in the system folders below a folder."""
    for folder in _subfolders(root):
        with _hold_if_dead(folder) as is_dead:
            if is_dead:
                remove_secrets(folder)


def clean_up_checks(temporary: Path) -> None:
    """Remove the folders of preflight checks that were killed, unless a process is still alive in one of them."""
    for root in _subfolders(temporary, f"{CHECK_PREFIX}*"):
        with contextlib.ExitStack() as held:
            if all(held.enter_context(_hold_if_dead(folder)) for folder in (root, *_subfolders(root))):
                shutil.rmtree(root, ignore_errors=True)


@contextmanager
def hold_check(root: Path) -> Iterator[None]:
    """Mark the folder of a preflight check as alive."""
    lock = _lock(root)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def remove_secrets(folder: Path) -> None:
    """Remove the files in which Meltano gives a plugin its settings."""
    for path in (folder / "run").rglob(_WITH_SECRETS):
        with contextlib.suppress(OSError):
            path.unlink()


def _subfolders(root: Path, pattern: str = "*") -> list[Path]:
    """Return the folders in a folder that belong to this user."""
    own = os.getuid()
    found = []
    for path in root.glob(pattern):
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink() and path.stat().st_uid == own:
                found.append(path)
    return found


@contextmanager
def _hold_if_dead(folder: Path) -> Iterator[bool]:
    lock = None
    # A folder without a lock was made by an earlier version, or is just being made and has no secrets yet.
    with contextlib.suppress(OSError):
        lock = _lock(folder)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _wait_for_lock(folder: Path) -> int | None:
    """Lock a folder, and give a process that is just letting it go the time for it."""
    deadline = time.monotonic() + _RELEASE_SECONDS
    while (lock := _lock(folder)) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
    return lock


def _lock(folder: Path) -> int | None:
    """Lock a folder and return the descriptor; None if a process that is alive holds it."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
