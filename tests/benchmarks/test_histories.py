"""Made-up histories: what a fleet's commands read from them is what they were made to tell."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from benchmarks.histories import RUNS, Kind, kind_of, make_history, write_log

from servicetitan_fleet.health.etl_logs import LogReader
from servicetitan_fleet.health.evidence import Evidence
from servicetitan_fleet.health.freshness import Freshness, assess_company
from servicetitan_fleet.registry.company import parse_company
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import BigQuery

NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
STREAMS = ("activities", "jobs", "technicians")
SECRETS = {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"}

STATES = {
    Kind.WELL: (Freshness.FRESH, {Freshness.FRESH: 3}),
    Kind.STALE: (Freshness.STALE, {Freshness.STALE: 3}),
    Kind.FAILING: (Freshness.FAILED, {Freshness.FAILED: 1, Freshness.FRESH: 2}),
    Kind.LACKING: (Freshness.FRESH, {Freshness.NOT_AVAILABLE: 1, Freshness.FRESH: 2}),
    Kind.CHANGING: (Freshness.FRESH, {Freshness.FRESH: 3}),
}


@pytest.mark.parametrize("kind", Kind)
def test_a_history_says_what_its_company_is(bigquery: BigQuery, kind: Kind) -> None:
    number = next(number for number in range(100, 200) if kind_of(number) is kind)
    project = Project(bigquery.api_endpoint)
    history = make_history(number, "7001", STREAMS, NOW)
    write_log(project, history)
    company = parse_company(
        {
            "company_id": "acme",
            "tenant_id": "7001",
            "project_id": project.name,
            "secrets": SECRETS,
            "target": {"api_endpoint": bigquery.api_endpoint},
        },
        "here",
    )

    read = LogReader({}, NOW - dt.timedelta(days=14), runs=40).read(company)
    status = assess_company(
        Evidence(company=company, record=history.record, runs=read.streams, history=read.history),
        NOW,
        dt.timedelta(hours=8),
    )

    state, counts = STATES[kind]
    assert status.freshness is state
    assert {found: status.count(found) for found in Freshness if status.count(found)} == counts
    assert len(read.history) == len(history.record.runs) == RUNS
    assert sum(run.rows_read for run in read.history) == sum(row["rows_read"] for row in history.rows)
    assert any(run.changes for run in read.history) == (kind is Kind.CHANGING)
    assert any("failed" in run.bad for run in read.history) == (kind is Kind.FAILING)


def test_a_company_always_has_the_same_history() -> None:
    assert make_history(7, "7001", STREAMS, NOW) == make_history(7, "7001", STREAMS, NOW)
    assert make_history(7, "7001", STREAMS, NOW) != make_history(8, "7001", STREAMS, NOW)
