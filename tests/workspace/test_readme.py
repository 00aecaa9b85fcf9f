"""The two READMEs: short, the same in both languages, and with figures that other pages have measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import links
from tap_servicetitan.specs.registry import STREAMS

ROOT = Path(__file__).parents[2]
ENGLISH, SPANISH = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.es.md"))
MOST_WORDS = {"README.md": 900, "README.es.md": 900}

FIGURES = {
    "docs/explanation/performance.md": ["5.3 s", "6 min 11 s", "72,000", "23,000"],
    "docs/explanation/fleet-sizes.md": ["4.48 $"],
}
"""What the README says in figures, by the page that has measured or computed it."""


@pytest.mark.parametrize(("name", "most"), MOST_WORDS.items())
def test_the_readme_is_short(name: str, most: int) -> None:
    assert len((ROOT / name).read_text("utf-8").split()) <= most


def test_both_languages_have_the_same_headings() -> None:
    assert levels(SPANISH) == levels(ENGLISH)


def levels(text: str) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", links.FENCE.sub("", text), re.MULTILINE)]


def test_both_languages_have_the_same_tables() -> None:
    assert tables(SPANISH) == tables(ENGLISH)


def tables(text: str) -> list[list[int]]:
    """Return the number of cells of each row, table by table."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    return [[row.count("|") - 1 for row in table.splitlines()] for table in found]


def test_both_languages_leave_the_same_cells_empty() -> None:
    assert empty(SPANISH) == empty(ENGLISH)


def empty(text: str) -> list[tuple[int, int]]:
    rows = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)
    return [(y, x) for y, row in enumerate(rows) for x, cell in enumerate(row.split("|")) if not cell.strip()]


@pytest.mark.parametrize("pattern", [r"\d{4}-\d\d-\d\d", r"^\$ (make [^#]*?) *#", r"^SELECT .*", r"!\[[^]]*\]\((.*)\)"])
def test_both_languages_have_the_same_dates_commands_and_pictures(pattern: str) -> None:
    found = re.findall(pattern, ENGLISH, re.MULTILINE)
    assert found
    assert re.findall(pattern, SPANISH, re.MULTILINE) == found


def test_a_figure_is_one_that_another_page_has() -> None:
    for page, figures in FIGURES.items():
        measured = (ROOT / page).read_text("utf-8")
        for figure in figures:
            assert figure in ENGLISH
            assert figure in measured, (figure, page)
            assert figure.translate(str.maketrans(".,", ",.")) in SPANISH
    assert f"{len(STREAMS)} [streams]" in ENGLISH
    assert f"{len(STREAMS)} [streams]" in SPANISH


def test_the_readme_names_what_a_merge_needs() -> None:
    command = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()[-1]
    assert command in ENGLISH
    assert command in SPANISH


def test_the_picture_is_small() -> None:
    assert (ROOT / "docs" / "report.png").stat().st_size <= 150_000
