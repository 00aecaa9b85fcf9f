"""Rows of more partitions than BigQuery modifies in one statement are written in pieces, or refused with advice."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import INTEGER, STRING, activate, record, schema

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

DAYS = 4_500
SCHEMA = schema("jobs", {"id": INTEGER, "day": {"type": ["string", "null"], "format": "date"}, "note": STRING}, ["id"])


def job(number: int, day: int | None, note: str, version: int | None = None) -> dict[str, Any]:
    text = None if day is None else str(dt.date(2010, 1, 1) + dt.timedelta(days=day))
    return record("jobs", {"id": number, "day": text, "note": note}, version)


@pytest.mark.long
def test_more_partitions_than_a_statement_may_modify(target: TargetRunner, project: Project) -> None:
    table = f"`{project.name}.bronze.jobs`"

    def run(*messages: dict[str, Any], **settings: Any) -> Any:  # noqa: ANN401
        return target(SCHEMA, *messages, partition_by={"jobs": "day"}, **settings)

    def found() -> list[tuple[int, ...]]:
        counts = f"""
            SELECT COUNT(*) AS n, COUNT(DISTINCT day) AS days, COUNTIF(note = 'b') AS changed,
              COUNTIF(_etl_operation = 'DELETE') AS deleted, COUNT(DISTINCT _etl_synced) AS times
            FROM {table}
        """
        return [tuple(row.values()) for row in project.query(counts)]

    # The last row of a key counts, wherever the others are; and one row has no day.
    first = [job(0, 4_200, "b"), *(job(number, number, "a") for number in range(DAYS)), job(DAYS, None, "a")]
    result = run(*first)
    assert result.code == 0, result.log
    assert found() == [(DAYS + 1, DAYS, 0, 0, 2)]
    (log,) = project.log("jobs")
    assert log["rows_inserted"] == DAYS + 1

    result = run(*first)
    assert result.code == 0, result.log
    assert found() == [(DAYS + 1, DAYS, 0, 0, 2)], "the same again writes nothing"

    # A run that broke off after its first piece is completed, by a snapshot, too: no row is missing from it.
    project.query(f"DELETE FROM {table} WHERE day < DATE '2010-05-01'")
    changed = [job(number, number, "b", 1) for number in range(DAYS)]
    result = run(*changed, job(DAYS, None, "a", 1), activate("jobs", 1))
    assert result.code == 0, result.log
    assert found()[0][:4] == (DAYS + 1, DAYS, DAYS, 0)

    # All rows lose their day: the only piece is that of the rows without one, and it is too large itself.
    result = run(*(job(number, None, "c") for number in range(DAYS)))
    assert (result.code, result.states) == (1, [])
    assert "would write into more than 4,000 partitions" in result.errors[0]
    assert found()[0][:4] == (DAYS + 1, DAYS, DAYS, 0)

    # Of such a snapshot, one with rows missing would be the middle of itself for a while.
    result = run(job(0, 0, "c", 2), activate("jobs", 2), allow_mass_delete=True)
    assert result.code == 1
    (error,) = result.errors
    for part in (
        "jobs: this run would write into more than 4,000 partitions of",
        "`day:month`",
        "read the stream in full",
    ):
        assert part in error
    assert found()[0][:4] == (DAYS + 1, DAYS, DAYS, 0)
