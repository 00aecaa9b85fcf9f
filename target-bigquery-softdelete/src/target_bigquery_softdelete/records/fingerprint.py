"""What stands for a complete snapshot: equal rows, written in the same way, have equal fingerprints. Pure functions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_bigquery_softdelete.schema.columns import TableColumns


def fingerprint(circumstances: Iterable[str], columns: TableColumns, rows: Iterable[str]) -> str:
    """Return the fingerprint of a snapshot: 40 hexadecimal digits.

    Args:
        circumstances: What else decides how rows are written: settings, software version, names of tables.
        columns: The columns of the stream, with its key.
        rows: The last row of each key as a text, sorted.
    """
    digest = hashlib.sha256()
    for text in (*circumstances, repr(columns.columns), repr(columns.key), *rows):
        # With its length, so that no two lists of texts are the same when they are joined.
        digest.update(b"%d:" % len(text))
        digest.update(text.encode())
    return digest.hexdigest()[:40]
