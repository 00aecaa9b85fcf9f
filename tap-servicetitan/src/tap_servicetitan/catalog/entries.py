"""The catalog of the streams that rows describe, without the SDK and without network."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tap_servicetitan.transform.inject import DELETED_AT, DELETED_AT_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_servicetitan.specs import StreamSpec

Json = dict[str, Any]


def load_schema(name: str) -> Json:
    """Return the committed schema of a stream."""
    text = (files("tap_servicetitan") / "schemas" / f"{name}.json").read_bytes()
    schema: Json = json.loads(text)
    return schema


def schema_of(spec: StreamSpec) -> Json:
    """Return the schema of a stream's records: the committed one, and what the tap puts into them."""
    schema = load_schema(spec.name)
    if spec.inactive_is_deleted:
        schema["properties"][DELETED_AT] = dict(DELETED_AT_SCHEMA)
    return schema


def catalog(specs: Iterable[StreamSpec]) -> Json:
    """Return the Singer catalog of the streams, entry for entry what the SDK makes of them."""
    return {"streams": [entry(spec, schema_of(spec)) for spec in sorted(specs, key=lambda spec: spec.name)]}


def entry(spec: StreamSpec, schema: Json) -> Json:
    """Return the catalog entry of one stream."""
    cursor = spec.replication_key
    return {
        "tap_stream_id": spec.name,
        **({"replication_key": cursor} if cursor else {}),
        "replication_method": "INCREMENTAL" if cursor else "FULL_TABLE",
        "key_properties": list(spec.key),
        "schema": _listed(schema),
        "stream": spec.name,
        "metadata": [
            *_fields(schema["properties"], automatic={*spec.key, cursor}),
            {"breadcrumb": [], "metadata": _about(spec)},
        ],
    }


def _about(spec: StreamSpec) -> Json:
    about: Json = {"inclusion": "available", "selected": spec.selected, "selected-by-default": spec.selected}
    about["table-key-properties"] = list(spec.key)
    if spec.replication_key:
        about |= {"replication-key": spec.replication_key, "valid-replication-keys": [spec.replication_key]}
    return about


def _fields(properties: Json, automatic: Iterable[str | None], above: tuple[str, ...] = ()) -> Iterator[Json]:
    for name, schema in properties.items():
        breadcrumb = (*above, "properties", name)
        inclusion = "automatic" if name in automatic else "available"
        yield {"breadcrumb": list(breadcrumb), "metadata": {"inclusion": inclusion}}
        yield from _fields(schema.get("properties", {}), (), breadcrumb)


def _listed(schema: Json) -> Json:
    """Return what a catalog says of a schema: all but the examples."""
    listed = {keyword: value for keyword, value in schema.items() if keyword != "examples"}
    if "properties" in schema:
        listed["properties"] = {name: _listed(field) for name, field in schema["properties"].items()}
    if "items" in schema:
        listed["items"] = _listed(schema["items"])
    return listed
