"""What `verify --full` says of a stream, from its row in the audit log."""

from __future__ import annotations

from typing import Any

import pytest

from servicetitan_fleet.cli.full_verification import differences, uncompared
from support.fleet.statuses import stream_run


@pytest.mark.parametrize(
    ("status", "more", "text"),
    [
        ("dry_run", {"rows_unchanged": 5}, ""),
        ("dry_run", {"rows_inserted": 1, "rows_restored": 1}, "2 rows missing"),
        ("dry_run", {"rows_updated": 1, "rows_deleted": 2}, "1 row other values, 2 rows gone at the source"),
        ("dry_run", {"rows_unchanged": 5, "rows_rejected": 1}, "1 row not fitting the schema"),
        ("dry_run_skipped", {"error": "403:\nno scope"}, r"not compared: skipped: 403:\nno scope"),
    ],
)
def test_only_what_was_read_whole_and_fits_is_equal(status: str, more: dict[str, Any], text: str) -> None:
    assert differences(stream_run("jobs", 1, status, **more)) == text


@pytest.mark.parametrize(
    ("status", "live_rows", "rest"),
    [
        ("dry_run", 6, ""),
        ("dry_run", 5, ""),
        ("dry_run", None, ""),
        ("dry_run", 7, "1 live row"),
        ("dry_run_failed", 7, ""),
    ],
)
def test_rows_that_no_pass_has_compared_are_named(status: str, live_rows: int | None, rest: str) -> None:
    row = stream_run("jobs", 1, status, rows_unchanged=3, rows_updated=2, rows_deleted=1, rows_inserted=9)
    said = uncompared(row, live_rows)
    assert said.startswith(f"; {rest} more did not come") if rest else said == ""
