"""Writes what the local ServiceTitan knows of the API, from ServiceTitan's OpenAPI documents.

Usage: tools/endpoints.py           write the file anew
       tools/endpoints.py --check   print what would change, and exit 1 when anything would

Where the documents are is said in `openapi.py`; where they are missing, `--check` has nothing to compare with and says
so.

What carries over is every path that answers a list: how it answers, its query parameters, and the records' fields with
their types, formats and enum values. The file is made of the documents alone and knows nothing of the tap, so that a
test of the tap against the local ServiceTitan is a test against the documents.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from typing import TYPE_CHECKING, Any

from openapi import DOCUMENTS, ROOT, Document, DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

FILE = ROOT / "sandbox/src/servicetitan_sandbox/servicetitan/spec/documented.json"

_SORT_FIELDS = re.compile(r"(?:fields are|specified field|possible values|Options): *(\w[^.]*)")
_ALL_BY_DEFAULT = re.compile(r"(?:active and inactive|all) items will be returned by default")


def answers(document: Document) -> Iterator[tuple[str, str]]:
    """Yield `(path, kind)` of every path that answers a list.

    The kinds: `pages` by number, a `feed` that is continued by tokens, a bare `array`, or `data` in one answer.
    """
    for path in document.gets():
        answer = document.answer(path)
        properties = answer.get("properties", {})
        if answer.get("type") == "array":
            yield path, "array"
        elif document.resolve(properties.get("data", {})).get("type") == "array":
            yield path, next((kind for mark, kind in _KINDS if mark in properties), "data")


_KINDS = (("continueFrom", "feed"), ("hasMore", "pages"))


class Facts:
    """Takes the facts out of one document's schemas, and remembers which of the named ones are needed.

    Args:
        document: The document.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self.schemas: dict[str, Json] = {}

    def of(self, schema: Json) -> Json:
        """Return type, format, enum values and fields of a schema; a named schema stays a reference."""
        name = self._document.reference(schema)
        if name is None:
            return self._plain(self._document.resolve(schema))
        if name not in self.schemas:
            # Known before it is looked into: schemas refer to themselves.
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
    """Return the facts of a query parameter; of one that sorts also the fields, of one that filters its default."""
    schema = document.resolve(described.get("schema", {}))
    facts: Json = {keyword: schema[keyword] for keyword in ("type", "format", "enum") if keyword in schema}
    text = described.get("description", "")
    if described.get("required"):
        facts["required"] = True
    if described["name"] == "active" and _ALL_BY_DEFAULT.search(text):
        facts["default"] = "Any"
    if described["name"] == "sort":
        facts["fields"] = sort_fields(text, document.resolve(record).get("properties", {}))
    return facts


def sort_fields(text: str, properties: Json) -> list[str]:
    """Return the fields that a list can be sorted by; the usual ones where the document does not list them."""
    known = {name.lower(): name for name in properties}
    match = _SORT_FIELDS.search(text)
    words = [word.strip(' "\\').lower() for word in match[1].split(",")] if match else []
    named = [known[word] for word in words if word in known]
    return named or [name for name in ("id", "createdOn", "modifiedOn") if name in properties]


def module(document: Document) -> Json:
    """Return the facts of one document; an empty object when nothing in it answers a list."""
    facts = Facts(document)
    paths = {}
    for path, kind in answers(document):
        record = document.record(path)
        query = {each["name"]: parameter(document, each, record) for each in document.query(path)}
        paths[path] = {"answer": kind, "record": facts.of(document.item(path)), "query": query}
    return {"paths": paths, "schemas": dict(sorted(facts.schemas.items()))} if paths else {}


def build() -> dict[str, Json]:
    """Return the facts of all documents by module."""
    modules = {path.stem: module(Document.load(path.stem)) for path in sorted(DOCUMENTS.glob("*.json"))}
    if not modules:
        raise DocumentError(f"there are no documents in {DOCUMENTS}")
    return {name: facts for name, facts in modules.items() if facts}


def render(modules: dict[str, Json]) -> str:
    """Return the text of the file: a line for each path and schema, so that a change shows as a change of lines."""
    return (
        _braced(
            f"{json.dumps(name)}: "
            + _braced(f"{json.dumps(part)}: {_braced(_lines(entries))}" for part, entries in facts.items())
            for name, facts in modules.items()
        )
        + "\n"
    )


def _lines(entries: Json) -> Iterator[str]:
    return (f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in entries.items())


def _braced(members: Iterator[str]) -> str:
    return "{\n" + ",\n".join(members) + "\n}"


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description="Write what the local ServiceTitan knows of the API.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the file would change")
    check = parser.parse_args().check

    if check and not DOCUMENTS.is_dir():
        print("endpoints: the OpenAPI documents are not on this machine, so there is nothing to compare with")
        return 0
    try:
        modules = build()
    except DocumentError as error:
        print(f"endpoints: {error}", file=sys.stderr)
        return 1
    if not check:
        FILE.write_text(render(modules), encoding="utf-8")
        return 0
    lines = list(drift(render(modules)))
    count = sum(len(facts["paths"]) for facts in modules.values())
    print("\n".join(lines) if lines else f"endpoints: {count} paths are as the documents say")
    return 1 if lines else 0


def drift(text: str) -> Iterator[str]:
    """Yield the lines of a diff between the file and what it should hold."""
    before = FILE.read_text(encoding="utf-8").splitlines()
    return difflib.unified_diff(before, text.splitlines(), "committed", "documented", lineterm="")


if __name__ == "__main__":
    sys.exit(main())
