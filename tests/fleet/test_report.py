"""The page about the fleet: what it says, that it stays text, and how it looks in a real browser."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from servicetitan_fleet.health.freshness import company_status
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.report.charts import HEIGHT, WIDTH, Column, Part, chart
from servicetitan_fleet.report.page import Setting, render
from support.fleet import HOSTILE, fleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
COMPANIES, STREAMS = 10, 40
SETTING = Setting(now=NOW, max_age_hours=8, places=["--environment", "pro", "--storage", "gs://a bucket/x"])
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PARTS_OF_THE_PAGE = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "ul", "li", "b"}
PARTS_OF_THE_PAGE |= {"span", "article", "div", "a", "pre", "details", "summary", "label", "input", "table", "thead"}
PARTS_OF_THE_PAGE |= {"tbody", "tr", "th", "td", "section", "figure", "figcaption", "svg", "g", "rect", "text", "i"}


def page(companies: int = COMPANIES) -> str:
    evidence = fleet(NOW, companies, STREAMS)
    return render([company_status(one, NOW, dt.timedelta(hours=8)) for one in evidence], SETTING)


class Page(HTMLParser):
    """What a browser would find."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.pieces: list[str] = []
        self._open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(text)
        self.close()

    @property
    def text(self) -> str:
        """All text, in one line."""
        return " ".join(" ".join(self.pieces).split())

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "input"):
            self._open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    @override
    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)

    @override
    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.pieces.append(data)


def test_the_page_says_what_is_known_and_what_is_not_its_own_stays_text() -> None:
    found = Page(page())
    assert found.unbalanced == []
    assert found.tags.keys() <= PARTS_OF_THE_PAGE
    # Nothing is asked of anybody: no address, no handler, no style from elsewhere.
    assert {name for name, _ in found.attributes if name.startswith("on") or name in ("src", "style")} == set()
    assert all(value.startswith("#") for name, value in found.attributes if name == "href")
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes

    # The hostile text: a reason, an error and a company's name.
    assert found.text.count(HOSTILE) == 3
    assert "10 companies ✓ 6 fresh ! 2 stale ✗ 1 failed ? 1 unreadable" in found.text
    assert found.tags["article"] == 4
    assert "cannot read `project-5.management.etl_logs`: 403 Access Denied" in found.text
    command = "orchestrate-etl run --company company-03 --environment pro --storage 'gs://a bucket/x'"
    assert command in found.text
    assert "orchestrate-etl check --company company-05" in found.text
    # Every stream of every company is a cell, and the company itself one more.
    assert found.tags["td"] == COMPANIES * (STREAMS + 1)
    assert found.text.count("✗ 14 h") == 2
    titles = [value for name, value in found.attributes if name == "title"]
    assert any(one.startswith("stream_number_000: failed: <script>") for one in titles)


def test_a_fleet_that_is_well_has_nothing_to_look_at() -> None:
    found = Page(page(2))
    assert "2 companies ✓ 2 fresh Streams: 77 fresh." in found.text
    assert "Nothing: everything is fresh." in found.text
    assert found.tags["article"] == 0
    assert Page(page(0)).text.startswith("Fleet, 2026-03-01 12:00 UTC The fleet")


def test_bars_are_as_high_as_their_values_and_stay_inside() -> None:
    columns = [
        Column(
            parts=[Part(value=value, kind="written"), Part(value=deleted, kind="deleted")], title="", when=f"t{value}"
        )
        for value, deleted in [(0, 0), (100_000, 1), (50_000, 0), (0, 50_001)]
    ]
    drawn = chart("rows", columns, str)
    assert drawn is not None
    assert (drawn.most, drawn.last, drawn.since, drawn.until) == ("100001", "50001", "t0", "t0")
    assert drawn.kinds == ["written", "deleted"]
    empty, highest, half, deleted = (bar.boxes for bar in drawn.bars)
    assert empty == []
    # One deleted row in a hundred thousand is still to be seen.
    assert highest[1].height == 1
    assert half[0].height == pytest.approx(HEIGHT / 2, abs=0.01)
    assert [box.kind for box in deleted] == ["deleted"]
    for box in (box for bar in drawn.bars for box in bar.boxes):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= WIDTH
        assert box.y + box.height <= HEIGHT + 1
    assert chart("rows", [], str) is None


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
    matrix, first = shown.locator(".scroll"), shown.locator(".matrix tbody th").first
    before = first.bounding_box()
    matrix.evaluate("box => box.scrollTo(700, 0)")
    assert matrix.evaluate("box => box.scrollLeft") == 700
    after = first.bounding_box()
    assert before is not None
    assert after is not None
    assert before["x"] == pytest.approx(after["x"], abs=1)
    assert after["x"] + after["width"] < width / 2

    assert shown.locator(".matrix tbody tr:visible").count() == COMPANIES
    shown.get_by_label("only those to look at").check()
    assert shown.locator(".matrix tbody tr:visible").count() == 4
    colours = shown.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    assert (brightness(colours[0]) > brightness(colours[1])) == (scheme == "dark")
    assert shown.locator("svg").first.bounding_box() is not None
    context.close()
    assert said == []


def brightness(colour: str) -> int:
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
