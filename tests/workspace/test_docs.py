"""The checks of the documents: links, paths, the names of errors, quoted messages."""

from __future__ import annotations

import ast
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

NOT_SEARCHED = {
    "Access Denied",  # BigQuery
    "DML queries are not allowed in the free tier",  # BigQuery
    "Object missing required field",  # msgspec
    "cannot read gs://",  # the verb is filled in
    "streams failed",  # of these four, the number decides whether it is one
    "streams are incomplete",
    "days is not known",
    "rows that another program wrote",
    "is an external table",  # so is the kind of the table
    "referenced but not set",  # Meltano
    "' pipeline is already running",  # Meltano
}
"""Messages of other programs, and some that the code puts together."""

SHORTEST_PHRASE = 12
"""Characters. Shorter ones are single words, which any text may have."""


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


@pytest.mark.parametrize(
    "page",
    ["docs/reference/messages.md", "docs/how-to/fleet.md", "docs/how-to/runbook.md", "docs/how-to/runbook.es.md"],
)
def test_a_message_that_a_document_explains_is_one_that_the_code_writes(page: str, said: str) -> None:
    found = phrases((ROOT / page).read_text("utf-8"))
    assert found
    assert [phrase for phrase in found if phrase not in said and phrase not in NOT_SEARCHED] == []


@pytest.fixture(scope="module")
def said() -> str:
    """All texts of the packages and the alerts."""
    modules = (path for name in ("fleet", "tap-*", "target-*") for path in ROOT.glob(f"{name}/src/*/**/*.py"))
    alerts = (path.read_text("utf-8") for path in (ROOT / "deploy" / "alerts").iterdir())
    return "\n".join([*map(texts, modules), *alerts])


def texts(module: Path) -> str:
    """Return the texts of a module, one on a line, with a line break for what they are formatted with."""
    found = [
        node
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Constant | ast.JoinedStr)
    ]
    parts = ([node] if isinstance(node, ast.Constant) else node.values for node in found)
    return "\n".join("".join(_text(part) for part in text) for text in parts)


def _text(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "\n"


def phrases(text: str) -> list[str]:
    """Return the parts of the messages in the first columns of tables, without what differs from one to the next."""
    cells = (row.partition(" | ")[0] for row in text.splitlines() if row.startswith("| `"))
    quoted = (message.replace("\\`", "`") for cell in cells for message in re.findall(r"``?(.+?)``?(?=[,) |]|$)", cell))
    pieces = (piece.strip() for message in quoted for piece in re.split(r"\.\.\.|: |[()`]", message))
    return [piece for piece in pieces if len(piece) >= SHORTEST_PHRASE and " " in piece]


def test_every_document_is_checked() -> None:
    found = {str(path.relative_to(ROOT)) for path in links.documents(ROOT)}
    assert {"README.md", "docs/architecture.md", "docs/how-to/fleet.md", "fleet/README.md"} <= found
    assert not any(name.startswith((".venv", ".tools")) for name in found)


def test_the_walks_name_files_and_functions_that_exist() -> None:
    walks = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Walks")[2]
    steps = re.findall(r"`([a-z_/]+\.py)(?::([\w.]+))?`", walks)
    assert len(steps) > 20
    for path, function in steps:
        sources = [file.read_text(encoding="utf-8") for file in ROOT.glob(f"*/src/*/{path}")]
        assert sources, path
        names = function.split(".") if function else []
        assert any(all(re.search(rf"(class|def) {name}\b", source) for name in names) for source in sources), function
