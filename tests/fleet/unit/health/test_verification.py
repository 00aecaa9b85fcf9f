"""The moment up to which records are compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from servicetitan_fleet.health.verification import MARGIN, WrittenTable, compared_until

NOON = datetime(2026, 3, 10, 12, 0, 0, 700_000, tzinfo=UTC)


def table(started: datetime, status: str = "success") -> WrittenTable:
    return WrittenTable(stream="jobs", table_name="p.bronze.jobs", status=status, started=started)


def test_the_source_and_the_tables_are_asked_for_the_same_whole_second() -> None:
    until = compared_until([table(NOON), table(NOON + timedelta(hours=1)), table(NOON - timedelta(days=8))])
    assert until == NOON.replace(microsecond=0) - MARGIN
    assert compared_until([table(NOON, "failed")]) is None
