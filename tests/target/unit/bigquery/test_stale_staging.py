"""Which staging tables may be removed: old ones of this target and this tenant."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pytest

from target_bigquery_softdelete.bigquery.stale_staging import MOST_AT_ONCE, STAGING_LABELS, stale_tables
from target_bigquery_softdelete.context import new_run_id

NOW = dt.datetime(2024, 5, 3, 12, tzinfo=dt.UTC)
OLD = "jobs__20240502T115959_0a1b2c3d_1"


@dataclass
class Listed:
    """A table in the staging dataset."""

    table_id: str
    labels: dict[str, str] = field(default_factory=lambda: {**STAGING_LABELS, "tenant_id": "1", "team": "data"})
    created: dt.datetime | None = None


def test_an_old_table_of_this_tenant_is_a_leftover() -> None:
    assert stale_tables([Listed(OLD)], "1", NOW) == [OLD]
    assert stale_tables([Listed(OLD, dict(STAGING_LABELS))], None, NOW) == [OLD]


@pytest.mark.parametrize(
    "table",
    [
        Listed("jobs__20240502T120001_0a1b2c3d_1"),
        Listed("jobs__20249902T115959_0a1b2c3d_1"),
        Listed("jobs__20240502T115959_0a1b2c3d"),
        Listed("jobs"),
        Listed(OLD, created=NOW - dt.timedelta(hours=1)),
        Listed(OLD, {"tenant_id": "1"}),
        Listed(OLD, {**STAGING_LABELS, "tenant_id": "2"}),
        Listed(OLD, dict(STAGING_LABELS)),
    ],
)
def test_any_other_table_stays(table: Listed) -> None:
    assert stale_tables([table], "1", NOW) == []


def test_a_run_without_a_tenant_keeps_the_tables_of_tenants() -> None:
    assert stale_tables([Listed(OLD)], None, NOW) == []


def test_one_run_removes_a_few_and_the_oldest_first() -> None:
    tables = [Listed(f"jobs__202401{day:02}T000000_0a1b2c3d_1") for day in range(31, 0, -1)]
    assert stale_tables(tables, "1", NOW) == [table.table_id for table in reversed(tables)][:MOST_AT_ONCE]


def test_the_names_of_runs_are_recognized() -> None:
    name = f"jobs__{new_run_id()}_12"
    assert stale_tables([Listed(name)], "1", dt.datetime.now(dt.UTC) + dt.timedelta(days=2)) == [name]
