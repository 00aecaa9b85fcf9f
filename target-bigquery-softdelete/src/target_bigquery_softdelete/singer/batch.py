"""Reads the files of a BATCH message as streams: at no time is a whole file in memory."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import url2pathname

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from isal import igzip

from target_bigquery_softdelete.errors import BatchFileError
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.redaction import first_line
from target_bigquery_softdelete.singer.jsonl import read_raw_values
from target_bigquery_softdelete.singer.lenient_json import encode_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INLINE = "data:"
"""How an address begins that contains the records itself."""

GZIP_MAGIC = b"\x1f\x8b"
"""How a gzipped file begins: https://www.rfc-editor.org/rfc/rfc1952."""

PARQUET_ROWS = 4096
"""Rows of a Parquet file that are in memory at a time."""


class Encoding(msgspec.Struct):
    """The encoding of the files of a BATCH message."""

    format: str
    compression: str | None = None


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
            PluginError: If it is not a well-formed BATCH message.
        """
        try:
            return msgspec.convert(message, cls)
        except msgspec.ValidationError as error:
            raise PluginError(f"{message.get('stream')}: a BATCH message is not well-formed: {error}.") from None

    def records(self) -> Iterator[list[bytes]]:
        """Yield the records of all files in lists, each record a JSON object as bytes.

        Raises:
            BatchFileError: If a file cannot be read.
        """
        reader = self._reader()
        for address in self.manifest:
            shown = _loggable(address)
            try:
                with _open(address) as file:
                    yield from reader(file)
            except ImportError as error:
                raise BatchFileError(
                    f"{self.stream}: the batch file {shown} cannot be read: {_advice(error)}"
                ) from None
            except Exception as error:  # noqa: BLE001 - any library may read the address
                raise BatchFileError(
                    f"{self.stream}: the batch file {shown} cannot be read: {_sentence(error)}"
                ) from None

    def _reader(self) -> Callable[[IO[bytes]], Iterator[list[bytes]]]:
        encoding = self.encoding
        if encoding.format == "parquet" and encoding.compression in _PARQUET_COMPRESSIONS:
            return _read_parquet  # a Parquet file names its own compression
        if encoding.format == "jsonl" and encoding.compression in _JSONL_READERS:
            return _JSONL_READERS[encoding.compression]
        raise BatchFileError(
            f"{self.stream}: the BATCH files have the format `{encoding.format}` and the compression "
            f"`{encoding.compression}`. This target reads `jsonl` and `parquet`, with `gzip` or `none`."
        )


def _loggable(address: str) -> str:
    """Return the part of an address that may appear in a log, without records and without a signature."""
    return INLINE if address.startswith(INLINE) else address.partition("?")[0]


def _open(address: str) -> IO[bytes]:
    if address.startswith(INLINE):
        return io.BytesIO(_inline_content(address))
    url = urlsplit(address)
    if not url.scheme:
        return Path(address).open("rb")
    if url.scheme == "file":
        return Path(url2pathname(url.path)).open("rb")
    file: IO[bytes] = fsspec.open(address, "rb").open()
    return file


def _inline_content(address: str) -> bytes:
    """Return the content of a `data:` URL (https://www.rfc-editor.org/rfc/rfc2397).

    Raises:
        ValueError: If it is not a `data:` URL.
    """
    head, comma, data = address.partition(",")
    if not comma:
        raise ValueError("there is no comma between its type and its content")
    return base64.b64decode(data, validate=True) if head.endswith(";base64") else unquote_to_bytes(data)


def _read_jsonl(file: IO[bytes]) -> Iterator[list[bytes]]:
    return read_raw_values(file)


def _read_jsonl_gzip(file: IO[bytes]) -> Iterator[list[bytes]]:
    with io.BufferedReader(file) as packed:  # type: ignore[type-var]  # any binary file works
        start = packed.peek(len(GZIP_MAGIC))
        if start and not start.startswith(GZIP_MAGIC):
            raise ValueError("Not a gzipped file")  # igzip calls a short file of another kind cut off
        with igzip.IGzipFile(fileobj=packed) as plain:  # type: ignore[no-untyped-call]  # as in the standard library
            yield from read_raw_values(io.BufferedReader(plain))


def _read_parquet(file: IO[bytes]) -> Iterator[list[bytes]]:
    with pq.ParquetFile(file, buffer_size=1 << 20) as parquet:
        for rows in parquet.iter_batches(PARQUET_ROWS):
            yield [encode_record(row) for row in _to_microseconds(rows).to_pylist()]


_JSONL_READERS: dict[str | None, Callable[[IO[bytes]], Iterator[list[bytes]]]] = {
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


def _advice(error: ImportError) -> str:
    """Return which extra to install: libraries for remote addresses are optional."""
    if "gcs" in str(error):
        return "install `target-bigquery-softdelete[gcs]`, which reads from Google Cloud Storage."
    return _sentence(error)


def _sentence(error: Exception) -> str:
    text = first_line(error)
    return text if text.endswith(".") else f"{text}."
