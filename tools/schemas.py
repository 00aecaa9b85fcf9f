"""Writes the streams' schema files from ServiceTitan's OpenAPI documents.

Usage: tools/schemas.py           write the files anew
       tools/schemas.py --check   print what would change, and exit 1 when anything would

Where the documents are is said in `openapi.py`; where they are missing, `--check` has nothing to compare with and says
so.

What carries over: names, types, nullability, the formats in `FORMATS`, and enum values as examples (the API adds
values without notice, so they must not constrain). Every field but the key is nullable and none but the key is
required, because records do come without fields that the documents require. What the documents get wrong is put
right in `schema_corrections.json`.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from typing import TYPE_CHECKING, Any

from openapi import DOCUMENTS, ROOT, Document, DocumentError
from tap_servicetitan.streams import EXPORT_PARAMETERS, LIST_PARAMETERS, STREAMS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_servicetitan.streams import StreamSpec

Json = dict[str, Any]

SCHEMAS = ROOT / "tap-servicetitan/src/tap_servicetitan/schemas"
CORRECTIONS = ROOT / "tools/schema_corrections.json"

FORMATS = {
    "date": "date",
    "date-time": "date-time",
    "decimal": "decimal",
    "guid": "uuid",
    "time": "time",
    "uuid": "uuid",
}
"""The documents' formats that say something about the value, and their names in JSON Schema.

`int32`, `int64` and `double` say no more than the type does. `duration` means `HH:MM:SS` to ServiceTitan and something
else to JSON Schema. `html`, `email`, `phone` and `multiline` are about display.
"""


class SchemaError(Exception):
    """The documents, the streams' rows and the corrections do not fit together."""


def convert(document: Document, schema: Json) -> Json:
    """Return the nullable JSON Schema of a field as the documents describe it."""
    schema = document.resolve(schema)
    if "type" not in schema:
        return {}
    converted: Json = {"type": [schema["type"], "null"]}
    if schema.get("format") in FORMATS:
        converted["format"] = FORMATS[schema["format"]]
    if "enum" in schema:
        converted["examples"] = schema["enum"]
    if "properties" in schema:
        converted["properties"] = {name: convert(document, field) for name, field in schema["properties"].items()}
    if "items" in schema:
        converted["items"] = convert(document, schema["items"])
    return converted


def unite(one: Json, other: Json) -> Json:
    """Return the union of two converted schemas. Where both know a field that has no fields itself, `one` counts."""
    united = other | one
    if "properties" in one and "properties" in other:
        united["properties"] = other["properties"] | {
            name: unite(field, other["properties"].get(name, field)) for name, field in one["properties"].items()
        }
    return united


def differences(one: Json, other: Json, path: str = "") -> Iterator[str]:
    """Yield the dotted paths of the fields in which two converted schemas differ."""
    mine, yours = one.get("properties"), other.get("properties")
    if mine is None or yours is None:
        if one != other:
            yield path
        return
    for name in mine | yours:
        where = f"{path}.{name}" if path else name
        if name in mine and name in yours:
            yield from differences(mine[name], yours[name], where)
        else:
            yield where


def documented(spec: StreamSpec, document: Document, noted: set[str]) -> Json:
    """Return the schema of a stream's records as the documents describe them, list and feed united.

    Args:
        spec: The stream.
        document: The document of its module.
        noted: Paths of the fields that are known to differ between list and feed.

    Raises:
        SchemaError: If other fields differ, or if the key is not among them.
    """
    path, *others = spec.paths
    schema = convert(document, document.record(path))
    for other in others:
        feed = convert(document, document.record(other))
        found = set(differences(feed, schema))
        if found != noted:
            raise SchemaError(f"{spec.name}: list and feed differ in {sorted(found)}, noted is {sorted(noted)}")
        schema = unite(feed, schema)
    schema["type"] = "object"
    for name in spec.key:
        if name not in schema.get("properties", {}):
            raise SchemaError(f"{spec.name}: the records have no field {name!r} that could be the key")
        schema["properties"][name]["type"] = schema["properties"][name]["type"][0]
    schema["required"] = list(spec.key)
    return schema


def correct(schema: Json, correction: Json) -> None:
    """Put one thing right, in place. `null` stands for a field that is not there.

    Raises:
        SchemaError: If the documents no longer say what the correction corrects.
    """
    *parents, name = correction["field"].split(".")
    place = schema["properties"]
    for parent in parents:
        place = place[parent]["properties"]
    if place.get(name) != correction["documented"]:
        raise SchemaError(f"{correction['stream']}.{correction['field']}: the correction no longer applies, drop it")
    if correction["actual"] is None:
        del place[name]
    else:
        place[name] = correction["actual"]


def check_parameters(spec: StreamSpec, document: Document) -> None:
    """Make sure that the tap sends a stream's endpoint nothing but what it documents.

    Raises:
        SchemaError: If it would.
    """
    feed = spec.kind is Kind.FEED
    path = spec.paths[-1]
    sent = set(EXPORT_PARAMETERS if feed else LIST_PARAMETERS) | set(spec.query)
    if unknown := sent - document.parameters(path):
        raise SchemaError(f"{spec.name}: {path} does not take {sorted(unknown)}")


def build(corrections: Mapping[str, list[Json]]) -> dict[str, Json]:
    """Return the schemas of all streams by name."""
    schemas = {}
    for spec in STREAMS:
        document = Document.load(spec.module)
        check_parameters(spec, document)
        noted = {entry["field"] for entry in corrections["feed_differences"] if entry["stream"] == spec.name}
        schemas[spec.name] = documented(spec, document, noted)
    for correction in corrections["corrections"]:
        correct(schemas[correction["stream"]], correction)
    return schemas


def render(schema: Json) -> str:
    """Return the text of a schema file."""
    return json.dumps(schema, indent=2) + "\n"


def drift(texts: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a diff between the schema files and what they should hold."""
    present = {path.stem: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")}
    for name in sorted(present | texts):
        before, after = (side.get(name, "").splitlines() for side in (present, texts))
        yield from difflib.unified_diff(before, after, f"committed {name}", f"documented {name}", lineterm="")


def write(texts: dict[str, str]) -> None:
    """Write the schema files and remove those of streams that are gone."""
    for path in SCHEMAS.glob("*.json"):
        if path.stem not in texts:
            path.unlink()
    for name, text in texts.items():
        (SCHEMAS / f"{name}.json").write_text(text, encoding="utf-8")


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description="Write the streams' schema files from the OpenAPI documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file would change")
    check = parser.parse_args().check

    if check and not DOCUMENTS.is_dir():
        print("schemas: the OpenAPI documents are not on this machine, so there is nothing to compare with")
        return 0
    try:
        texts = {name: render(schema) for name, schema in build(json.loads(CORRECTIONS.read_text("utf-8"))).items()}
    except (DocumentError, SchemaError) as error:
        print(f"schemas: {error}", file=sys.stderr)
        return 1
    if not check:
        write(texts)
        return 0
    lines = list(drift(texts))
    print("\n".join(lines) if lines else f"schemas: {len(texts)} files are as the documents say")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
