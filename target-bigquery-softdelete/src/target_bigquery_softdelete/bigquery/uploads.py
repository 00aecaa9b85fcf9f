"""Sends files to BigQuery in little memory, however many and however large they are."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any

from google.api_core import exceptions
from google.cloud import bigquery
from google.resumable_media import InvalidResponse

from target_bigquery_softdelete.plugin_runtime.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SMALL_BYTES = 1 << 20
"""Files up to this size go in a single request, which holds them in memory, twice."""

MOST_PART_BYTES = 8 << 20
"""How much of a larger file a request sends and holds in memory, at most."""

ALL_PARTS_BYTES = 32 << 20
"""Where more than four large files are sent at the same time, each new one has a share of this: 32 take 95 MiB."""

_UNIT_BYTES = 256 << 10
"""The length of a part must be a multiple of this (https://cloud.google.com/bigquery/docs/reference/api-uploads)."""

_LOST = frozenset({HTTPStatus.PERMANENT_REDIRECT, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""The answers to a part by which an upload cannot go on: nothing of it is there, or it is unknown, or over already."""


class UploadingClient(bigquery.Client):
    """Google's client, which sends files in smaller parts: its own hold 100 MB of each file in memory.

    If an upload cannot go on, the file is sent again from the beginning, as after other failures that pass.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as Google's
        super().__init__(*args, **kwargs)
        self._uploads = 0
        self._uploads_lock = threading.Lock()

    @override
    def _do_resumable_upload(
        self,
        stream: IO[bytes],
        metadata: Mapping[str, str],
        num_retries: int,
        timeout: Any,
        project: str | None = None,
    ) -> Any:
        with self.upload_part() as part_bytes:
            upload, transport = self._initiate_resumable_upload(stream, metadata, num_retries, timeout, project=project)
            upload._chunk_size = part_bytes  # noqa: SLF001 - the client has no parameter for it
            response = None
            while not upload.finished:
                try:
                    response = upload.transmit_next_chunk(transport, timeout=timeout)
                except ValueError:  # BigQuery has another part of the file than was sent
                    raise _interrupted("it holds another part of the file") from None
                except InvalidResponse as error:
                    if error.response.status_code in _LOST:
                        raise _interrupted(f"answer {error.response.status_code}") from None
                    raise
        return response

    @contextmanager
    def upload_part(self) -> Iterator[int]:
        """Count an upload as long as it takes. Yield how long its parts may be, in bytes."""
        with self._uploads_lock:
            self._uploads += 1
            share = ALL_PARTS_BYTES // self._uploads
        try:
            yield max(_UNIT_BYTES, min(MOST_PART_BYTES, share // _UNIT_BYTES * _UNIT_BYTES))
        finally:
            with self._uploads_lock:
                self._uploads -= 1


def _interrupted(why: str) -> exceptions.ServiceUnavailable:
    # Without Google's own text, which can have the address of the upload: that is a secret.
    text = f"the upload of a file was interrupted: {why}"
    return exceptions.ServiceUnavailable(text)  # type: ignore[no-untyped-call]
