"""What ServiceTitan's documents say, as far as it was written down: see `tools/endpoints.py`.

The file is read when the first question is asked, and a schema is put together when its records are first needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = dict[str, Any]

Answer = Literal["pages", "feed", "array", "data"]
"""How a list answers: pages by number, a feed that is continued by tokens, a bare array, or `data` in one answer."""

FILTERED_FIELDS = ("billType",)
"""Fields whose values a list can be filtered by, with a parameter of the same name."""

_DEEPEST_REPEAT = 2
"""How often a schema may stand inside itself: some do, without end."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path that answers a list.

    Attributes:
        module: Name of the document.
        answer: How it answers.
        query: The query parameters, each with the facts about its values.
        record: The schema of a record, which may be a reference into the document.
    """

    module: str
    answer: Answer
    query: Mapping[str, Json]
    record: Json


@cache
def paths() -> dict[str, Path]:
    """Return every path that answers a list, by its text from the host on."""
    return {
        path: Path(module, facts["answer"], facts["query"], facts["record"])
        for module, content in _content().items()
        for path, facts in content["paths"].items()
    }


def properties(path: str) -> Json:
    """Return the JSON Schemas of the fields of a path's records, by name. Every field may be null.

    A field that the list can be filtered by has the values that the filter takes: the schema does not say them.
    """
    known = paths()[path]
    schema = _resolve(_content()[known.module]["schemas"], known.record, ()) or {}
    fields: Json = schema.get("properties", {})
    filtered = {name: known.query[name] for name in FILTERED_FIELDS if name in fields and name in known.query}
    return fields | {name: fields[name] | {"examples": facts["enum"]} for name, facts in filtered.items()}


def field_names(path: str) -> frozenset[str]:
    """Return the names of the fields of a path's records."""
    known = paths()[path]
    name = known.record.get("$ref")
    schema = _content()[known.module]["schemas"][name] if name else known.record
    return frozenset(schema.get("properties", ()))


@cache
def _content() -> Json:
    text = (resources.files("servicetitan_sandbox.servicetitan.spec") / "documented.json").read_bytes()
    content: Json = orjson.loads(text)
    return content


def _resolve(schemas: Json, schema: Json, within: tuple[str, ...]) -> Json | None:
    """Return the JSON Schema with its references put in; None where it would stand inside itself without end."""
    if name := schema.get("$ref"):
        deep = within.count(name) >= _DEEPEST_REPEAT
        return None if deep else _resolve(schemas, schemas[name], (*within, name))
    resolved: Json = {"type": [schema["type"], "null"]} if "type" in schema else {}
    if "format" in schema:
        resolved["format"] = schema["format"]
    if "enum" in schema:
        # The API adds values without notice, so the known ones are examples.
        resolved["examples"] = schema["enum"]
    if "properties" in schema:
        parts = {name: _resolve(schemas, part, within) for name, part in schema["properties"].items()}
        resolved["properties"] = {name: part for name, part in parts.items() if part is not None}
    if "items" in schema:
        resolved["items"] = _resolve(schemas, schema["items"], within)
        return None if resolved["items"] is None else resolved
    return resolved
