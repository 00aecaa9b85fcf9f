"""The data dictionary has a page for each module, and each column, reference and shared name on it."""

from __future__ import annotations

import json

import dictionary
from tap_servicetitan.catalog.meanings import SHARED, load_meanings
from tap_servicetitan.specs.registry import STREAMS


def test_the_pages_are_those_that_are_committed() -> None:
    present = {path.name: path.read_text("utf-8") for path in dictionary.PAGES.glob("*.md")}
    assert present == dictionary.pages()


def test_every_stream_and_column_is_on_its_page() -> None:
    for spec in STREAMS:
        text = dictionary.section(spec)
        assert text.startswith(f"## {spec.name}\n\nOne row ")
        assert all(f"| `{name}` |" in text for _, name, _ in dictionary.columns_of(spec))


def test_a_picture_has_the_references_and_the_tables_without_any() -> None:
    specs = {spec.name: spec for spec in STREAMS}
    lines = list(dictionary.relations([specs["project_notes"], specs["material_cost_types"], specs["tasks"]]))
    assert '    project_notes }o--o| projects : "project_id"' in lines
    assert "    material_cost_types" in lines
    assert any(line.startswith("    tasks }o..o| technicians : ") for line in lines)
    assert not any("created_by_id" in line for line in lines)


def test_every_shared_name_has_a_meaning_in_spanish() -> None:
    texts = json.loads(dictionary.SPANISH.read_text("utf-8"))
    assert list(texts) == list(load_meanings(SHARED))
    assert all(text[0].isupper() or text.startswith("`") for text in texts.values())
