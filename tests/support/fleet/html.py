"""Reads a page of the report as a browser would."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from typing import override

PARTS_OF_THE_PAGE = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "ul", "li", "b"}
PARTS_OF_THE_PAGE |= {"span", "article", "div", "a", "pre", "details", "summary", "label", "input", "table", "thead"}
PARTS_OF_THE_PAGE |= {"tbody", "tr", "th", "td", "section", "figure", "figcaption", "svg", "g", "rect", "text", "i"}


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
