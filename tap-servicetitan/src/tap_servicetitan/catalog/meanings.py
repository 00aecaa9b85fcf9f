"""What the fields mean: descriptions, units and references, from the files in `meanings/`. All else is pure.

A file for each API area has the meanings of its streams and of the fields that mean something of their own there;
`shared.json` has what is the same everywhere. A field is looked up by its path, without array indices:

1. in its stream, by the whole path: `items.total`;
2. in `shared.json`, by the end of the path, the longest that is there: `job.customer.id`, `customer.id`, `id`. A single
   `id` is only that of the stream itself: what a nested one identifies has to be said.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_servicetitan.specs.spec import StreamSpec

Json = dict[str, Any]

SHARED = "shared"
"""Name of the file with the meanings that hold everywhere."""

REFERENCES = "x-references"
"""Annotation of a field in a SCHEMA message: the fields, as `stream.field`, of which its value is one. Of several, the
record says which."""

UNIT = "x-unit"
"""Annotation of a field in a SCHEMA message: what its numbers count, or the clock of its times. One of `UNITS`."""

UNITS: Mapping[str, str] = {
    "UTC": "UTC.",
    "local time": "By the company's clock.",
    "day": "Stands for a day.",
    "HH:MM:SS": "As HH:MM:SS, with days in front if need be.",
    "hours": "In hours.",
    "days": "In days.",
    "months": "In months.",
    "percent": "In percent.",
    "fraction": "As a fraction: 0.08 is 8 %.",
    "factor": "As a factor: 1.5 is half as much again.",
    "units": "In units of the item.",
    "degrees": "In degrees.",
    "currency": "In the company's currency.",
}
"""The units, and how a description says them."""

LONGEST_LIST = 300
"""The most characters that the documented values take in a description. Of longer lists it has the beginning."""

OWN_KEY = "id"
"""The field whose shared meaning is only that of the stream itself."""


class Meaning(NamedTuple):
    """What a field means."""

    text: str
    unit: str | None = None
    """One of `UNITS`."""
    references: tuple[str, ...] | None = None
    """The fields that it refers to, as `stream.field`. Empty if no stream has what it refers to; None if it is no
    reference."""
    place: tuple[str, str] = ("", "")
    """Where it stands: the stream, or `shared`, and the name of the entry."""


@cache
def load_meanings(name: str) -> Json:
    """Return the entries of a file in `meanings/`: streams, or for `shared` fields. Empty if there is no such file."""
    file = files("tap_servicetitan") / "meanings" / f"{name}.json"
    entries: Json = json.loads(file.read_bytes()) if file.is_file() else {}
    return entries


def stream_meaning(spec: StreamSpec) -> str:
    """Return what a row of a stream is; empty if that is not said."""
    text: str = load_meanings(spec.area).get(spec.name, {}).get("means", "")
    return text


def find_meaning(spec: StreamSpec, path: Sequence[str]) -> Meaning | None:
    """Return what a field means, or None if that is not said.

    Args:
        spec: The stream.
        path: The names of the field and of those that contain it, outermost first.
    """
    whole = ".".join(path)
    if own := load_meanings(spec.area).get(spec.name, {}).get("fields", {}).get(whole):
        return _meaning(own, (spec.name, whole))
    shared, end, is_nested = load_meanings(SHARED), whole, False
    while end:
        if end in shared and not (is_nested and end == OWN_KEY):
            return _meaning(shared[end], (SHARED, end))
        _, _, end = end.partition(".")
        is_nested = True
    return None


def _meaning(entry: str | Json, place: tuple[str, str]) -> Meaning:
    if isinstance(entry, str):
        return Meaning(entry, place=place)
    references = entry.get("references")
    return Meaning(entry["means"], entry.get("unit"), None if references is None else tuple(references), place)


def fields_of(schema: Json, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Yield the path and the schema of every field, nested ones and those of array elements included."""
    for name, field in schema.get("properties", {}).items():
        path = (*above, name)
        yield path, field
        yield from fields_of(field, path)
        yield from fields_of(field.get("items", {}), path)


def described(spec: StreamSpec, schema: Json) -> Json:
    """Return the schema of a stream with `description`, `x-unit` and `x-references` in it."""
    text = stream_meaning(spec)
    annotated = _with_fields(spec, schema, ())
    return {**annotated, "description": text} if text else annotated


def _with_fields(spec: StreamSpec, schema: Json, above: tuple[str, ...]) -> Json:
    annotated = dict(schema)
    if "properties" in schema:
        annotated["properties"] = {
            name: _with_fields(spec, field, (*above, name)) | field_annotations(spec, field, (*above, name))
            for name, field in schema["properties"].items()
        }
    if "properties" in schema.get("items", ()):
        annotated["items"] = _with_fields(spec, schema["items"], above)
    return annotated


def field_annotations(spec: StreamSpec, field: Json, path: Sequence[str]) -> Json:
    """Return what the meaning of a field adds to its schema."""
    meaning = find_meaning(spec, path)
    if meaning is None:
        return {}
    parts = (meaning.text, UNITS[meaning.unit] if meaning.unit else "", values_text(documented_values(field)))
    added: Json = {"description": " ".join(filter(None, parts))}
    if meaning.unit:
        added[UNIT] = meaning.unit
    if meaning.references:
        added[REFERENCES] = list(meaning.references)
    return added


def restored(schema: Json, source: Json) -> Json:
    """Return a schema with the units and references that its fields have in another one, from which it was made.

    The SDK drops annotations that it does not know. A field gets them back if it is still the same: under the same
    name, with the same description.

    Args:
        schema: The schema of a message.
        source: The schema of the stream.
    """
    result = dict(schema)
    if "properties" in schema and "properties" in source:
        originals = source["properties"]
        result["properties"] = {
            name: restored(field, originals.get(name, {})) for name, field in schema["properties"].items()
        }
    if isinstance(schema.get("items"), dict) and "items" in source:
        result["items"] = restored(schema["items"], source["items"])
    if schema.get("description") == source.get("description"):
        result |= {keyword: source[keyword] for keyword in (UNIT, REFERENCES) if keyword in source}
    return result


def documented_values(field: Json) -> list[object]:
    """Return the values that the API's documents list for a field or for the elements of its array."""
    values: list[object] = field.get("examples") or field.get("items", {}).get("examples") or []
    return values


def values_text(values: Sequence[object]) -> str:
    """Return the sentence that lists the values of a field; empty if there are none.

    >>> values_text(["Open", "Closed"])
    'One of: Open, Closed.'
    """
    listed = ", ".join(map(str, values))
    if len(listed) <= LONGEST_LIST:
        return f"One of: {listed}." if values else ""
    return f"One of {len(values)} values, such as {listed[:LONGEST_LIST].rpartition(', ')[0]}."
