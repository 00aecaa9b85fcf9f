"""Makes the maps of a stream, and applies them to its records one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MapExpressionError, StreamMapConfigError
from singer_sdk.mapper import SameRecordTransform

from target_bigquery_softdelete.errors import StreamMapError
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.records.values import parse_record
from target_bigquery_softdelete.singer.lenient_json import encode_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.mapper import PluginMapper, StreamMap

    from target_bigquery_softdelete.schema.json_schema import JsonSchema


def make_maps(mapper: PluginMapper, stream: str, schema: JsonSchema, key: Sequence[str]) -> Sequence[StreamMap]:
    """Make the maps of a stream for its schema, and return them. They replace those of an earlier schema.

    Args:
        mapper: Keeps them.
        stream: Name of the stream in the input.
        schema: JSON Schema of its records.
        key: Names of the properties of its key.

    Raises:
        PluginError: If the settings of one of them are wrong. The stream keeps the maps that it has then.
    """
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


def apply_map(records: Sequence[bytes], stream_map: StreamMap) -> Sequence[bytes]:
    """Return what a map makes of records: fewer, if it filters. Most maps change nothing, and cost nothing.

    Raises:
        StreamMapError: If it fails on one of them.
    """
    return records if isinstance(stream_map, SameRecordTransform) else list(_apply(records, stream_map))


def _apply(records: Sequence[bytes], stream_map: StreamMap) -> Iterator[bytes]:
    for raw in records:
        try:
            record: dict[str, Any] | None = stream_map.transform(parse_record(bytes(raw)))
        except Exception as error:
            # Not its text, which may quote a value.
            raise StreamMapError(stream_map.stream_alias, type(error).__name__) from error
        if record is not None:
            yield encode_record(record)
