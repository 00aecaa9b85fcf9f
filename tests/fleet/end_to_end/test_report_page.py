"""The report in a real browser."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from support.fleet.report import COMPANIES, page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: `apt-get install chromium` brings it")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield launched
        launched.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_browser_shows_it_on_a_desk_and_on_a_phone(width: int, scheme: str, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page(), encoding="utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
        is_mobile=width < 500,
    )
    shown = context.new_page()
    requests: list[str] = []
    said: list[str] = []
    shown.on("request", lambda request: requests.append(request.url))
    shown.on("console", lambda message: said.append(message.text))
    shown.on("dialog", lambda dialog: said.append(dialog.message))
    shown.goto(path.as_uri())
    assert requests == [path.as_uri()]

    # The page itself never scrolls sideways; the matrix does, and its first column stays.
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    matrix, first = shown.locator(".scroll:has(.matrix)"), shown.locator(".matrix tbody th").first
    before = first.bounding_box()
    matrix.evaluate("box => box.scrollTo(700, 0)")
    assert matrix.evaluate("box => box.scrollLeft") == 700
    after = first.bounding_box()
    assert before is not None
    assert after is not None
    assert before["x"] == pytest.approx(after["x"], abs=1)
    assert after["x"] + after["width"] < width / 2

    assert shown.locator(".matrix tbody tr:visible").count() == COMPANIES
    shown.get_by_label("only companies that need attention").check()
    assert shown.locator(".matrix tbody tr:visible").count() == 5
    # On a phone the whole strip is visible without scrolling, and a command is broken between words only.
    newest = shown.locator(".strips .strip i.f").last.bounding_box()
    assert newest is not None
    assert newest["x"] + newest["width"] <= width
    assert [text for text in shown.locator("pre span").all_inner_texts() if " " in text] == []
    colours = shown.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    assert (brightness(colours[0]) > brightness(colours[1])) == (scheme == "dark")
    assert shown.locator("svg").first.bounding_box() is not None
    context.close()
    assert said == []


def brightness(colour: str) -> int:
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
