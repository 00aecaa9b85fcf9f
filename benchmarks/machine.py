"""Facts that the figures depend on, apart from the code: the machine, its load, and the versions of programs."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("singer-sdk", "google-cloud-bigquery", "pyarrow", "msgspec", "meltano", "local-bigquery", "duckdb")


def facts() -> dict[str, str]:
    """Return facts about this machine, by name."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return {
        "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{os.cpu_count()} cores of {_processor()}, {_memory_gb()} GB, {platform.system()}",
        "versions": f"Python {platform.python_version()}, {versions}",
    }


def commit() -> str:
    """Return the commit that is checked out, shortened."""
    command = ("git", "-C", str(Path(__file__).resolve().parent), "rev-parse", "--short", "HEAD")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def load() -> str:
    """Return the load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    found = re.search(r"model name\s+: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _memory_gb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
