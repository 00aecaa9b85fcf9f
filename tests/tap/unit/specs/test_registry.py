"""The specs, their schemas, and how both fit the API's documents."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tap_servicetitan.catalog.entries import load_schema
from tap_servicetitan.specs.excluded import EXCLUDED
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.specs.spec import EXPORT_PARAMETERS, POSITION, ReplicationKind, StreamSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

SPECS = {spec.name: spec for spec in STREAMS}


def of_each(*specs: StreamSpec) -> pytest.MarkDecorator:
    """Run a test for each of some specs."""
    return pytest.mark.parametrize("spec", specs, ids=[spec.name for spec in specs])


EVERYTHING = {"active": "Any", "activeState": "All", "includeInactive": "true", "activeOnly": "false"}
"""How the API spells the question for inactive records too."""

MODULES: dict[str, Json] = json.loads(
    (files("servicetitan_sandbox.servicetitan.spec") / "documented.json").read_bytes()
)
"""The facts of ServiceTitan's documents that the sandbox is made of."""

DOCUMENTED: dict[str, Json] = {path: facts for module in MODULES.values() for path, facts in module["paths"].items()}
"""What is documented of each path. A path with `#` in it is one of several lists in the response of the first part."""

OTHERS = {path for module in MODULES.values() for path in module["others"]}
"""What else the documents let one read, and what may be a list: they do not say what comes, or it has arrays."""


def documented_paths(spec: StreamSpec) -> list[str]:
    part = f"#{spec.list_part}" if spec.list_part else ""
    return [f"{path}{part}" if path == spec.list_path else path for path in spec.paths]


def fields(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Yield the path and the schema of each field, nested ones too."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}{name}", field
        yield from fields(field, f"{path}{name}.")
        yield from fields(field.get("items", {}), f"{path}{name}[].")


def record_fields(path: str) -> set[str]:
    """Return the names of the fields of a path's records, as they are documented."""
    schemas = {name: schema for module in MODULES.values() for name, schema in module["schemas"].items()}
    record = DOCUMENTED[path]["record"]
    return set(schemas[record["$ref"]]["properties"] if "$ref" in record else record["properties"])


def test_the_first_seven() -> None:
    kinds = {
        "activities": ReplicationKind.FEED,
        "business_units": ReplicationKind.SNAPSHOT,
        "campaigns": ReplicationKind.SNAPSHOT,
        "employees": ReplicationKind.SNAPSHOT,
        "job_types": ReplicationKind.SNAPSHOT,
        "technicians": ReplicationKind.SNAPSHOT,
        "timesheets": ReplicationKind.FEED,
    }
    assert {name: SPECS[name].kind for name in kinds} == kinds
    assert all(SPECS[name].selected for name in kinds)


def test_names_are_words_in_small_letters_and_none_is_there_twice() -> None:
    assert len(SPECS) == len(STREAMS)
    assert [name for name in SPECS if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []


def test_no_request_is_made_by_two_streams() -> None:
    asked = [(path, *sorted(spec.query.items())) for spec in STREAMS for path in documented_paths(spec)]
    assert len(set(asked)) == len(asked)


def test_what_is_read_by_default_needs_no_more_scopes_than_the_first_seven() -> None:
    chosen = {spec.module for spec in STREAMS if spec.selected}
    assert chosen == {"jpm-v2", "marketing-v2", "payroll-v2", "settings-v2", "timesheets-v2"}


def test_every_list_of_the_api_is_read_or_left_out_for_a_reason() -> None:
    read = {path for spec in STREAMS for path in documented_paths(spec)}
    assert read & EXCLUDED.keys() == set()
    assert (DOCUMENTED.keys() | OTHERS) - read - EXCLUDED.keys() == set()
    # It answers `{data}` with one record in it, and not a list.
    assert EXCLUDED.keys() - DOCUMENTED.keys() - OTHERS == {"/pricebook/v2/tenant/{tenant}/materialsmarkup/{id}"}


def test_reasons_name_streams_that_are_there() -> None:
    named = {name for reason in EXCLUDED.values() for name in re.findall(r"`([a-z_]+)`", reason)}
    assert named - SPECS.keys() == set()


def test_the_module_is_named_as_its_document_is() -> None:
    spec = StreamSpec(name="x", list_path="/settings/v2/tenant/{tenant}/x")
    assert (spec.module, spec.kind) == ("settings-v2", ReplicationKind.SNAPSHOT)
    assert (
        StreamSpec(name="x", list_path="/a/v2/tenant/{tenant}/x", changed_since="since").kind is ReplicationKind.CHANGES
    )
    assert StreamSpec(name="x", export_path="/b/v3/tenant/{tenant}/export/x").module == "b-v3"


@of_each(*(spec for spec in STREAMS if spec.list_path))
def test_the_list_is_asked_as_its_document_says(spec: StreamSpec) -> None:
    endpoint = DOCUMENTED[documented_paths(spec)[0]]
    documented: Json = endpoint.get("body") or endpoint["query"]
    if spec.body is not None:
        period = (spec.period.first, spec.period.end) if spec.period else ()
        assert {*spec.body, *period} <= documented.keys()
        assert {name for name, facts in documented.items() if facts.get("required")} <= {*spec.body, *period}
        return
    sent = {
        *spec.list_parameters,
        *spec.query,
        *spec.filters,
    }
    assert sent - documented.keys() == set()
    assert {name for name, facts in documented.items() if facts.get("required")} - sent == set()
    # One that looks like pages takes no parameters at all.
    form = "part" if spec.list_part else spec.response_format.value
    assert form == endpoint["answer"] or not documented
    assert all(value in documented[name].get("enum", [value]) for name, value in spec.query.items())
    inactive_too = {name: EVERYTHING[name] for name in EVERYTHING.keys() & documented.keys()}
    assert inactive_too.items() <= spec.query.items()


@of_each(*(spec for spec in STREAMS if spec.export_path))
def test_the_feed_is_asked_as_its_document_says(spec: StreamSpec) -> None:
    endpoint = DOCUMENTED[spec.paths[-1]]
    assert endpoint["answer"] == "feed"
    assert {*EXPORT_PARAMETERS, *spec.export_query} - endpoint["query"].keys() == set()


@of_each(*(spec for spec in STREAMS if spec.list_path and spec.export_path))
def test_full_passes_read_the_list_only_if_it_shows_as_much_as_the_feed_and_can_be_frozen(spec: StreamSpec) -> None:
    shown, fed = (record_fields(path) for path in spec.paths)
    # A list without inactive records would make them look deleted.
    has_inactive = "active" not in fed or bool(EVERYTHING.keys() & spec.query.keys())
    assert spec.full_pass == "feed" or (shown == fed and has_inactive and spec.is_freezable)


@of_each(*(spec for spec in STREAMS if spec.is_freezable or spec.takes_ids))
def test_a_list_that_is_frozen_or_asked_for_single_records_shows_them_all(spec: StreamSpec) -> None:
    documented = DOCUMENTED[spec.paths[0]]["query"]
    has_inactive = "active" not in record_fields(spec.paths[0]) or bool(EVERYTHING.keys() & documented.keys())
    assert has_inactive
    assert not spec.is_freezable or "createdOn" in record_fields(spec.paths[0])


@of_each(*STREAMS)
def test_parents_are_streams_with_one_key(spec: StreamSpec) -> None:
    left_open = set(re.findall(r"{(\w+)}", " ".join(spec.paths)))
    if spec.parent is None:
        assert left_open == {"tenant"}
        return
    assert left_open == {"tenant", spec.parent.placeholder}
    assert len(SPECS[spec.parent.stream].key) == 1
    assert SPECS[spec.parent.stream].parent is None


@of_each(*STREAMS)
def test_schema(spec: StreamSpec) -> None:
    schema = load_schema(spec.name)
    properties = schema["properties"]
    Draft202012Validator.check_schema(schema)
    assert schema["required"] == list(spec.key)
    assert spec.key
    assert all(properties[name]["type"] in {"integer", "string"} for name in spec.key)
    assert spec.cursor is None or properties[spec.cursor]["format"] == "date-time"
    assert spec.numbered == (POSITION in spec.key)
    assert spec.parent is None or spec.parent.field in properties
    assert not spec.inactive_is_deleted or "active" in properties
    others = [(path, field) for path, field in fields(schema) if path not in spec.key]
    assert [path for path, field in others if "null" not in field.get("type", ["null"])] == []


def test_money_is_exact() -> None:
    assert load_schema("technicians")["properties"]["burdenRate"] == {"type": ["number", "null"], "format": "decimal"}
