"""Tells which streams of the input the setting `stream_maps` sends into a table. Pure."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import MAPPER_ALIAS_OPTION, MAPPER_SOURCE_OPTION, PluginMapper

if TYPE_CHECKING:
    from collections.abc import Mapping


def declared_sources(stream_maps: Mapping[str, Any], table: str, stream: str) -> set[str]:
    """Return the streams that the setting sends into a table by `__alias__` or `__source__`.

    Args:
        stream_maps: The setting.
        table: The name that the table has as a stream: an alias.
        stream: A stream of the input. It counts if a pattern fits it; of the others only names are known.
    """
    found = set()
    for name, rules in stream_maps.items():
        if not isinstance(rules, dict):
            continue
        if MAPPER_SOURCE_OPTION in rules:
            found |= {rules[MAPPER_SOURCE_OPTION]} if name == table else set()
        elif MAPPER_ALIAS_OPTION in rules:
            streams = {name} if "*" not in name else set[str]()
            streams |= {stream} if fnmatch.fnmatch(stream, name) else set()
            found |= {each for each in streams if _alias(rules[MAPPER_ALIAS_OPTION], each) == table}
    return found


def has_open_sources(stream_maps: Mapping[str, Any], table: str) -> bool:
    """Return whether patterns may send streams into a table whose names nobody knows before they come.

    Args:
        stream_maps: The setting.
        table: The name that the table has as a stream: an alias.
    """
    return any(
        set("*?[") & set(name) and isinstance(rules, dict) and _may_be(rules.get(MAPPER_ALIAS_OPTION), table)
        for name, rules in stream_maps.items()
    )


def _may_be(alias: object, table: str) -> bool:
    """Return whether an alias may be the name of a table. One that depends on the stream may be any name."""
    return isinstance(alias, str) and (alias == table or "__stream_name__" in alias)


def _alias(text: str, stream: str) -> str:
    return PluginMapper._eval_stream(text, stream)  # noqa: SLF001 - the SDK's own reading of an alias
