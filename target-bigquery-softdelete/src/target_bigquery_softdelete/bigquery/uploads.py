"""Sends files to BigQuery in little memory, however many and however large they are."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from google.cloud import bigquery

from target_bigquery_softdelete.plugin_runtime.compat import override
from target_bigquery_softdelete.plugin_runtime.heap import give_memory_back

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_BYTES = 8 << 20
"""How much of a file a request sends. It must be a multiple of 256 KiB
(https://cloud.google.com/bigquery/docs/reference/api-uploads)."""

SMALL_BYTES = 1 << 20
"""Files up to this size are sent at any time: those of many small streams would wait for each other's answers."""

MOST_LARGE_UPLOADS = 4
"""How many larger files are sent at the same time. More would not be there earlier: they share the network."""

_large_uploads = threading.BoundedSemaphore(MOST_LARGE_UPLOADS)


class ChunkingClient(bigquery.Client):
    """Google's client, but a request holds `CHUNK_BYTES` of a file in memory: Google's holds 100 MB."""

    @override
    def _initiate_resumable_upload(self, *args: Any, **kwargs: Any) -> Any:
        upload, transport = super()._initiate_resumable_upload(*args, **kwargs)
        upload._chunk_size = CHUNK_BYTES  # noqa: SLF001 - the client has no parameter for it
        return upload, transport


@contextmanager
def upload_turn(size: int) -> Iterator[None]:
    """Return a context in which to send a file: for a large one it waits until others are done.

    Args:
        size: The size of the file in bytes.
    """
    if size <= SMALL_BYTES:
        yield
        return
    with _large_uploads:
        yield
        give_memory_back()
