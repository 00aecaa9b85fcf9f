"""Checks that a SCHEMA message has the form that the rest relies on. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER = (int, float)

_FORMS: dict[str, tuple[tuple[type, ...], str]] = {
    "type": ((str, list), "a name or an array of names"),
    "properties": ((dict,), "an object"),
    "anyOf": ((list,), "an array"),
    "oneOf": ((list,), "an array"),
    "allOf": ((list,), "an array"),
    "enum": ((list,), "an array"),
    "format": ((str,), "a text"),
    "multipleOf": (_NUMBER, "a number"),
}
"""For each keyword that is read: the types that its value may have, and what to call them. null counts as absent."""


def check_schema(schema: object) -> dict[str, Any]:
    """Return a schema, without keywords that are null, if all those that are read have their forms.

    Raises:
        PluginError: If it is not the schema of an object, or a keyword in it has another form.
    """
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        raise PluginError("the schema has no `properties` object, so the table has no columns.")
    for problem in _problems(schema, "the schema"):
        raise PluginError(problem)
    return schema


def check_key(key_properties: object) -> list[str]:
    """Return the names in `key_properties`. There are none if it is null.

    Raises:
        PluginError: If it is not an array of names.
    """
    if key_properties is None:
        return []
    if not isinstance(key_properties, list) or not all(isinstance(name, str) for name in key_properties):
        raise PluginError('`key_properties` must be an array of names, such as `["id"]`.')
    return key_properties


def _problems(schema: object, place: str) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    for keyword, (types, form) in _FORMS.items():
        value = schema.get(keyword)
        if value is not None and (not isinstance(value, types) or isinstance(value, bool)):
            yield f"in {place}, `{keyword}` must be {form}."
            return
    if isinstance(schema.get("type"), list) and not all(isinstance(name, str) for name in schema["type"]):
        yield f"in {place}, `type` must be {_FORMS['type'][1]}."
    for inner, where in _inner(schema, place):
        yield from _problems(inner, where)


def _inner(schema: dict[str, Any], place: str) -> Iterator[tuple[object, str]]:
    """Yield the schemas in a schema, each with its place."""
    for name, inner in (schema.get("properties") or {}).items():
        yield inner, f"the property `{name}`" if place == "the schema" else f"{place[:-1]}.{name}`"
    for keyword in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(keyword) or ():
            yield inner, place
    yield schema.get("items"), place
    for keyword in ("definitions", "$defs"):
        definitions = schema.get(keyword)
        for name, inner in definitions.items() if isinstance(definitions, dict) else ():
            yield inner, f"the definition `{name}`"
