"""The data dictionary has a page for each module, and each column, reference and shared name on it."""

from __future__ import annotations

import json
import re

import dictionary
from table_picture import Reference
from tap_servicetitan.catalog.meanings import SHARED, load_meanings
from tap_servicetitan.specs.registry import STREAMS


def test_the_pages_are_those_that_are_committed() -> None:
    assert dictionary.present() == dictionary.pages()


def test_every_stream_and_column_is_on_its_page() -> None:
    for spec in STREAMS:
        text = dictionary.section(spec)
        assert text.startswith(f"## {spec.name}\n\nOne row ")
        assert all(f"| `{name}` |" in text for _, name, _ in dictionary.columns_of(spec))


def test_a_picture_has_the_references_and_the_tables_without_any() -> None:
    specs = {spec.name: spec for spec in STREAMS}
    assert Reference("project_id", ("projects",)) in dictionary.references(specs["project_notes"])
    assert dictionary.references(specs["material_cost_types"]) == []
    found = [reference for name in ("tasks", "job_history") for reference in dictionary.references(specs[name])]
    assert any({"technicians", "employees"} <= set(reference.targets) for reference in found)
    assert not any("created_by_id" in reference.columns for reference in found)
    picture = dictionary.picture("timesheets")
    names = re.findall(r'class="name"[^>]*>([^<]+)<', picture)
    assert {spec.name for spec in STREAMS if spec.area == "timesheets"} < set(names)
    assert "technicians" in names
    assert len(set(names)) == len(names)


def test_every_shared_name_has_a_meaning_in_spanish() -> None:
    texts = json.loads(dictionary.SPANISH.read_text("utf-8"))
    assert list(texts) == list(load_meanings(SHARED))
    assert all(text[0].isupper() or text.startswith("`") for text in texts.values())
