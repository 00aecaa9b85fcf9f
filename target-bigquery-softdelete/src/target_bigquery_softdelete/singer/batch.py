"""Reads the files of a BATCH message as streams: at no time is a whole file in memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from isal import igzip

from target_bigquery_softdelete.errors import BatchFileError, LongLineError
from target_bigquery_softdelete.plugin_runtime.addresses import mask_address, show_address
from target_bigquery_softdelete.plugin_runtime.redaction import first_line
from target_bigquery_softdelete.singer.batch_address import INLINE, open_address
from target_bigquery_softdelete.singer.jsonl import read_raw_values
from target_bigquery_softdelete.singer.lenient_json import encode_record

if TYPE_CHECKING:
    from collections.abc import Collection

GZIP_MAGIC = b"\x1f\x8b"
"""How a gzipped file begins: https://www.rfc-editor.org/rfc/rfc1952."""

PARQUET_ROWS = 4096
"""Rows of a Parquet file that are in memory at a time."""


class Encoding(msgspec.Struct):
    """The encoding of the files of a BATCH message."""

    format: str
    compression: str | None = None


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What a BATCH message may make the target read."""

    schemes: Collection[str]
    """The schemes of addresses that are allowed in addition to those that always are."""
    longest_line: int
    """The most bytes of a record."""


class Batch(msgspec.Struct):
    """A BATCH message."""

    stream: str
    encoding: Encoding
    manifest: list[str]
    version: int | None = None

    @classmethod
    def of(cls, message: dict[str, Any]) -> Batch:
        """Return a BATCH message from its decoded form.

        Raises:
            BatchFileError: If it is not a well-formed BATCH message.
        """
        try:
            return msgspec.convert(message, cls)
        except msgspec.ValidationError as error:
            raise BatchFileError(f"{message.get('stream')}: a BATCH message is not well-formed: {error}.") from None

    def records(self, limits: BatchLimits) -> Iterator[list[bytes]]:
        """Yield the records of all files in lists, each record a JSON object as bytes.

        Args:
            limits: Which files may be read, and how long a record may be.

        Raises:
            BatchFileError: If a file cannot be read, or may not.
        """
        reader = self._reader()
        for address in self.manifest:
            try:
                with open_address(address, limits.schemes) as file:
                    yield from reader(file, limits.longest_line)
            except Exception as error:  # noqa: BLE001 - any library may read the address
                shown = INLINE if address.startswith(INLINE) else show_address(address)
                raise BatchFileError(
                    f"{self.stream}: the batch file {shown} cannot be read: {_reason(error, address)}"
                ) from None

    def _reader(self) -> _Reader:
        encoding = self.encoding
        if encoding.format == "parquet" and encoding.compression in _PARQUET_COMPRESSIONS:
            return _read_parquet  # a Parquet file names its own compression
        if encoding.format == "jsonl" and encoding.compression in _JSONL_READERS:
            return _JSONL_READERS[encoding.compression]
        raise BatchFileError(
            f"{self.stream}: the BATCH files have the format `{encoding.format}` and the compression "
            f"`{encoding.compression}`. This target reads `jsonl` and `parquet`, with `gzip` or `none`."
        )


def _read_jsonl(file: IO[bytes], longest_line: int) -> Iterator[list[bytes]]:
    return read_raw_values(file, longest_line)


def _read_jsonl_gzip(file: IO[bytes], longest_line: int) -> Iterator[list[bytes]]:
    with io.BufferedReader(file) as packed:  # type: ignore[type-var]  # any binary file works
        start = packed.peek(len(GZIP_MAGIC))
        if start and not start.startswith(GZIP_MAGIC):
            raise ValueError("Not a gzipped file")  # igzip calls a short file of another kind cut off
        with igzip.IGzipFile(fileobj=packed) as plain:  # type: ignore[no-untyped-call]  # as in the standard library
            yield from read_raw_values(io.BufferedReader(plain), longest_line)


def _read_parquet(file: IO[bytes], longest_line: int) -> Iterator[list[bytes]]:
    with pq.ParquetFile(file, buffer_size=1 << 20) as parquet:
        for rows in parquet.iter_batches(_rows_at_a_time(parquet.metadata, longest_line)):
            records = [encode_record(row) for row in _to_microseconds(rows).to_pylist()]
            if len(max(records, key=len, default=b"")) > longest_line:
                raise LongLineError(longest_line)
            yield records


def _rows_at_a_time(metadata: pq.FileMetaData, longest_line: int) -> int:
    """Return how many rows of a Parquet file to decode at a time, by what it says of their size.

    Raises:
        LongLineError: If a row is too long.
    """
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    row_bytes = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    if row_bytes > longest_line:
        raise LongLineError(longest_line)
    return min(PARQUET_ROWS, longest_line // max(row_bytes, 1))


_Reader = Callable[[IO[bytes], int], Iterator[list[bytes]]]
"""Reads a file: the file, and the most bytes of a record."""

_JSONL_READERS: dict[str | None, _Reader] = {
    None: _read_jsonl,
    "none": _read_jsonl,
    "gzip": _read_jsonl_gzip,
}
_PARQUET_COMPRESSIONS = {None, "none", "gzip", "snappy", "zstd", "brotli", "lz4"}


def _to_microseconds(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Cut nanoseconds off: neither Python's types nor BigQuery have them."""
    fields = [pa.field(field.name, _in_microseconds(field.type)) for field in rows.schema]
    wanted = pa.schema(fields)
    return rows if wanted.types == rows.schema.types else rows.cast(wanted, safe=False)


def _in_microseconds(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(field.name, _in_microseconds(field.type)) for field in type_])
    if pa.types.is_list(type_):
        return pa.list_(pa.field(type_.value_field.name, _in_microseconds(type_.value_type)))
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", type_.tz)
    return pa.time64("us") if pa.types.is_time(type_) else type_


def _reason(error: Exception, address: str) -> str:
    """Return why a file cannot be read, without the secrets of its address."""
    if isinstance(error, ImportError) and "gcs" in str(error):  # libraries for remote addresses are optional
        return "install `target-bigquery-softdelete[gcs]`, which reads from Google Cloud Storage."
    text = first_line(error) if address.startswith(INLINE) else mask_address(first_line(error), address)
    if isinstance(error, LongLineError):
        text = f"a row {text}"
    return text if text.endswith(".") else f"{text}."
