"""Finds the processes of a company's run."""

from __future__ import annotations

import os
from pathlib import Path

from servicetitan_fleet.meltano import pair_command


def find_meltano(system_folder: Path) -> list[int]:
    """Return the ids of the Meltano processes that hold a company's system folder. There should be one at most."""
    return [int(process.name) for process in _processes() if _is_meltano(process, system_folder / ".lock")]


def find_plugins(work_folder: Path) -> list[int]:
    """Return the ids of the plugins' processes: by the variable that they have from Meltano, or by their group."""
    variable = f"MELTANO_SYS_DIR_ROOT={work_folder}".encode()
    groups = {pid for folder in work_folder.iterdir() for pid in find_meltano(folder)}
    return [
        int(process.name)
        for process in _processes()
        if variable in _read(process / "environ") or groups & {_find_group(process)} - {int(process.name)}
    ]


def _find_group(process: Path) -> int:
    try:
        return os.getpgid(int(process.name))
    except ProcessLookupError:
        return -1


def _processes() -> list[Path]:
    return [folder for folder in Path("/proc").iterdir() if folder.name.isdecimal()]


def _is_meltano(process: Path, lock: Path) -> bool:
    if _read(process / "comm").strip() not in {b"meltano", pair_command.NAME.encode()}:
        return False
    try:
        return any(link.readlink() == lock for link in (process / "fd").iterdir())
    except OSError:
        return False  # it has ended


def _read(path: Path) -> bytes:
    """Return what a file holds. Nothing if its process has ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
