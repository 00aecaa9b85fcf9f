"""The streams that the setting `extra_streams` declares. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_servicetitan.catalog.names import hint
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.specs.spec import POSITION, Parent, ResponseFormat, StreamSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_servicetitan.settings import ExtraStream

Json = dict[str, Any]

TYPES: Mapping[str, Json] = {
    "text": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"], "format": "decimal"},
    "boolean": {"type": ["boolean", "null"]},
    "date-time": {"type": ["string", "null"], "format": "date-time"},
    "date": {"type": ["string", "null"], "format": "date"},
    "json": {"type": ["object", "null"]},
}
"""JSON Schema of each type of field."""

EXPORT = "/export/"
"""A path with this in it is an export feed, unless the setting says something else."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def extra_specs(setting: Iterable[ExtraStream], known: Mapping[str, StreamSpec]) -> dict[str, StreamSpec]:
    """Return the specs of the setting `extra_streams`, by name.

    Args:
        setting: Its value.
        known: The tap's own streams.

    Raises:
        PluginError: If a name stands twice, or an entry contradicts itself.
    """
    specs: dict[str, StreamSpec] = {}
    for declared in setting:
        if declared.name in known or declared.name in specs:
            raise _error(declared, "there is another stream with this name")
        specs[declared.name] = _spec(declared, known)
    return specs


def _spec(declared: ExtraStream, known: Mapping[str, StreamSpec]) -> StreamSpec:
    replication = declared.replication or ("feed" if EXPORT in declared.path else "snapshot")
    parent = _parent(declared, known)
    _check(declared, replication)
    key = tuple(["id"] if declared.key is None else declared.key) or (POSITION,)
    if parent and parent.field not in key:
        key = (parent.field, *key)
    is_feed, has_changes = replication == "feed", replication == "changes"
    cursor = declared.cursor or (None if replication == "snapshot" else "modifiedOn")
    return StreamSpec(
        name=declared.name,
        list_path=None if is_feed else declared.path,
        export_path=declared.path if is_feed else None,
        response_format=ResponseFormat(declared.response or "pages"),
        most_per_page=declared.most_per_page,
        key=key,
        numbered=POSITION in key,
        cursor=cursor,
        changed_since=(declared.since or "modifiedOnOrAfter") if has_changes else None,
        changed_before=(declared.before or "modifiedBefore") if has_changes else None,
        query={} if is_feed else declared.query or {},
        export_query=(declared.query or {}) if is_feed else {},
        parent=parent,
        selected=True,
        fields=_fields(declared, key, cursor),
    )


def _check(declared: ExtraStream, replication: str) -> None:
    """Check that the parts of an entry fit together.

    Raises:
        PluginError: If they do not.
    """
    if replication == "feed" and (declared.parent or declared.response):
        raise _error(declared, "an export feed has neither `parent` nor `response`")
    if replication != "changes" and (declared.since or declared.before):
        raise _error(declared, "`since` and `before` are for `replication: changes`")
    if replication != "snapshot" and declared.key == []:
        raise _error(declared, "without a `key`, it can only be a snapshot")
    if declared.parent and replication != "snapshot":
        raise _error(declared, "a stream with a `parent` has no `replication` of its own: it follows its parent")


def _parent(declared: ExtraStream, known: Mapping[str, StreamSpec]) -> Parent | None:
    """Return the parent of an entry, if it has one.

    Raises:
        PluginError: If the path and the parent do not fit together, or there is no such stream.
    """
    names = [name for name in _PLACEHOLDER.findall(declared.path) if name != "tenant"]
    if declared.parent is None:
        if names:
            raise _error(declared, f"its path has {{{names[0]}}} in it, and no `parent` says of what")
        return None
    if len(names) != 1:
        raise _error(declared, "the path of a stream with a `parent` needs one placeholder for the key of that")
    parent = known.get(declared.parent.stream)
    if parent is None:
        raise _error(declared, f"there is no stream {hint(declared.parent.stream, known)}")
    if parent.parent or len(parent.key) != 1 or parent.numbered:
        raise _error(declared, f"{parent.name} cannot be a parent: it has one itself, or no key of one field")
    return Parent(stream=parent.name, placeholder=names[0], field=declared.parent.field)


def _fields(declared: ExtraStream, key: tuple[str, ...], cursor: str | None) -> dict[str, Json]:
    """Return the schemas of the fields that are known: the key and the time of change also if nobody declares them."""
    fields = dict.fromkeys(key, TYPES["integer"])
    if cursor:
        fields[cursor] = TYPES["date-time"]
    fields |= {name: TYPES[kind] for name, kind in (declared.fields or {}).items()}
    return {name: _not_null(schema) if name in key else schema for name, schema in fields.items()}


def _not_null(schema: Json) -> Json:
    return schema | {"type": [name for name in schema["type"] if name != "null"]}


def _error(declared: ExtraStream, problem: str) -> PluginError:
    return PluginError(f"setting `extra_streams`: {declared.name}: {problem}")
