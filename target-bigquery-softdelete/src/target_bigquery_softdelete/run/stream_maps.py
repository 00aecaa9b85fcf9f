"""Makes the maps of a stream, and applies them to its records one by one. The settings also say whether to flatten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MapExpressionError, StreamMapConfigError
from singer_sdk.mapper import PluginMapper, SameRecordTransform

from target_bigquery_softdelete.errors import StreamMapError
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.records.values import parse_record
from target_bigquery_softdelete.schema.flattening import Flattener, Flattening
from target_bigquery_softdelete.singer.lenient_json import encode_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from logging import Logger

    from singer_sdk.mapper import StreamMap

    from target_bigquery_softdelete.schema.json_schema import JsonSchema


def make_mapper(config: Mapping[str, Any], logger: Logger) -> PluginMapper:
    """Return what keeps the maps of all streams. It does not flatten."""
    return PluginMapper(dict(config) | {"flattening_enabled": False}, logger)


@dataclass(frozen=True)
class TableSchema:
    """The schema of the records that a map makes."""

    alias: str
    """The name that their table has as a stream."""
    schema: JsonSchema
    key: Sequence[str]


class StreamMaps:
    """The maps of all streams."""

    def __init__(self, mapper: PluginMapper, flattening: Flattening | None) -> None:
        """Begin without a stream.

        Args:
            mapper: Keeps the maps, by stream.
            flattening: How to flatten what the maps make.
        """
        self._mapper = mapper
        self._flattening = flattening
        self._flatteners: dict[StreamMap, Flattener] = {}

    def register(self, stream: str, schema: JsonSchema, key: Sequence[str]) -> list[TableSchema]:
        """Make the maps of a stream for its schema. They replace those of an earlier schema.

        Args:
            stream: Name of the stream in the input.
            schema: JSON Schema of its records.
            key: Names of the properties of its key, flattened.

        Returns:
            What each of them makes of the schema.

        Raises:
            PluginError: If the settings of one of them are wrong. The stream keeps the maps that it has then.
        """
        # The mapper does not know the names that a nested key has when flattened.
        known = [name for name in key if name in schema["properties"]] if self._flattening else key
        maps = _make(self._mapper, stream, schema, known)
        return [self._table_schema(each, key if each.transformed_key_properties == known else None) for each in maps]

    def _table_schema(self, stream_map: StreamMap, key: Sequence[str] | None) -> TableSchema:
        schema = stream_map.transformed_schema
        if self._flattening:
            flattener = self._flatteners[stream_map] = Flattener(schema, self._flattening, _as_text)
            schema = flattener.schema
        keys = stream_map.transformed_key_properties if key is None else key
        return TableSchema(stream_map.stream_alias, schema, keys or [])

    def apply(self, stream_map: StreamMap, records: Sequence[bytes]) -> Sequence[bytes]:
        """Return what a map makes of records: fewer, if it filters. Most maps change nothing, and cost nothing.

        Raises:
            StreamMapError: If it fails on one of them.
        """
        flattener = self._flatteners.get(stream_map)
        if flattener is None and isinstance(stream_map, SameRecordTransform):
            return records
        return list(_apply(records, stream_map, flattener))


def _make(mapper: PluginMapper, stream: str, schema: JsonSchema, key: Sequence[str]) -> Sequence[StreamMap]:
    before = mapper.stream_maps.get(stream)
    if before and before[0].raw_schema == schema and before[0].raw_key_properties == key:
        return before
    try:
        mapper.register_raw_stream_schema(stream, schema, key)
    except Exception as error:
        del mapper.stream_maps[stream]
        if before:
            mapper.stream_maps[stream] = before
        if isinstance(error, (MapExpressionError, StreamMapConfigError)):
            raise PluginError(f"{stream}: its `stream_maps` cannot be used: {error}") from None
        raise
    return mapper.stream_maps[stream]


def _apply(records: Sequence[bytes], stream_map: StreamMap, flattener: Flattener | None) -> Iterator[bytes]:
    for raw in records:
        try:
            record: dict[str, Any] | None = stream_map.transform(parse_record(bytes(raw)))
            mapped = None if record is None else encode_record(flattener.flatten(record) if flattener else record)
        except Exception as error:
            # Not its text, which may quote a value.
            raise StreamMapError(stream_map.stream_alias, type(error).__name__) from error
        if mapped is not None:
            yield mapped


def _as_text(value: object) -> str:
    return encode_record(value).decode()
