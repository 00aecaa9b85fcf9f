"""How long the parts of a file are: the shorter, the more files are sent at the same time."""

from __future__ import annotations

from contextlib import ExitStack

from google.auth.credentials import AnonymousCredentials

from target_bigquery_softdelete.bigquery.uploads import ALL_PARTS_BYTES, MOST_PART_BYTES, UploadingClient


def test_the_parts_of_all_files_take_little_memory() -> None:
    client = UploadingClient("project", AnonymousCredentials())
    with ExitStack() as uploads:
        parts = [uploads.enter_context(client.upload_part()) for _ in range(200)]

        assert parts[:5] == [MOST_PART_BYTES] * 4 + [ALL_PARTS_BYTES // 5 // (256 << 10) * (256 << 10)]
        assert parts[199] == 256 << 10
        assert sum(parts[:32]) <= 95 << 20
        assert all(part % (256 << 10) == 0 for part in parts)
    with client.upload_part() as part:
        assert part == MOST_PART_BYTES
