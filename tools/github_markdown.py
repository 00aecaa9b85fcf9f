"""Rewrites Markdown for Python-Markdown, so that a document looks the same on the site and in the repository. Pure.

GitHub reads CommonMark: what belongs to an item of a list is indented as far as the text of the item, and a list needs
no blank line before it. Python-Markdown wants four columns and a blank line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Sequence

PARSER = MarkdownIt("commonmark").enable("table")
BLOCKS = ("bullet_list_open", "ordered_list_open", "table_open")
"""What needs a blank line before it. A table needs one after it, too."""

MARKER = re.compile(r" *(?:[-*+]|\d+[.)]) +")
INDENT = 4
"""Columns by which Python-Markdown expects what belongs to an item to be indented."""


def for_python_markdown(text: str) -> str:
    """Return a text of CommonMark with tables as Python-Markdown has to have it to show the same."""
    lines = text.splitlines()
    tokens = [(token.type, token.map[0], token.map[1]) for token in PARSER.parse(text) if token.map]
    items = [(first, end) for kind, first, end in tokens if kind == "list_item_open"]
    apart = {first for kind, first, _ in tokens if kind in BLOCKS}
    apart |= {end for kind, _, end in tokens if kind == "table_open"}
    # An item of several blocks ends in a blank line.
    apart |= {end for first, end in items if "" in map(str.strip, lines[first:end]) or apart & {*range(first + 1, end)}}
    return "".join(
        f"\n{line}\n" if number in apart and number and lines[number - 1].strip() else f"{line}\n"
        for number, line in enumerate(_indented(lines, items))
    )


def _indented(lines: Sequence[str], items: Sequence[tuple[int, int]]) -> list[str]:
    """Return lines with the indent that Python-Markdown wants inside of items of lists.

    Args:
        lines: The lines of a text.
        items: First line and end of each item, outer ones before inner ones.
    """
    within = [0] * len(lines)
    depth = [0] * len(lines)
    for first, end in items:
        marker = MARKER.match(lines[first][within[first] :])
        width = marker.end() if marker else 0
        for number in range(first + 1, end):
            within[number] += width
            depth[number] += 1
    return [
        " " * (INDENT * deep) + line[columns:] if line[:columns].isspace() else line
        for line, columns, deep in zip(lines, within, depth, strict=True)
    ]
