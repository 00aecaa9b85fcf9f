"""Markdown as Python-Markdown shows it, beside CommonMark, which GitHub shows."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import markdown
import pytest

import github_markdown
import links

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"<(ul|ol|li|table|tr|td|pre|h[1-6]|img|blockquote)\b")
EXTENSIONS = ["tables", "sane_lists", "pymdownx.superfences"]


def blocks(html: str) -> Counter[str]:
    """Return how many there are of each block of a page."""
    return Counter(BLOCK.findall(html))


def shown(text: str) -> Counter[str]:
    return blocks(markdown.markdown(github_markdown.for_python_markdown(text), extensions=EXTENSIONS))


@pytest.mark.parametrize(
    "text",
    [
        "Text:\n- one\n- two\n",
        "1. One:\n   - inner\n   - inner\n2. Two\n",
        "1. One:\n\n   ```console\n   $ make\n   ```\n2. Two\n   and more\n",
        "- one\n\n  more of it\n- two\n",
        "- one\n  - inner\n    - innermost\n- two\n",
        "10. ten\n\n    more of it\n11. eleven\n",
        "1. One:\n\n   | a | b |\n   | --- | --- |\n   | 1 | 2 |\n2. Two\n",
        "- lazy\ncontinuation\n- two\n",
    ],
)
def test_a_list_has_the_items_that_it_has_on_github(text: str) -> None:
    assert shown(text) == blocks(github_markdown.PARSER.render(text))


def test_every_document_has_the_blocks_that_it_has_on_github() -> None:
    texts = {path: path.read_text("utf-8") for path in links.documents(ROOT)}
    assert [
        str(path) for path, text in texts.items() if shown(text) != blocks(github_markdown.PARSER.render(text))
    ] == []


def test_text_without_lists_stays_as_it_is() -> None:
    text = "# Title\n\nText\nwith two lines.\n\n```text\n- not a list\n```\n"
    assert github_markdown.for_python_markdown(text) == text
