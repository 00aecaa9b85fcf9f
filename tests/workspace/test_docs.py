"""The checks of the documents: links, paths, the names of errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import links

ROOT = Path(__file__).parents[2]
PAGE = """# A page: its *first* `heading`

## Again

## Again

<a id="by-hand"></a>

```console
# not a heading
$ echo "[not a link](nowhere.md)"
```

`[code](nowhere.md)` <!-- [comment](nowhere.md) --> [outside](https://example.com/nowhere.md)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text(PAGE)
    (tmp_path / "picture.svg").write_text("<svg/>")
    return tmp_path


def dead(repository: Path, text: str) -> list[str]:
    (repository / "README.md").write_text(text)
    return links.dead_links(repository, links.documents(repository))


@pytest.mark.parametrize(
    "link",
    [
        "docs",
        "docs/page.md",
        "docs/page.md#a-page-its-first-heading",
        "docs/page.md#again-1",
        "docs/page.md#by-hand",
        "picture.svg",
        "#top",
    ],
)
def test_a_link_to_what_exists_is_alive(repository: Path, link: str) -> None:
    assert dead(repository, f"# Top\n\n[text]({link})") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[text](docs/gone.md)", "README.md: docs/gone.md: no such file"),
        ("![picture](gone.svg)", "README.md: gone.svg: no such file"),
        ("[text][a]\n\n[a]: docs/gone.md", "README.md: docs/gone.md: no such file"),
        ('<img src="gone.svg">', "README.md: gone.svg: no such file"),
        ("[text](../outside.md)", "README.md: ../outside.md: no such file"),
        ("[text](#gone)", "README.md: #gone: no such heading in README.md"),
        (
            "[text](docs/page.md#not-a-heading)",
            "README.md: docs/page.md#not-a-heading: no such heading in docs/page.md",
        ),
        ("[text](docs/page.md#again-2)", "README.md: docs/page.md#again-2: no such heading in docs/page.md"),
        ("| [`a`](docs/page.md) | [b](docs/gone.md) |", "README.md: docs/gone.md: no such file"),
    ],
)
def test_a_link_to_what_does_not_exist_is_dead(repository: Path, text: str, problem: str) -> None:
    assert dead(repository, text) == [problem]


@pytest.mark.parametrize(
    "path", ["docs/page.md", "docs/", "elsewhere/page.md", "page.md", "docs/<name>.md", "docs/*.md"]
)
def test_a_path_that_exists_or_is_not_of_the_repository_is_alive(repository: Path, path: str) -> None:
    (repository / "README.md").write_text(f"See `{path}`.")
    assert links.dead_paths(repository, links.documents(repository)) == []


def test_a_path_that_does_not_exist_is_dead(repository: Path) -> None:
    (repository / "README.md").write_text(
        "See `docs/gone.md`, and again `docs/gone.md`.\n\n```\n`docs/example.md`\n```\n"
    )
    assert links.dead_paths(repository, links.documents(repository)) == ["README.md: docs/gone.md: no such file"]


def test_the_page_of_errors_has_every_public_error() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    modules = [path for pattern in ("tap-*", "target-*", "fleet") for path in ROOT.glob(f"{pattern}/src/*/errors.py")]
    errors = {
        name for path in modules for name in re.findall(r"^class (\w+Error)\b", path.read_text("utf-8"), re.MULTILINE)
    }
    assert errors
    assert {name for name in errors if not re.search(rf"\b{name}\b", page)} == set()


def test_every_document_is_checked() -> None:
    found = {str(path.relative_to(ROOT)) for path in links.documents(ROOT)}
    assert {"README.md", "docs/architecture.md", "docs/how-to/fleet.md", "fleet/README.md"} <= found
    assert not any(name.startswith((".venv", ".tools")) for name in found)
