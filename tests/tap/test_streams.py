"""The table of streams, and the schema that belongs to each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tap_servicetitan.catalog import load_schema
from tap_servicetitan.streams import STREAMS, Kind, StreamSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = [spec.name for spec in STREAMS]


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and the schema of each field, nested ones too."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}{name}", field
        yield from fields(field, f"{path}{name}.")
        yield from fields(field.get("items", {}), f"{path}{name}[].")


def test_the_first_seven() -> None:
    kinds = {spec.name: spec.kind for spec in STREAMS}
    assert kinds == {
        "activities": Kind.FEED,
        "business_units": Kind.SNAPSHOT,
        "campaigns": Kind.SNAPSHOT,
        "employees": Kind.SNAPSHOT,
        "job_types": Kind.SNAPSHOT,
        "technicians": Kind.SNAPSHOT,
        "timesheets": Kind.FEED,
    }


def test_no_name_and_no_path_twice() -> None:
    paths = [path for spec in STREAMS for path in spec.paths]
    assert len(set(NAMES)) == len(NAMES)
    assert len(set(paths)) == len(paths)


def test_the_module_is_named_as_its_document_is() -> None:
    spec = StreamSpec(name="x", list_path="/settings/v2/tenant/{tenant}/x")
    assert (spec.module, spec.kind) == ("settings-v2", Kind.SNAPSHOT)
    assert StreamSpec(name="x", list_path="/a/v2/tenant/{tenant}/x", changed_since="since").kind is Kind.CHANGES
    assert StreamSpec(name="x", export_path="/b/v3/tenant/{tenant}/export/x").module == "b-v3"


def test_snapshots_ask_for_inactive_records_too() -> None:
    assert {spec.query.get("active") for spec in STREAMS if spec.kind is Kind.SNAPSHOT} == {"Any"}


@pytest.mark.parametrize("spec", STREAMS, ids=NAMES)
def test_schema(spec: StreamSpec) -> None:
    schema = load_schema(spec.name)
    Draft202012Validator.check_schema(schema)
    assert schema["required"] == list(spec.key)
    assert all(schema["properties"][name]["type"] in {"integer", "string"} for name in spec.key)
    assert spec.cursor is None or schema["properties"][spec.cursor]["format"] == "date-time"
    assert [path for path, field in fields(schema) if path not in spec.key and "null" not in field["type"]] == []


def test_money_is_exact() -> None:
    assert load_schema("technicians")["properties"]["burdenRate"] == {"type": ["number", "null"], "format": "decimal"}
