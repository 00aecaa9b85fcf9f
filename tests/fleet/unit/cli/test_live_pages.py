"""Pages are made anew when they are old, one at a time, and old ones are shown with the reason when that fails."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.cli.live_pages import LivePages
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path

LONG = 3600.0
TRIES = 1000


class Writer:
    """Writes pages that say how often they were made."""

    def __init__(self) -> None:
        self.made = 0
        self.problem = ""
        self.error: type[Exception] = PluginError
        self.goes_on = threading.Event()
        self.goes_on.set()

    def __call__(self, output: Path) -> None:
        """Write the first page, and that of a company."""
        assert self.goes_on.wait(60)
        if self.problem:
            raise self.error(self.problem)
        self.made += 1
        output.write_text(f"<main>page {self.made}</main>")
        folder = output.with_suffix(".companies")
        folder.mkdir(exist_ok=True)
        (folder / "acme.html").write_text(f"<main>acme {self.made}</main>")


def read_until(pages: LivePages, text: bytes) -> bytes:
    """Read the first page until it has a text."""
    waited = threading.Event()
    for _ in range(TRIES):
        page = pages.read("/")
        if page and text in page:
            return page
        waited.wait(0.02)
    raise AssertionError(page)


def test_young_pages_are_not_made_anew(tmp_path: Path) -> None:
    writer = Writer()
    pages = LivePages(tmp_path, writer, LONG)
    pages.refresh()
    for _ in range(3):
        assert pages.read("/") == pages.read("/report.html") == b"<main>page 1</main>"
    assert pages.read("/report.companies/acme.html") == b"<main>acme 1</main>"
    assert pages.read("/other.html") is None
    assert writer.made == 1


def test_old_pages_are_served_while_new_ones_are_made(tmp_path: Path) -> None:
    writer = Writer()
    pages = LivePages(tmp_path, writer, 0)
    pages.refresh()
    writer.goes_on.clear()
    for _ in range(5):
        assert pages.read("/") == b"<main>page 1</main>"
    writer.goes_on.set()
    read_until(pages, b"page 2")


def test_old_pages_say_why_they_are_old(tmp_path: Path) -> None:
    writer = Writer()
    pages = LivePages(tmp_path, writer, 0)
    pages.refresh()
    writer.problem = "cannot read companies.yml: <gone>"
    page = read_until(pages, b"cannot be made anew: cannot read companies.yml: &lt;gone&gt;")
    assert b"page 1" in page
    writer.problem, writer.error = "no space left", OSError
    read_until(pages, b"cannot be made anew: unexpected OSError: no space left")
    writer.problem = ""
    read_until(pages, b"<main>page")


def test_the_first_pages_must_be_made(tmp_path: Path) -> None:
    writer = Writer()
    writer.problem = "no registry"
    with pytest.raises(PluginError, match="no registry"):
        LivePages(tmp_path, writer, LONG).refresh()
