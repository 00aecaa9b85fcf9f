"""The documents as a web site: what MkDocs is told about them, and the site that comes of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, override

import pytest
from playwright.sync_api import sync_playwright

import links
import site_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
REPOSITORY = site_pages.repository()


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("docs/README.md", "README.md"),
        ("docs/how-to/fleet.md", "how-to/fleet.md"),
        ("README.md", "project/readme.md"),
        ("README.es.md", "project/readme.es.md"),
        ("fleet/README.md", "project/fleet.md"),
        ("benchmarks/RESULTS.md", "project/benchmarks-results.md"),
    ],
)
def test_every_document_has_a_place_on_the_site(path: str, uri: str) -> None:
    assert site_pages.uri(ROOT / path) == uri


def test_no_two_documents_have_the_same_place() -> None:
    documents = links.documents(ROOT)
    assert len({site_pages.uri(path) for path in documents}) == len(documents)


@pytest.mark.parametrize(
    ("source", "link", "leads_to"),
    [
        ("docs/how-to/fleet.md", "deploy.md#roll-back", "deploy.md#roll-back"),
        ("docs/how-to/fleet.md", "../../README.md#quick-start", "../project/readme.md#quick-start"),
        ("README.md", "docs/how-to/fleet.md", "../how-to/fleet.md"),
        ("README.md", "docs/report.png", "../report.png"),
        ("README.md", "fleet/README.md", "fleet.md"),
        ("README.md", "docs/decisions", f"{REPOSITORY}/tree/main/docs/decisions"),
        ("docs/security.md", "../tools/docs.py", f"{REPOSITORY}/blob/main/tools/docs.py"),
        ("docs/security.md", "#secrets", "#secrets"),
        ("docs/security.md", "gone.md", "gone.md"),
        ("README.md", "docs/gone.md", "docs/gone.md"),
        ("docs/security.md", "https://example.com/page", "https://example.com/page"),
    ],
)
def test_a_link_leads_to_the_same_thing_on_the_site(source: str, link: str, leads_to: str) -> None:
    assert site_pages.leads_to(ROOT / source, link) == leads_to


def test_links_are_replaced_in_text_and_not_in_code() -> None:
    text = '[a](x.md) ![b](y.png "t")\n\n[c]: z.md\n\n```\n[d](x.md)\n```\n<!-- [e](x.md) -->\n<img src="p.png">\n'
    expected = text.replace("(x.md) !", "(X.MD) !").replace("y.png", "Y.PNG").replace("z.md", "Z.MD")
    assert links.replaced(text, str.upper) == expected.replace("p.png", "P.PNG")


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<img alt='' src=//cdn.example/x.png>",
        '<link href="https://fonts.example/x.css" rel="stylesheet">',
        "<style>@import 'https://fonts.example/x.css';</style>",
        "<style>body { background: url(https://cdn.example/x.png) }</style>",
    ],
)
def test_what_a_page_loads_from_outside_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "page.html").write_text(text)
    (found,) = site_pages.loaded_from_outside(tmp_path)
    assert found.startswith("page.html: ")


def test_a_link_that_one_clicks_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<a href="https://example.com">x</a> <img src="x.png"> <link rel="canonical" href="https://x">'
    )
    assert list(site_pages.loaded_from_outside(tmp_path)) == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return site


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The address of the built site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_every_heading_has_the_anchor_that_it_has_on_github(site: Path) -> None:
    for document in links.documents(ROOT):
        uri = re.sub(r"README\.md$", "index.md", site_pages.uri(document))
        page = (site / uri).with_suffix(".html").read_text("utf-8")
        text = document.read_text("utf-8")
        of_headings = links.anchors(text) - set(links.EXPLICIT_ANCHOR.findall(text))
        assert set(re.findall(r"<h\d id=\"([^\"]+)\"", page)) == of_headings, document


class Silent(SimpleHTTPRequestHandler):
    """A file server that writes no log."""

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: `apt-get install chromium` brings it")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield launched
        launched.close()


PAGES = ("index.html", "reference/settings.html", "reference/dictionary/accounting.html", "project/readme.es.html")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_phone_and_asks_no_other_host(address: str, browser: Browser, page: str) -> None:
    asked: list[str] = []
    tab = browser.new_page(viewport={"width": 390, "height": 800})
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(address + page, wait_until="networkidle")
    wider = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    language = tab.evaluate("document.documentElement.lang")
    tab.close()
    assert len(asked) > 1
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    assert (wider, language) == (0, "es" if ".es." in page else "en")


def test_a_picture_of_the_dictionary_is_shown_in_full_size_also_on_a_phone(address: str, browser: Browser) -> None:
    for width in (390, 1400):
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.goto(f"{address}reference/dictionary/accounting.html", wait_until="networkidle")
        picture = tab.get_by_role("img", name="Which tables refer to which")
        shown, natural = picture.evaluate("image => [image.clientWidth, image.naturalWidth]")
        tab.close()
        assert shown == natural > 390


def test_the_search_finds_a_setting(address: str, browser: Browser) -> None:
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    tab.goto(address + "index.html")
    tab.get_by_role("textbox", name="Search").fill("on_invalid_record")
    tab.locator(".md-search-result__link").first.wait_for()
    found = tab.locator(".md-search-result__link").evaluate_all("results => results.map(result => result.pathname)")
    tab.close()
    assert "/reference/settings.html" in found
