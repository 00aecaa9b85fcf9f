"""Writes the streams' schema files from ServiceTitan's OpenAPI documents.

Usage: tools/schemas.py           write the files
       tools/schemas.py --check   print the differences to the files, and exit 1 if there are any

`openapi.py` says where the documents are. If they are missing, `--check` has nothing to compare with, says so, and
exits 0.

A schema has the documents' names and types, the formats in `FORMATS`, and enum values as examples (the API adds values
without notice, so they must not constrain). Only the key is required, and all other fields are nullable, because real
records lack fields that the documents require. `schema_corrections.json` corrects errors in the documents, and
names the texts that are numbers: a field beside each has the number.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from typing import TYPE_CHECKING, Any

from openapi import DOCUMENTS, PART, ROOT, Document, GeneratorError, generate
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.specs.spec import DATE, DECIMAL_OF, DECIMAL_SUFFIX, EXPORT_PARAMETERS, POSITION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_servicetitan.specs.spec import StreamSpec

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
"""The documents' formats that restrict values, and their names in JSON Schema.

`int32`, `int64` and `double` add nothing to the type. `duration` means `HH:MM:SS` to ServiceTitan and something else to
JSON Schema. `html`, `email`, `phone` and `multiline` are about display.
"""


PLACEHOLDER = re.compile(r"{(\w+)}")
"""A placeholder in a path."""


class SchemaError(GeneratorError):
    """The documents, the streams' specs and the corrections contradict each other."""


def convert(document: Document, schema: Json, inside: tuple[str, ...] = ()) -> Json:
    """Return the nullable JSON Schema of a field as the documents describe it.

    Args:
        document: The document of the schema.
        schema: The schema as written in the document.
        inside: Names of the schemas that contain this one. A schema that contains itself becomes an object without
            fields there.
    """
    name = document.reference(schema)
    if name in inside:
        return {"type": ["object", "null"]}
    schema = document.resolve(schema)
    if "type" not in schema:
        return {}
    inside = (*inside, name) if name else inside
    converted = convert_value(schema)
    if "properties" in schema:
        fields = schema["properties"].items()
        converted["properties"] = {name: convert(document, field, inside) for name, field in fields}
    if "items" in schema:
        converted["items"] = convert(document, schema["items"], inside)
    return converted


def convert_value(schema: Json) -> Json:
    """Return type, format and examples of a schema, without its fields."""
    converted: Json = {"type": [schema["type"], "null"]}
    if schema.get("format") in FORMATS:
        converted["format"] = FORMATS[schema["format"]]
    if "enum" in schema:
        converted["examples"] = schema["enum"]
    return converted


def unite(preferred: Json, other: Json) -> Json:
    """Return the union of two converted schemas. `preferred` counts where a field without fields is in both."""
    united = other | preferred
    if "properties" in preferred and "properties" in other:
        united["properties"] = other["properties"] | {
            name: unite(field, other["properties"].get(name, field)) for name, field in preferred["properties"].items()
        }
    return united


def differences(left: Json, right: Json, path: str = "") -> Iterator[str]:
    """Yield the dotted paths of the fields that differ between two converted schemas."""
    left_fields, right_fields = left.get("properties"), right.get("properties")
    if left_fields is None or right_fields is None:
        if left != right:
            yield path
        return
    for name in left_fields | right_fields:
        field_path = f"{path}.{name}" if path else name
        if name in left_fields and name in right_fields:
            yield from differences(left_fields[name], right_fields[name], field_path)
        else:
            yield field_path


def record_schema(spec: StreamSpec, document: Document, noted: set[str]) -> Json:
    """Return the schema of a stream's records as the documents describe them: the union of list and feed.

    Args:
        spec: The stream.
        document: The document of its module.
        noted: Paths of the fields that are known to differ between list and feed.

    Raises:
        SchemaError: If list and feed differ in other fields.
    """
    schema, *others = (convert(document, document.item(path)) for path in documented_paths(spec))
    for feed in others:
        found = set(differences(feed, schema))
        if found != noted:
            raise SchemaError(f"{spec.name}: list and feed differ in {sorted(found)}, noted is {sorted(noted)}")
        schema = unite(feed, schema)
    return unpacked(spec, schema) if spec.unpack else schema


def documented_paths(spec: StreamSpec) -> list[str]:
    """Return the paths of a stream, with the name of the list's array where one response has several."""
    part = f"{PART}{spec.list_part}" if spec.list_part else ""
    return [f"{path}{part}" if path == spec.list_path else path for path in spec.paths]


def unpacked(spec: StreamSpec, schema: Json) -> Json:
    """Return the schema of the records in the array of a schema, with the other fields.

    Raises:
        SchemaError: If there is no such array.
    """
    others = dict(schema["properties"])
    inner = others.pop(spec.unpack, {}).get("items", {}).get("properties")
    if inner is None:
        raise SchemaError(f"{spec.name}: {spec.unpack} is no array of objects")
    return {**schema, "properties": others | inner}


def added_fields(spec: StreamSpec, records: Mapping[str, Json]) -> Json:
    """Return the key fields that the tap adds to a stream's records.

    Args:
        spec: The stream.
        records: The schemas of the records of all streams.

    Raises:
        SchemaError: If the parent's records lack its key.
    """
    fields: Json = {}
    if spec.parent:
        parent = next(candidate for candidate in STREAMS if candidate.name == spec.parent.stream)
        fields[spec.parent.field] = key_field(parent, records[parent.name], parent.key[0])
    if spec.period:
        fields[DATE] = {"type": "string", "format": "date"}
    if spec.numbered:
        fields[POSITION] = {"type": "integer"}
    return fields


def key_field(spec: StreamSpec, schema: Json, name: str) -> Json:
    """Return the schema of a key field, which is never null.

    Raises:
        SchemaError: If the records have no such field.
    """
    field = schema.get("properties", {}).get(name)
    if field is None:
        raise SchemaError(f"{spec.name}: the records have no field {name!r} that could be the key")
    return {**field, "type": without_null(field["type"])}


def without_null(types: str | list[str]) -> str:
    """Return the type of a field without null."""
    return types if isinstance(types, str) else types[0]


def complete(spec: StreamSpec, records: Mapping[str, Json]) -> Json:
    """Return the schema of a stream: its records' fields and those that the tap adds. The key is required.

    Raises:
        SchemaError: If the records lack a key field.
    """
    fields = added_fields(spec, records) | records[spec.name].get("properties", {})
    schema = {"type": "object", "properties": fields, "required": list(spec.key)}
    schema["properties"] = fields | {name: key_field(spec, schema, name) for name in spec.key}
    return schema


def correct(schema: Json, correction: Json) -> None:
    """Apply a correction to a schema, in place. `null` in a correction means that there is no such field.

    Raises:
        SchemaError: If the documents no longer have the error.
    """
    *parents, name = correction["field"].split(".")
    fields = schema["properties"]
    for parent in parents:
        fields = fields[parent]["properties"]
    if fields.get(name) != correction["documented"]:
        raise SchemaError(f"{correction['stream']}.{correction['field']}: the correction no longer applies, drop it")
    if correction["actual"] is None:
        del fields[name]
    else:
        fields[name] = correction["actual"]


def add_decimal(schema: Json, stream: str, path: str) -> None:
    """Add the number beside a text that has one, in place, right behind it.

    Raises:
        SchemaError: If the documents have no such text.
    """
    name, _, rest = path.partition(".")
    schema = schema.get("items", schema)
    fields = schema.get("properties", {})
    if rest and name in fields:
        add_decimal(fields[name], stream, rest)
    elif rest or fields.get(name) != {"type": ["string", "null"]}:
        raise SchemaError(f"{stream}.{path}: there is no such text any more, drop it from decimal_texts")
    else:
        number = {"type": ["number", "null"], "format": "decimal", DECIMAL_OF: name}
        pairs = list(fields.items())
        at = list(fields).index(name) + 1
        schema["properties"] = dict([*pairs[:at], (f"{name}{DECIMAL_SUFFIX}", number), *pairs[at:]])


def requests(spec: StreamSpec) -> Iterator[tuple[str, set[str]]]:
    """Yield each path of a stream with the names of the query parameters that the tap sends."""
    if spec.list_path and spec.body is None:
        yield spec.list_path, {*spec.list_parameters, *spec.query, *spec.filters}
    if spec.export_path:
        yield spec.export_path, {*EXPORT_PARAMETERS, *spec.export_query}


def check_requests(spec: StreamSpec, document: Document) -> None:
    """Check that the tap sends all required parameters of a stream's paths, and no undocumented ones.

    Raises:
        SchemaError: If it does not.
    """
    known = {"tenant", spec.parent.placeholder} if spec.parent else {"tenant"}
    for path, sent in requests(spec):
        if unknown := sent - document.parameters(path):
            raise SchemaError(f"{spec.name}: {path} does not take {sorted(unknown)}")
        required = {parameter["name"] for parameter in document.query(path) if parameter.get("required")}
        if missing := required - sent:
            raise SchemaError(f"{spec.name}: {path} requires {sorted(missing)}")
        if (needed := set(PLACEHOLDER.findall(path))) != known:
            raise SchemaError(f"{spec.name}: {path} needs {sorted(needed)}, the spec gives {sorted(known)}")


def document_of(path: str, documents: Iterable[Document]) -> Document:
    """Return the document that describes a path.

    Raises:
        SchemaError: If there is no such document.
    """
    for document in documents:
        if path.startswith(f"{document.base}/"):
            return document
    raise SchemaError(f"no document in {DOCUMENTS} describes {path}")


def build(corrections: Mapping[str, list[Json]]) -> dict[str, Json]:
    """Return the schemas of all streams, by name."""
    documents = [Document.load(path.stem) for path in sorted(DOCUMENTS.glob("*.json"))]
    records = {}
    for spec in STREAMS:
        document = document_of(spec.paths[0], documents)
        check_requests(spec, document)
        noted = {entry["field"] for entry in corrections["feed_differences"] if entry["stream"] == spec.name}
        records[spec.name] = record_schema(spec, document, noted)
    for correction in corrections["corrections"]:
        correct(records[correction["stream"]], correction)
    for entry in corrections["decimal_texts"]:
        for field in entry["fields"]:
            add_decimal(records[entry["stream"]], entry["stream"], field)
    return {spec.name: complete(spec, records) for spec in STREAMS}


def render(schema: Json) -> str:
    """Return the text of a schema file."""
    return json.dumps(schema, indent=2) + "\n"


def drift(texts: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a diff between the schema files and the texts that they should have."""
    present = {path.stem: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")}
    for name in sorted(present | texts):
        before, after = (side.get(name, "").splitlines() for side in (present, texts))
        yield from difflib.unified_diff(before, after, f"committed {name}", f"documented {name}", lineterm="")


def write(texts: dict[str, str]) -> None:
    """Write the schema files, and remove those of streams that no longer exist."""
    for path in SCHEMAS.glob("*.json"):
        if path.stem not in texts:
            path.unlink()
    for name, text in texts.items():
        (SCHEMAS / f"{name}.json").write_text(text, encoding="utf-8")


def main() -> int:
    """Run the command and return its exit code."""
    return generate(
        "schemas",
        "Write the streams' schema files from the OpenAPI documents.",
        build=lambda: {name: render(schema) for name, schema in build(_read_corrections()).items()},
        write=write,
        drift=drift,
        matches=lambda texts: f"{len(texts)} files match the documents",
    )


def _read_corrections() -> Any:  # noqa: ANN401 - JSON
    return json.loads(CORRECTIONS.read_text("utf-8"))


if __name__ == "__main__":
    sys.exit(main())
