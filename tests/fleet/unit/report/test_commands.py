"""The command that the report suggests helps with the trouble of the company."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from servicetitan_fleet.health.freshness import CompanyStatus, Freshness, assess_company
from servicetitan_fleet.report.commands import MASS_DELETE, NO_ACCESS, suggest_command
from servicetitan_sandbox.client.meltano_project import ROOT
from support.fleet.evidence import fleet
from support.fleet.report import NOW

GUARD = "jobs: rows missing from a snapshot would mark 9 of 10 live rows deleted, more than max_delete_fraction"


def company(reason: str = "", stream_reasons: tuple[str, ...] = ()) -> CompanyStatus:
    """Return a company that failed, with a reason and those of its first streams."""
    (evidence,) = fleet(NOW, 1, 5)
    status = assess_company(evidence, NOW, dt.timedelta(hours=8))
    streams = [
        dataclasses.replace(stream, freshness=Freshness.FAILED, reason=reason)
        for stream, reason in zip(status.streams, stream_reasons, strict=False)
    ]
    return dataclasses.replace(status, freshness=Freshness.FAILED, reason=reason, streams=streams)


@pytest.mark.parametrize(
    "reason",
    [
        "the sign-in for tenant 1001 was refused (invalid_client): check client_id and client_secret",
        "the API refused a new access token for tenant 1001 (HTTP 401): check app_key",
        "tenant 1001 lets the app read none of the 19 selected streams: check tenant_id",
        "403 Access Denied: Project acme-data",
    ],
)
def test_a_run_is_not_suggested_where_it_would_be_refused_again(reason: str) -> None:
    for status in (company(reason), company("1 of 3 streams failed", (reason,))):
        assert suggest_command(status, ()) == "orchestrate-etl check --company company-01"


def test_refused_deletions_are_counted_before_anything_is_marked() -> None:
    status = company("2 of 3 streams failed", (GUARD, "HTTP 503", GUARD))
    names = [stream.stream for stream in status.streams]
    assert suggest_command(status, ("--environment", "pro")) == (
        "orchestrate-etl run --company company-01 "
        f"--allow-mass-delete {names[0]} --allow-mass-delete {names[2]} --dry-run --environment pro"
    )


def test_otherwise_a_run_is_suggested() -> None:
    assert suggest_command(company("timed out", ("HTTP 503",)), ()) == "orchestrate-etl run --company company-01"


@pytest.mark.parametrize("phrase", [*NO_ACCESS, MASS_DELETE])
def test_these_are_words_of_the_plugins_and_of_bigquery(phrase: str) -> None:
    sources = [*ROOT.glob("tap-servicetitan/src/**/*.py"), *ROOT.glob("target-bigquery-softdelete/src/**/*.py")]
    assert phrase == "Access Denied" or any(phrase in path.read_text(encoding="utf-8") for path in sources)
