"""The documented queries on costs say what the runs of the target were billed for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.cloud import bigquery

from support.documents import queries
from support.singer import INTEGER, activate, record, schema
from support.target.harness import TargetRunner

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project

PAGE = "how-to/cost.md"
PRICE = 8.0
"""Dollars for a TiB."""


@pytest.fixture
def company(project: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Project:
    """A company that was synced twice: two streams were new in the first run, and one had a change in the second."""
    target = TargetRunner(project, tmp_path, capfd)
    for version in (1, 2):
        messages = [
            message
            for stream in ("jobs", "zones")
            for message in (
                schema(stream, {"id": INTEGER, "size": INTEGER}),
                record(stream, {"id": 1, "size": version if stream == "jobs" else 1}, version),
                activate(stream, version),
            )
        ]
        assert target(*messages).code == 0
    return project


def gib_billed(company: Project) -> dict[str, float]:
    """Return what the log says of each stream. The first run looks at each table, the second changes one of them."""
    billed = {stream: sum(row["bytes_billed"] for row in company.log(stream)) / 2**30 for stream in ("jobs", "zones")}
    assert billed["jobs"] > billed["zones"] > 0
    return billed


def test_the_cost_of_each_stream_of_a_company(company: Project) -> None:
    parameters = [
        bigquery.ScalarQueryParameter("price_per_tib", "FLOAT64", PRICE),
        bigquery.ScalarQueryParameter("days", "INT64", 15),
    ]
    config = bigquery.QueryJobConfig(
        query_parameters=parameters, default_dataset=f"{company.name}.{company.dataset('bronze')}"
    )
    rows = [dict(row) for row in company.client.query_and_wait(queries(PAGE)["one company"], job_config=config)]

    gib = gib_billed(company)
    assert [row["stream"] for row in rows] == ["jobs", "zones"]
    for row in rows:
        expected = gib[row["stream"]]
        assert row["runs"] == 2
        assert row["gib"] == pytest.approx(expected)
        assert row["cost"] == pytest.approx(expected / 1024 * PRICE)
        assert row["cost_of_30_days"] == pytest.approx(2 * row["cost"])
        assert row["share"] == pytest.approx(expected / sum(gib.values()))
        assert row["rows_written"] == (2 if row["stream"] == "jobs" else 1)


def test_the_cost_of_each_stream_of_all_companies(company: Project) -> None:
    company.client.create_dataset("settings")
    company.query(
        f"CREATE TABLE settings.companies AS SELECT * FROM UNNEST([STRUCT('acme' AS company_id, '{company.name}'"
        " AS project_id, TRUE AS enabled), ('birch', 'no-such-project', FALSE)])"
    )
    script = queries(PAGE)["all companies"].replace("fleet.settings.companies", f"{company.name}.settings.companies")

    rows = company.query(script.replace("6.25", str(PRICE)))

    assert [(row["company_id"], row["stream"], row["runs"]) for row in rows] == [
        ("acme", "jobs", 2),
        ("acme", "zones", 2),
    ]
    for row in rows:
        expected = gib_billed(company)[row["stream"]]
        assert row["gib"] == pytest.approx(expected)
        assert row["cost"] == pytest.approx(expected / 1024 * PRICE)
