"""The Singer catalog of the streams, made from their specs: no SDK, no network."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tap_servicetitan.catalog.meanings import REFERENCES, UNIT, described
from tap_servicetitan.specs.spec import DECIMAL_OF, DELETED_AT, DELETED_AT_SCHEMA, EXTRA, EXTRA_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_servicetitan.specs.spec import StreamSpec

Json = dict[str, Any]

_DROPPED = frozenset({"examples", DECIMAL_OF, REFERENCES, UNIT})
"""Keywords of a schema that the SDK's catalogs lack."""


def load_schema(name: str) -> Json:
    """Return the committed schema of a stream."""
    text = (files("tap_servicetitan") / "schemas" / f"{name}.json").read_bytes()
    schema: Json = json.loads(text)
    return schema


def schema_of(spec: StreamSpec) -> Json:
    """Return the schema of a stream's records: the committed one, the fields that the tap adds, and what they mean."""
    if spec.fields is not None:
        return {"type": "object", "properties": {**spec.fields}, "required": list(spec.key)}
    schema = load_schema(spec.name)
    if spec.inactive_is_deleted or (spec.period and spec.numbered):
        schema["properties"][DELETED_AT] = dict(DELETED_AT_SCHEMA)
    if not spec.is_documented:
        schema["properties"][EXTRA] = dict(EXTRA_SCHEMA)
    return described(spec, schema)


def catalog(specs: Iterable[StreamSpec]) -> Json:
    """Return the Singer catalog of the streams. Each entry equals the one that the SDK makes."""
    return {"streams": [entry(spec, schema_of(spec)) for spec in sorted(specs, key=lambda spec: spec.name)]}


def entry(spec: StreamSpec, schema: Json) -> Json:
    """Return the catalog entry of one stream."""
    cursor = spec.replication_key
    return {
        "tap_stream_id": spec.name,
        **({"replication_key": cursor} if cursor else {}),
        "replication_method": "INCREMENTAL" if cursor else "FULL_TABLE",
        "key_properties": list(spec.key),
        "schema": _without_examples(schema),
        "stream": spec.name,
        "metadata": [
            *_field_metadata(schema["properties"], automatic={*spec.key, cursor, DELETED_AT}),
            {"breadcrumb": [], "metadata": _stream_metadata(spec)},
        ],
    }


def _stream_metadata(spec: StreamSpec) -> Json:
    metadata: Json = {"inclusion": "available", "selected": spec.selected, "selected-by-default": spec.selected}
    metadata["table-key-properties"] = list(spec.key)
    if spec.replication_key:
        metadata |= {"replication-key": spec.replication_key, "valid-replication-keys": [spec.replication_key]}
    return metadata


def _field_metadata(properties: Json, automatic: Iterable[str | None], above: tuple[str, ...] = ()) -> Iterator[Json]:
    for name, schema in properties.items():
        breadcrumb = (*above, "properties", name)
        inclusion = "automatic" if name in automatic else "available"
        yield {"breadcrumb": list(breadcrumb), "metadata": {"inclusion": inclusion}}
        yield from _field_metadata(schema.get("properties", {}), (), breadcrumb)


def _without_examples(schema: Json) -> Json:
    """Return a schema as the catalog has it: without the keywords that the SDK drops."""
    listing = {keyword: value for keyword, value in schema.items() if keyword not in _DROPPED}
    if "properties" in schema:
        listing["properties"] = {name: _without_examples(field) for name, field in schema["properties"].items()}
    if "items" in schema:
        listing["items"] = _without_examples(schema["items"])
    return listing
