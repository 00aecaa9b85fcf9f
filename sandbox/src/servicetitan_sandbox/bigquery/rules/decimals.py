"""BIGNUMERIC values are loaded exactly, or not at all.

DuckDB reads a decimal of more than 38 digits from a Parquet file through a double: of 12345678901234567.0123456789 it
kept 12345678901234568. The emulator stores a BIGNUMERIC with 20 digits before the point and 18 after it, where BigQuery
has 38 and 38: values that need more are refused here, instead of being rounded.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from local_bigquery.jobs import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import duckdb
    from local_bigquery.models import JobConfigurationLoad, TableFieldSchema

_STORED = pa.decimal128(38, 18)
_BIG = frozenset({"BIGNUMERIC", "BIGDECIMAL"})


def install() -> None:
    """Read Parquet files with BIGNUMERIC columns by Arrow."""
    load._reader = _with_exact_decimals(load._reader)  # noqa: SLF001 - there is no other way in


def _with_exact_decimals(read: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(read)
    def read_exactly(
        cursor: duckdb.DuckDBPyConnection,
        files: str,
        config: JobConfigurationLoad,
        fields: Sequence[TableFieldSchema],
    ) -> str:
        if config.sourceFormat != "PARQUET" or not any(map(_is_big, fields)):
            return read(cursor, files, config, fields)
        paths = [path for (path,) in cursor.sql(f"SELECT unnest({files})").fetchall()]
        tables = [pq.read_table(path) for path in paths]
        cursor.register("_load_source", pa.concat_tables([table.cast(_storable(table.schema)) for table in tables]))
        return "_load_source"

    return read_exactly


def _is_big(field: TableFieldSchema) -> bool:
    return field.type in _BIG or any(map(_is_big, field.fields or []))


def _storable(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_type(_storable_type(field.type)) for field in schema])


def _storable_type(kind: Any) -> pa.DataType:  # noqa: ANN401 - any type of Arrow
    """Return the type as the emulator stores it: the cast to it fails if a value would lose digits."""
    if pa.types.is_decimal256(kind):
        return _STORED
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_storable_type(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_storable_type(kind.value_type)))
    return kind
