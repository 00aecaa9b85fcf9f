"""Few large files are sent at the same time; small ones wait for nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from target_bigquery_softdelete.bigquery.uploads import MOST_LARGE_UPLOADS, SMALL_BYTES, upload_turn


def test_large_files_wait_for_their_turn() -> None:
    with ThreadPoolExecutor(1) as pool, ExitStack() as turns:
        for _ in range(MOST_LARGE_UPLOADS):
            turns.enter_context(upload_turn(SMALL_BYTES + 1))
        small, large = pool.submit(_send, SMALL_BYTES).result(timeout=10), pool.submit(_send, SMALL_BYTES + 1)

        assert small == SMALL_BYTES
        assert not large.done()
        turns.close()
        assert large.result(timeout=10) == SMALL_BYTES + 1


def _send(size: int) -> int:
    with upload_turn(size):
        return size
