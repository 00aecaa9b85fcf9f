"""The facts of ServiceTitan's API documents that `tools/endpoints.py` has written to `documented.json`.

The file is read on first use, and a schema is resolved when its records are first needed.
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

ListFormat = Literal["pages", "feed", "array", "data", "part", "object"]
"""The format of a list: numbered pages, a feed continued by tokens, a bare array, all of `data` in one response, a part
of a response that has several lists, or a single record."""

PART = "#"
"""Stands in a path between the address and the name of the array, if the format is `part`."""

FILTERED_FIELDS = ("billType",)
"""Fields that a list can be filtered by, with a parameter of the same name."""

_DEEPEST_REPEAT = 2
"""How often a schema may contain itself. Some do so endlessly."""


@dataclass(frozen=True, slots=True)
class Path:
    """The path of a list in the documents.

    Attributes:
        module: Name of the document.
        response_format: How the records are returned.
        query: The query parameters, each with the facts about its values.
        record: The schema of a record, which may be a reference into the document.
        body: The members of the body, each with whether it is required; none for a list that is read by GET.
    """

    module: str
    response_format: ListFormat
    query: Mapping[str, Json]
    record: Json
    body: Mapping[str, Json]


@cache
def paths() -> dict[str, Path]:
    """Return the paths of all lists, by the path's text without the host."""
    return {
        path: Path(module, facts["answer"], facts["query"], facts["record"], facts.get("body", {}))
        for module, content in _content().items()
        for path, facts in content["paths"].items()
    }


def properties(path: str) -> Json:
    """Return the JSON Schemas of the fields in a path's records, by name. Every field may be null.

    A field that the list can be filtered by has the filter's values as examples, because its own schema lists none.
    """
    documented = paths()[path]
    schema = _resolve(_content()[documented.module]["schemas"], documented.record, ()) or {}
    fields: Json = schema.get("properties", {})
    filters = {name: documented.query[name] for name in FILTERED_FIELDS if name in fields and name in documented.query}
    return fields | {name: fields[name] | {"examples": facts["enum"]} for name, facts in filters.items()}


def field_names(path: str) -> frozenset[str]:
    """Return the names of the fields in a path's records."""
    documented = paths()[path]
    name = documented.record.get("$ref")
    schema = _content()[documented.module]["schemas"][name] if name else documented.record
    return frozenset(schema.get("properties", ()))


@cache
def _content() -> Json:
    text = (resources.files("servicetitan_sandbox.servicetitan.spec") / "documented.json").read_bytes()
    content: Json = orjson.loads(text)
    return content


def _resolve(schemas: Json, schema: Json, within: tuple[str, ...]) -> Json | None:
    """Return a schema with its references resolved.

    Args:
        schemas: All schemas of the document.
        schema: The schema.
        within: Names of the schemas that contain this one.

    Returns:
        The JSON Schema, or None where the schema would contain itself endlessly.
    """
    if name := schema.get("$ref"):
        too_deep = within.count(name) >= _DEEPEST_REPEAT
        return None if too_deep else _resolve(schemas, schemas[name], (*within, name))
    resolved: Json = {"type": [schema["type"], "null"]} if "type" in schema else {}
    if "format" in schema:
        resolved["format"] = schema["format"]
    if "enum" in schema:
        # The API adds values without notice, so the documented ones are examples only.
        resolved["examples"] = schema["enum"]
    if "properties" in schema:
        fields = {name: _resolve(schemas, field, within) for name, field in schema["properties"].items()}
        resolved["properties"] = {name: field for name, field in fields.items() if field is not None}
    if "items" in schema:
        resolved["items"] = _resolve(schemas, schema["items"], within)
        return None if resolved["items"] is None else resolved
    return resolved
