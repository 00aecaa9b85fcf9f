"""Finds relative links and paths in the documents that lead nowhere. Pure, apart from reading files."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

FENCE = re.compile(r"^ *(```|~~~).*?^ *\1[^\n]*$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
OPAQUE = re.compile(f"(?:{FENCE.pattern})|(?:{COMMENT.pattern})", re.DOTALL | re.MULTILINE)
"""What has no links: fenced code and comments."""

LINK = re.compile(
    r"\]\(\s*<?(?P<inline>[^)\s>]+)[^)]*\)"
    r"|^\[[^\]]+\]:\s*(?P<defined>\S+)"
    r"|(?:src|href)=\"(?P<html>[^\"]+)\"",
    re.MULTILINE,
)
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")
"""A path of files or folders, alone between backticks."""

HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
LINK_TEXT = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
EXPLICIT_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
"""The start of an address that names its scheme, such as `https:`."""

SKIPPED = frozenset({"output"})
"""Folders at the root that are not committed. Hidden folders are skipped as well."""


def documents(root: Path) -> list[Path]:
    """Return every Markdown file of the repository."""
    folders = (path for path in root.iterdir() if path.is_dir() and path.name not in SKIPPED and path.name[0] != ".")
    return sorted([*root.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))])


def dead_links(root: Path, paths: Iterable[Path], repository: str = "") -> list[str]:
    """Return one line for each link into the repository whose file or heading does not exist.

    Args:
        root: Folder of the repository. A relative link must not lead out of it.
        paths: Markdown files to check.
        repository: Address of the repository. Links to its files on the branch `main` are checked as well.
    """
    return [
        f"{path.relative_to(root)}: {link}: {problem}"
        for path in paths
        for link in links(path.read_text("utf-8"))
        if (problem := _problem(root, path, link))
    ] + [
        f"{path.relative_to(root)}: {link}: {problem}"
        for path in paths
        for link in addresses(path.read_text("utf-8"))
        if repository and (at := re.match(re.escape(repository) + r"/(?:blob|tree)/main/(.*)", link))
        if (problem := _problem(root, root / "README.md", at[1]))
    ]


def dead_paths(root: Path, paths: Iterable[Path]) -> list[str]:
    """Return one line for each path of the repository that a document names and that does not exist.

    Only a path that begins with a folder at the root counts: others may be of a bucket or of somewhere else.

    Args:
        root: Folder of the repository.
        paths: Markdown files to check.
    """
    folders = {path.name for path in root.iterdir() if path.is_dir() and path.name not in SKIPPED}
    return [
        f"{path.relative_to(root)}: {name}: no such file"
        for path in paths
        for name in dict.fromkeys(PATH.findall(FENCE.sub("", path.read_text("utf-8"))))
        if "/" in name and name.partition("/")[0] in folders and not (root / name).exists()
    ]


def links(text: str) -> Iterator[str]:
    """Yield the relative links of a Markdown text, in order. Code and comments have none."""
    return (link for link in _all_links(text) if not ELSEWHERE.match(link))


def addresses(text: str) -> Iterator[str]:
    """Yield the links of a Markdown text that are whole addresses, in order."""
    return filter(ELSEWHERE.match, _all_links(text))


def _all_links(text: str) -> Iterator[str]:
    for match in LINK.finditer(CODE.sub("", COMMENT.sub("", FENCE.sub("", text)))):
        yield match["inline"] or match["defined"] or match["html"]


def replaced(text: str, replace: Callable[[str], str]) -> str:
    """Return a Markdown text with each of its links replaced. Code and comments stay as they are.

    Args:
        text: The Markdown text.
        replace: Returns what a link becomes.
    """

    def in_link(match: re.Match[str]) -> str:
        link = match["inline"] or match["defined"] or match["html"]
        start = match.start(match.lastgroup or 0) - match.start()
        return match[0][:start] + replace(link) + match[0][start + len(link) :]

    parts, end = [], 0
    for opaque in OPAQUE.finditer(text):
        parts += [LINK.sub(in_link, text[end : opaque.start()]), opaque[0]]
        end = opaque.end()
    return "".join([*parts, LINK.sub(in_link, text[end:])])


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a Markdown text, and those that it sets itself."""
    body = FENCE.sub("", text)
    return {*EXPLICIT_ANCHOR.findall(body), *map(Anchors().of, HEADING.findall(body))}


class Anchors:
    """Gives the headings of one page the anchors that GitHub gives them, in their order. Equal ones get a number."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def of(self, heading: str) -> str:
        """Return the anchor of the next heading: small letters, no punctuation, a hyphen for each space."""
        slug = re.sub(r"[^\w\- ]", "", LINK_TEXT.sub(r"\1", heading).lower()).replace(" ", "-")
        self._counts[slug] += 1
        return f"{slug}-{self._counts[slug] - 1}" if self._counts[slug] > 1 else slug


def _problem(root: Path, path: Path, link: str) -> str:
    """Return what is wrong with a link, or nothing."""
    name, _, anchor = link.partition("#")
    target = (path.parent / unquote(name)).resolve() if name else path
    if not target.is_relative_to(root) or not target.exists():
        return "no such file"
    if anchor and target.suffix == ".md" and unquote(anchor) not in anchors(target.read_text("utf-8")):
        return f"no such heading in {target.relative_to(root)}"
    return ""
