"""Extracts the lists in ServiceTitan's OpenAPI documents for the local ServiceTitan.

Usage: tools/endpoints.py           write the file
       tools/endpoints.py --check   print the differences to the file, and exit 1 if there are any

`openapi.py` says where the documents are. If they are missing, `--check` has nothing to compare with, says so, and
exits 0.

The file has every path of a list: the format of the response, the query parameters, and the records' fields with their
types, formats and enum values. It depends only on the documents and not on the tap, so that a test of the tap against
the local ServiceTitan is a test against the documents.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from typing import TYPE_CHECKING, Any

from openapi import DOCUMENTS, ROOT, Document, DocumentError, generate

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

FILE = ROOT / "sandbox/src/servicetitan_sandbox/servicetitan/spec/documented.json"

_SORT_FIELDS = re.compile(r"(?:fields are|specified field|possible values|Options): *(\w[^.]*)")
_MOST_PER_PAGE = re.compile(r"Maximum value is (\d+)")
_ALL_BY_DEFAULT = re.compile(r"(?:active and inactive|all) items will be returned by default")


class Facts:
    """Extracts the facts from the schemas of one document, and collects the named schemas that are needed.

    Args:
        document: The document.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self.schemas: dict[str, Json] = {}

    def of(self, schema: Json) -> Json:
        """Return type, format, enum values and fields of a schema. A named schema stays a reference."""
        name = self._document.reference(schema)
        if name is None:
            return self._plain(self._document.resolve(schema))
        if name not in self.schemas:
            # Added before its fields are extracted, because a schema can refer to itself.
            self.schemas[name] = {}
            self.schemas[name] = self._plain(self._document.resolve({"allOf": [schema]}))
        return {"$ref": name}

    def _plain(self, schema: Json) -> Json:
        facts: Json = {keyword: schema[keyword] for keyword in ("type", "format", "enum") if keyword in schema}
        if "properties" in schema:
            facts["properties"] = {name: self.of(part) for name, part in schema["properties"].items()}
        if "items" in schema:
            facts["items"] = self.of(schema["items"])
        return facts


def parameter(document: Document, described: Json, record: Json) -> Json:
    """Return the facts of a query parameter: also the fields of `sort`, the default of `active`, the most per page."""
    schema = document.resolve(described.get("schema", {}))
    facts: Json = {keyword: schema[keyword] for keyword in ("type", "format", "enum") if keyword in schema}
    text = described.get("description", "")
    if described.get("required"):
        facts["required"] = True
    if described["name"] == "active" and _ALL_BY_DEFAULT.search(text):
        facts["default"] = "Any"
    if described["name"] == "pageSize" and (most := _MOST_PER_PAGE.search(text)):
        facts["most"] = int(most[1])
    if described["name"] == "sort":
        facts["fields"] = sort_fields(text, document.resolve(record).get("properties", {}))
    return facts


def sort_fields(text: str, properties: Json) -> list[str]:
    """Return the fields that a list can be sorted by. If the document lists none, return the usual ones."""
    known = {name.lower(): name for name in properties}
    match = _SORT_FIELDS.search(text)
    words = [word.strip(' "\\').lower() for word in match[1].split(",")] if match else []
    named = [known[word] for word in words if word in known]
    return named or [name for name in ("id", "createdOn", "modifiedOn") if name in properties]


def module(document: Document) -> Json:
    """Return the facts of one document; an empty object if it has no lists."""
    facts = Facts(document)
    paths = {}
    for path, response_format in document.lists():
        record = document.record(path)
        query = {described["name"]: parameter(document, described, record) for described in document.query(path)}
        paths[path] = {"answer": response_format, "record": facts.of(document.item(path)), "query": query}
        if body := document.body(path):
            paths[path]["body"] = {name: facts.of(field) | _required(field) for name, field in body.items()}
    others: Json = {path: {} for path in document.other_lists()}
    if not paths and not others:
        return {}
    return {"paths": paths, "others": others, "schemas": dict(sorted(facts.schemas.items()))}


def _required(field: Json) -> Json:
    return {"required": True} if field["required"] else {}


def build() -> dict[str, Json]:
    """Return the facts of all documents, by module.

    Raises:
        DocumentError: If there are no documents.
    """
    modules = {path.stem: module(Document.load(path.stem)) for path in sorted(DOCUMENTS.glob("*.json"))}
    if not modules:
        raise DocumentError(f"there are no documents in {DOCUMENTS}")
    return {name: facts for name, facts in modules.items() if facts}


def render(modules: dict[str, Json]) -> str:
    """Return the text of the file. Each path and schema is on one line, so that a diff shows what has changed."""
    return (
        _object(
            f"{json.dumps(name)}: "
            + _object(f"{json.dumps(part)}: {_object(_lines(entries))}" for part, entries in facts.items())
            for name, facts in modules.items()
        )
        + "\n"
    )


def _lines(entries: Json) -> Iterator[str]:
    return (f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in entries.items())


def _object(members: Iterator[str]) -> str:
    return "{\n" + ",\n".join(members) + "\n}"


def main() -> int:
    """Run the command and return its exit code."""
    return generate(
        "endpoints",
        "Extract the lists in the OpenAPI documents for the sandbox.",
        build=build,
        write=lambda modules: _write(render(modules)),
        drift=lambda modules: drift(render(modules)),
        matches=lambda modules: f"{sum(len(facts['paths']) for facts in modules.values())} paths match the documents",
    )


def _write(text: str) -> None:
    FILE.write_text(text, encoding="utf-8")


def drift(text: str) -> Iterator[str]:
    """Yield the lines of a diff between the file and the text that it should have."""
    before = FILE.read_text(encoding="utf-8").splitlines()
    return difflib.unified_diff(before, text.splitlines(), "committed", "documented", lineterm="")


if __name__ == "__main__":
    sys.exit(main())
