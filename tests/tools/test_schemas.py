"""The tool that makes schema files from OpenAPI documents: what it keeps, and when it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import schemas
from openapi import Document, DocumentError
from tap_servicetitan.specs.spec import Parent, ResponseFormat, StreamSpec

ROOT = Path(schemas.__file__).parent.parent
SPEC = StreamSpec(
    name="things", list_path="/area/v2/tenant/{tenant}/things", export_path="/area/v2/tenant/{tenant}/export/things"
)


def answer(record: dict[str, Any]) -> dict[str, Any]:
    envelope = {"properties": {"data": {"type": "array", "items": record}}}
    return {"200": {"content": {"application/json": {"schema": envelope}}}}


def endpoint(record: dict[str, Any], *parameters: str) -> dict[str, Any]:
    query = [{"name": name, "in": "query"} for name in parameters]
    required = {"name": "until", "in": "query", "required": True}
    tenant = {"name": "tenant", "in": "path"}
    found = [tenant, *query, *([required] if "active" in parameters else [])]
    return {"get": {"parameters": found, "responses": answer(record)}}


def document(listed: dict[str, Any], exported: dict[str, Any] | None = None, **parts: Any) -> Document:  # noqa: ANN401
    return Document(
        {
            "servers": [{"url": "https://api/area/v2"}],
            "paths": {
                "/tenant/{tenant}/things": endpoint(listed, "page", "pageSize", "includeTotal", "active"),
                "/tenant/{tenant}/export/things": endpoint(exported or listed, "from", "includeRecentChanges"),
            },
            "components": {"schemas": parts},
        }
    )


def thing(**properties: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": "object", "properties": {"id": {"type": "integer"}, **properties}}


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("described", "converted"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"type": "string", "description": "words", "maxLength": 5}, {"type": ["string", "null"]}),
        ({"type": "integer", "format": "int64"}, {"type": ["integer", "null"]}),
        ({"type": "number", "format": "double"}, {"type": ["number", "null"]}),
        ({"type": "number", "format": "decimal"}, {"type": ["number", "null"], "format": "decimal"}),
        ({"type": "string", "format": "date-time"}, {"type": ["string", "null"], "format": "date-time"}),
        ({"type": "string", "format": "guid"}, {"type": ["string", "null"], "format": "uuid"}),
        ({"type": "string", "format": "duration"}, {"type": ["string", "null"]}),
        ({"type": "string", "enum": ["a", "b"]}, {"type": ["string", "null"], "examples": ["a", "b"]}),
        (
            {"type": "array", "items": {"type": "string"}},
            {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
        ),
        ({"type": "object", "additionalProperties": False}, {"type": ["object", "null"]}),
        ({}, {}),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {}),
        ({"oneOf": [reference("Level")], "nullable": True}, {"type": ["string", "null"], "examples": ["low"]}),
        (
            {"allOf": [reference("Base"), {"type": "object", "properties": {"b": {"type": "boolean"}}}]},
            {
                "type": ["object", "null"],
                "properties": {"a": {"type": ["string", "null"]}, "b": {"type": ["boolean", "null"]}},
            },
        ),
    ],
)
def test_convert(described: dict[str, Any], converted: dict[str, Any]) -> None:
    base = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    parts = document({}, Level={"type": "string", "enum": ["low"]}, Base=base)
    assert schemas.convert(parts, described) == converted


def test_a_schema_that_contains_itself() -> None:
    node = {"type": "object", "properties": {"next": {"oneOf": [reference("Node")], "nullable": True}}}
    listed = {"type": "array", "items": reference("Node")}
    converted = schemas.convert(document({}, Node=node), listed)
    assert converted["items"]["properties"] == {"next": {"type": ["object", "null"]}}


def completed(spec: StreamSpec, **properties: Any) -> dict[str, Any]:  # noqa: ANN401
    return schemas.complete(spec, {spec.name: {"type": ["object", "null"], "properties": properties}})


def test_only_the_key_is_required_and_never_null() -> None:
    text = {"type": ["string", "null"]}
    spec = StreamSpec(name="things", list_path=SPEC.list_path, key=("id", "kind"))
    assert completed(spec, id={"type": ["integer", "null"]}, kind=text, name=text) == {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "kind": {"type": "string"}, "name": text},
        "required": ["id", "kind"],
    }


def test_records_without_the_key() -> None:
    with pytest.raises(schemas.SchemaError, match="no field 'id'"):
        completed(SPEC)


def test_what_the_tap_adds_to_records(monkeypatch: pytest.MonkeyPatch) -> None:
    child = StreamSpec(
        name="parts",
        list_path="/area/v2/tenant/{tenant}/things/{thing}/parts",
        parent=Parent(stream="things", placeholder="thing", field="thingId"),
        numbered=True,
        key=("thingId", "position"),
    )
    monkeypatch.setattr(schemas, "STREAMS", (SPEC, child))
    records = {"things": {"properties": {"id": {"type": ["string", "null"], "format": "uuid"}}}, "parts": {}}
    assert schemas.complete(child, records)["properties"] == {
        "thingId": {"type": "string", "format": "uuid"},
        "position": {"type": "integer"},
    }


def test_list_and_feed_are_united_when_their_differences_are_noted() -> None:
    listed = thing(a={"type": "string"}, home={"type": "object", "properties": {"x": {"type": "string"}}})
    exported = thing(b={"type": "string"}, home={"type": "object", "properties": {"y": {"type": "string"}}})
    united = schemas.record_schema(SPEC, document(listed, exported), {"a", "b", "home.x", "home.y"})
    assert set(united["properties"]) == {"id", "a", "b", "home"}
    assert set(united["properties"]["home"]["properties"]) == {"x", "y"}


@pytest.mark.parametrize("noted", [set(), {"a", "c"}], ids=["none", "another"])
def test_a_difference_that_is_not_noted_or_not_there(noted: set[str]) -> None:
    with pytest.raises(schemas.SchemaError, match=r"list and feed differ in \['a'\]"):
        schemas.record_schema(SPEC, document(thing(a={"type": "string"}), thing()), noted)


@pytest.mark.parametrize(
    ("query", "export_query", "problem"),
    [
        ({"active": "Any", "until": "now"}, {}, None),
        ({"until": "now", "sort": "+Id"}, {}, r"/things does not take \['sort'\]"),
        ({"until": "now"}, {"sort": "+Id"}, r"/export/things does not take \['sort'\]"),
        ({}, {}, r"/things requires \['until'\]"),
    ],
    ids=["right", "unknown", "unknown-to-the-feed", "missing"],
)
def test_the_parameters_of_requests(query: dict[str, str], export_query: dict[str, str], problem: str | None) -> None:
    things = document(thing())
    spec = replace(SPEC, query=query, export_query=export_query)
    if problem is None:
        schemas.check_requests(spec, things)
        return
    with pytest.raises(schemas.SchemaError, match=problem):
        schemas.check_requests(spec, things)


def test_answers_without_pages_are_not_asked_for_them() -> None:
    whole = StreamSpec(
        name="things", list_path=SPEC.list_path, response_format=ResponseFormat.ARRAY, query={"until": "now"}
    )
    assert list(schemas.requests(whole)) == [(SPEC.list_path, {"until"})]


def test_a_path_with_a_place_that_the_row_does_not_fill() -> None:
    parent = Parent(stream="others", placeholder="other", field="otherId")
    with pytest.raises(schemas.SchemaError, match=r"needs \['tenant'\], the spec gives \['other', 'tenant'\]"):
        schemas.check_requests(replace(SPEC, query={"until": "now"}, parent=parent), document(thing()))


def test_a_path_that_the_documents_do_not_know() -> None:
    with pytest.raises(DocumentError, match="do not have"):
        schemas.check_requests(replace(SPEC, list_path="/area/v2/tenant/{tenant}/gone"), document(thing()))
    with pytest.raises(schemas.SchemaError, match="no document in"):
        schemas.document_of("/elsewhere/v2/tenant/{tenant}/things", [document(thing())])


def correction(field: str, documented: Any, actual: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"stream": "things", "field": field, "documented": documented, "actual": actual, "reason": "seen"}


def test_corrections() -> None:
    number, text = {"type": ["number", "null"]}, {"type": ["string", "null"]}
    schema = {"properties": {"a": dict(number), "b": {"properties": {"c": dict(text)}}}}
    schemas.correct(schema, correction("a", number, text))
    schemas.correct(schema, correction("b.c", text, None))
    schemas.correct(schema, correction("new", None, number))
    assert schema == {"properties": {"a": text, "b": {"properties": {}}, "new": number}}


def test_a_correction_that_no_longer_applies() -> None:
    with pytest.raises(schemas.SchemaError, match=r"things\.a: the correction no longer applies"):
        schemas.correct({"properties": {"a": {"type": "string"}}}, correction("a", {"type": "integer"}, None))


def test_files_are_as_the_documents_say_or_the_documents_are_not_here() -> None:
    done = run("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_drift_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(schemas, "SCHEMAS", tmp_path)
    (tmp_path / "gone.json").write_text("{\n}\n")
    (tmp_path / "same.json").write_text("{}\n")
    (tmp_path / "other.json").write_text('{\n  "a": 1\n}\n')
    texts = {"same": "{}\n", "other": '{\n  "a": 2\n}\n', "new": "{}\n"}
    shown = [line for line in schemas.drift(texts) if not line.startswith(("---", "+++", "@@", " "))]
    assert shown == ["-{", "-}", "+{}", '-  "a": 1', '+  "a": 2']
    schemas.write(texts)
    assert {path.stem: path.read_text() for path in tmp_path.glob("*")} == texts


def test_without_the_documents_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    done = run("--check", SERVICETITAN_OPENAPI_DIR=str(tmp_path / "none"))
    assert done.returncode == 0
    assert (
        done.stdout == "schemas: the OpenAPI documents are not on this machine, so there is nothing to compare with\n"
    )


def test_writing_without_the_documents_fails(tmp_path: Path) -> None:
    done = run(SERVICETITAN_OPENAPI_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(f"schemas: no document in {tmp_path} describes /")


def run(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools/schemas.py"), *args]
    return subprocess.run(command, capture_output=True, check=False, text=True, env=os.environ | env)
