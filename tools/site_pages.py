"""What MkDocs needs to make a site of the documents: a hook, which mkdocs.yml names.

The site has every document of the repository. Those outside of `docs/`, such as the READMEs of the packages, become
pages in `project/`. A link from one document to another works on the site as it does in the repository; a link to
anything else, such as a source file, leads into the repository on its branch `main`. When the site is built, this
checks that no page loads anything from outside, and that every page is in the navigation.
"""

from __future__ import annotations

import posixpath
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).resolve().parent))

import github_markdown
import links
import package_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.nav import Navigation
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|object|use)\b[^>]*?\b(?:src|data|href)=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preload|preconnect|icon|manifest|modulepreload|prefetch|dns-prefetch))"
    r"[^>]*?\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)",
    re.IGNORECASE,
)
"""An address outside of the site from which a page or a style sheet loads something. Links that one clicks are none."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents outside of `docs/`."""
    documents.cache_clear()
    for path in documents():
        if not path.is_relative_to(DOCS):
            files.append(File.generated(config, uri(path), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the text of a page with the links that its place on the site needs.

    Its headings get the anchors that GitHub gives them, so that a link to one works in both places.
    """
    del files
    anchors = links.Anchors()
    config.mdx_configs["toc"]["slugify"] = lambda heading, _: anchors.of(heading)
    source = Path(page.file.abs_src_path or "")
    return links.replaced(github_markdown.for_python_markdown(markdown), lambda link: leads_to(source, link))


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Name the language of a Spanish page, for browsers and screen readers."""
    del config
    return output.replace('<html lang="en"', '<html lang="es"', 1) if page.file.src_uri.endswith(".es.md") else output


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    """Check that the navigation leads to every page.

    Raises:
        PluginError: If it does not.
    """
    del config
    shown = {page.file.src_uri for page in nav.pages}
    if missing := sorted({file.src_uri for file in files.documentation_pages()} - shown):
        raise PluginError(f"not in the navigation: {', '.join(missing)}: see docs/.nav.yml")


def on_post_build(config: MkDocsConfig) -> None:
    """Check that the site needs nothing from outside.

    Raises:
        PluginError: If a page or a style sheet loads something from an address outside of the site.
    """
    if found := sorted(loaded_from_outside(Path(config.site_dir))):
        raise PluginError("\n".join(["the site loads what is outside of it:", *found]))


def loaded_from_outside(site: Path) -> Iterator[str]:
    """Yield a line for each address outside of a built site that its pages and style sheets load something from."""
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        for match in LOADED.finditer(path.read_text("utf-8")):
            yield f"{path.relative_to(site)}: {next(filter(None, match.groups()))}"


@cache
def documents() -> list[Path]:
    """Return every document of the repository, as it was when the build began."""
    return links.documents(ROOT)


def uri(path: Path) -> str:
    """Return where a document is on the site, as the path of its source."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    *folders, name = path.relative_to(ROOT).parts
    parts = folders if folders and name == "README.md" else [*folders, name.removesuffix(".md")]
    return f"project/{'-'.join(parts).lower()}.md"


def leads_to(source: Path, link: str) -> str:
    """Return where a link of a document leads on the site.

    Args:
        source: The document.
        link: The link as the document has it: an address, an anchor, or a path relative to the document.
    """
    name, hash_sign, anchor = link.partition("#")
    if links.ELSEWHERE.match(link) or not name:
        return link
    target = (source.parent / name).resolve()
    if not target.exists():
        return link  # MkDocs says so
    if target.is_relative_to(DOCS) and target.is_file():
        place = target.relative_to(DOCS).as_posix()
    elif target in documents():
        place = uri(target)
    else:
        kind = "tree" if target.is_dir() else "blob"
        return f"{repository()}/{kind}/main/{target.relative_to(ROOT).as_posix()}{hash_sign}{anchor}"
    return posixpath.relpath(place, posixpath.dirname(uri(source))) + hash_sign + anchor


def repository() -> str:
    """Return the address of the repository."""
    return package_metadata.repository(package_metadata.workspace())
