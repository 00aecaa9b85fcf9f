"""BATCH messages: many records in one message, or in a file that the message names.

The message is that of the Meltano SDK: https://sdk.meltano.com/en/latest/batch.html. It names addresses, and an address
may hold the content itself: a `data:` URL, https://www.rfc-editor.org/rfc/rfc2397. Such a message needs no disk that
tap and target share, leaves no file behind, and waits in the pipe like any other message.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import uuid4

import fsspec
import msgspec
from isal import igzip

from tap_servicetitan.errors import BatchStorageError
from tap_servicetitan.plugin_runtime.addresses import mask_address, show_address
from tap_servicetitan.plugin_runtime.redaction import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_servicetitan.api.pages import Page
    from tap_servicetitan.settings import BatchConfig

INLINE = "data:"
"""The root that puts the records into the message itself."""

INLINE_BYTES = 1 << 18
"""Size of the records in one message. Meltano refuses lines of more than 5 MB (half of its `elt.buffer_size`)."""

FASTEST = 1
"""Level of compression: a batch is read once, and soon. Higher levels take longer and save next to nothing."""

_MEDIA_TYPES = {"none": "application/x-ndjson", "gzip": "application/gzip"}


@dataclass(frozen=True, slots=True)
class Batches:
    """Makes the BATCH messages of all streams."""

    root: str
    """`data:`, or the address of the folder for the files: a path, `file://`, or any that fsspec has a package for."""

    prefix: str
    """Prefix of the file names."""

    compression: str
    """`none` or `gzip`."""

    @classmethod
    def from_config(cls, config: BatchConfig | None) -> Batches | None:
        """Read the setting `batch_config`. None if it has no root: then each record is a message."""
        storage = config.storage if config else None
        if config is None or storage is None or not storage.root:
            return None
        compression = config.encoding.compression if config.encoding else None
        return cls(storage.root, storage.prefix or "", compression or "none")

    def make_messages(self, stream: str, page: Page, version: int | None) -> Iterator[bytes]:
        """Yield the BATCH messages of a page, one per line.

        Args:
            stream: Name of the stream.
            page: The records. A file holds those of one page.
            version: The version of the pass that they belong to (epoch milliseconds), if they belong to one.

        Raises:
            BatchStorageError: If a file cannot be written.
        """
        message = {
            "type": "BATCH",
            "stream": stream,
            "encoding": {"format": "jsonl", "compression": self.compression},
        } | ({} if version is None else {"version": version})
        inline = self.root == INLINE
        for records in split_records(page.records, INLINE_BYTES if inline else sys.maxsize):
            lines = b"\n".join(records) + b"\n"
            content = igzip.compress(lines, FASTEST) if self.compression == "gzip" else lines
            address = self._inline(content) if inline else self._write(stream, content)
            yield msgspec.json.encode(message | {"manifest": [address]}) + b"\n"

    def _inline(self, content: bytes) -> str:
        return f"{INLINE}{_MEDIA_TYPES[self.compression]};base64,{base64.b64encode(content).decode()}"

    def _write(self, stream: str, content: bytes) -> str:
        """Write a file, and return its address."""
        suffix = ".gz" if self.compression == "gzip" else ""
        name = f"{self.prefix}{stream}-{uuid4().hex}.jsonl{suffix}"
        try:
            return _write_file(self.root, name, content)
        except Exception as error:  # noqa: BLE001 - an address may belong to any library
            raise BatchStorageError(
                f"{stream}: a batch file cannot be written below {show_address(self.root)} (setting `batch_config`): "
                f"{mask_address(first_line(error), self.root)}"
            ) from None


def _write_file(root: str, name: str, content: bytes) -> str:
    """Write a file below a path or an address, and return its address."""
    url = urlsplit(root)
    if url.scheme not in {"", "file"}:
        address = f"{root.rstrip('/')}/{name}"
        with fsspec.open(address, "wb") as file:
            file.write(content)
        return address
    folder = Path(url2pathname(url.path) if url.scheme else root).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path.as_uri()


def split_records(records: Sequence[msgspec.Raw], most_bytes: int) -> Iterator[Sequence[msgspec.Raw]]:
    """Yield the records in pieces of a size. A larger record is a piece by itself."""
    start = size = 0
    for index, record in enumerate(records):
        length = len(memoryview(record))
        if size and size + length > most_bytes:
            yield records[start:index]
            start, size = index, 0
        size += length
    if size:
        yield records[start:]
