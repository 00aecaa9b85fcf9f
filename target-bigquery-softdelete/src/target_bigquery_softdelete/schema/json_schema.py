"""Reduces a JSON Schema to the few shapes that have a BigQuery type. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.decimals import EXACT_FORMATS, is_exact, unite_exact

if TYPE_CHECKING:
    from collections.abc import Sequence

JsonSchema = dict[str, Any]

ANY: JsonSchema = {}
"""The schema that allows every value."""

_TYPES_BY_VALUE: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def types_of(schema: JsonSchema) -> set[str]:
    """Return the types that a schema allows, without null. An empty set means that the schema names no type."""
    declared = schema.get("type")
    if declared is None:
        values = schema.get("enum", [schema["const"]] if "const" in schema else [])
        types = {_TYPES_BY_VALUE.get(type(value), "null" if value is None else "object") for value in values}
        if not types and "properties" in schema:
            types = {"object"}
    else:
        types = set(declared) if isinstance(declared, list) else {declared}
    types.discard("null")
    return {"number"} if types == {"integer", "number"} else types


def allows_only_null(schema: JsonSchema) -> bool:
    """Return whether null is the only value that a schema allows.

    >>> [allows_only_null(schema) for schema in ({"type": ["null"]}, {"enum": [None]}, {"type": []}, {})]
    [True, True, False, False]
    """
    if schema.get("type") is not None:
        return schema["type"] in ("null", ["null"])
    return schema.get("enum") == [None] or ("const" in schema and schema["const"] is None)


def simplify(schema: object, root: JsonSchema, seen: frozenset[str] = frozenset()) -> JsonSchema:
    """Resolve `$ref` and reduce `anyOf`, `oneOf` and `allOf` to one schema.

    Args:
        schema: The schema of one property. `true` and `false` are schemas, too; neither names a type.
        root: The whole schema, which holds the definitions.
        seen: The references that were followed to get here.

    Raises:
        PluginError: If a reference has no target in the schema.
    """
    if not isinstance(schema, dict):
        return ANY
    if "$ref" in schema:
        return _resolve(str(schema["$ref"]), root, seen)
    for word in ("anyOf", "oneOf"):
        if schema.get(word):
            rest = {key: value for key, value in schema.items() if key != word}
            return _unite([simplify({**rest, **branch}, root, seen) for branch in schema[word]])
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for branch in schema.get("allOf", ()):
        merged = _intersect(merged, simplify(branch, root, seen))
    return merged


def _resolve(reference: str, root: JsonSchema, seen: frozenset[str]) -> JsonSchema:
    # A schema that contains itself nests without end, and another document cannot be read: both become JSON.
    if reference in seen or not reference.startswith("#/"):
        return ANY
    node: Any = root
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or name not in node:
            raise PluginError(f"the schema refers to `{reference}`, which it does not contain.")
        node = node[name]
    return simplify(node, root, seen | {reference})


def _intersect(first: JsonSchema, second: JsonSchema) -> JsonSchema:
    both = {**first, **second}
    if "properties" in first and "properties" in second:
        both["properties"] = {**first["properties"], **second["properties"]}
    return both


def unite_schemas(schemas: Sequence[JsonSchema]) -> JsonSchema:
    """Return one schema for the records of several streams: it has the properties of all of them."""
    if all(schema == schemas[0] for schema in schemas):
        return schemas[0]
    properties: dict[str, list[Any]] = {}
    for schema in schemas:
        for name, of_property in schema.get("properties", {}).items():
            properties.setdefault(name, []).append(of_property)
    merged = {name: value for schema in schemas for name, value in schema.items()}
    return {**merged, "properties": {name: _any_of(branches) for name, branches in properties.items()}}


def _any_of(schemas: Sequence[Any]) -> Any:  # noqa: ANN401 - `true` and `false` are schemas, too
    return schemas[0] if all(schema == schemas[0] for schema in schemas) else {"anyOf": list(schemas)}


def _unite(branches: Sequence[JsonSchema]) -> JsonSchema:
    """Return one schema for `anyOf` these."""
    if branches and all(map(allows_only_null, branches)):
        return {"type": "null"}
    branches = [branch for branch in branches if branch.get("type") not in ("null", ["null"])]
    types = [types_of(branch) for branch in branches]
    if not branches or not all(types):
        return ANY
    if len(branches) == 1:
        return branches[0]
    return _unite_types(branches, sorted(set().union(*types)))


def _unite_types(branches: Sequence[JsonSchema], names: list[str]) -> JsonSchema:
    if names == ["object"]:
        return _unite_objects(branches)
    if names == ["array"]:
        return {"type": "array", "items": {"anyOf": [branch.get("items", ANY) for branch in branches]}}
    formats = {branch.get("format") for branch in branches}
    has_exact_format = formats & EXACT_FORMATS and set(names) <= {"number", "integer", "string"}
    if has_exact_format or ("number" in names and set(names) <= {"number", "integer"} and any(map(is_exact, branches))):
        return {"type": names, **unite_exact(branches)}
    # A plain string or a date is a string: a narrower type would reject some of the values.
    return {"type": names, "format": formats.pop() if len(formats) == 1 else None}


def _unite_objects(branches: Sequence[JsonSchema]) -> JsonSchema:
    properties: dict[str, list[Any]] = {}
    for branch in branches:
        if not branch.get("properties"):
            return {"type": "object"}
        for name, schema in branch["properties"].items():
            properties.setdefault(name, []).append(schema)
    return {
        "type": "object",
        "properties": {name: _any_of(schemas) for name, schemas in properties.items()},
    }
