"""Keeps the pages of the report in memory, and makes them anew when somebody looks at old ones."""

from __future__ import annotations

import threading
import time
from html import escape
from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import to_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INDEX = "report.html"


class LivePages:
    """The pages. Safe to read from several threads; one at a time makes them, and the others get the last ones."""

    def __init__(self, folder: Path, write: Callable[[Path], object], seconds: float) -> None:
        """Say how pages are made.

        Args:
            folder: An empty folder.
            write: Writes the pages: given is the path of the first one. May raise a `PluginError`.
            seconds: The shortest time from making them once to making them again.
        """
        self._folder = folder
        self._write = write
        self._seconds = seconds
        self._pages: dict[str, bytes] = {}
        self._problem = ""
        self._made = 0.0
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Make the pages now.

        Raises:
            PluginError: If they cannot be made.
        """
        with self._lock:
            self._make()

    def read(self, path: str) -> bytes | None:
        """Return the page at a path of an address, or None if there is none. Old pages are made anew meanwhile."""
        if time.monotonic() - self._made >= self._seconds and self._lock.acquire(blocking=False):
            threading.Thread(target=self._make_and_release, daemon=True).start()
        page = self._pages.get("/" + INDEX if path == "/" else path)
        return page if page is None or not self._problem else _with_banner(page, self._problem)

    def _make_and_release(self) -> None:
        try:
            self._make()
            self._problem = ""
        except Exception as error:  # noqa: BLE001 - whatever it is, old pages must not look like new ones
            why = str(error) if isinstance(error, PluginError) else f"unexpected {type(error).__name__}: {error}"
            self._problem = f"{utc_now():%Y-%m-%d %H:%M} UTC: these pages are old, and cannot be made anew: {why}"
        finally:
            self._lock.release()

    def _make(self) -> None:
        # Also after a failure the next try is not at once.
        self._made = time.monotonic()
        self._write(self._folder / INDEX)
        found = {f"/{path.relative_to(self._folder)}": path.read_bytes() for path in self._folder.rglob("*.html")}
        self._pages = found
        self._made = time.monotonic()


def _with_banner(page: bytes, problem: str) -> bytes:
    banner = f'<main>\n<p class="card error failed">{escape(to_line(problem))}</p>'
    return page.replace(b"<main>", banner.encode(), 1)
