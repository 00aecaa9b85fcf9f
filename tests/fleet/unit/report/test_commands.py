"""The command that the report suggests helps with the trouble of the company."""

from __future__ import annotations

import dataclasses
import datetime as dt

import msgspec
import pytest

from servicetitan_fleet.health.evidence import SKIPPED
from servicetitan_fleet.health.freshness import CompanyStatus, Freshness, assess_company
from servicetitan_fleet.report.commands import (
    DAMAGED_RECORD,
    FOREIGN_ROWS,
    MASS_DELETE,
    NO_ACCESS,
    suggest_command,
    suggest_schedule_command,
)
from servicetitan_fleet.state.cloud_run import parse_job
from servicetitan_sandbox.client.meltano_project import ROOT
from support.fleet.evidence import fleet
from support.fleet.report import NOW

PACKAGES = ("tap-servicetitan", "target-bigquery-softdelete", "fleet")
GUARD = "jobs: rows missing from a snapshot would mark 9 of 10 live rows deleted, more than max_delete_fraction"


def company(reason: str = "", stream_reasons: tuple[str, ...] = ()) -> CompanyStatus:
    """Return a company that failed, with a reason and those of its first streams."""
    (evidence,) = fleet(NOW, 1, 5)
    status = assess_company(evidence, NOW, dt.timedelta(hours=8))
    streams = [
        msgspec.structs.replace(stream, freshness=Freshness.FAILED, reason=reason)
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
        "company company-01: client_id: cannot read projects/p/secrets/s from Secret Manager: 404",
        "company company-01: client_id: the environment variable ACME_ID is not set",
        "skipped: GET /crm/v2/tenant/1/leads: 403 Forbidden",
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


def test_an_emptied_list_is_a_refused_deletion() -> None:
    status = company(
        "1 stream failed", ("jobs: the snapshot is empty, but the table has 12 live rows. No row was marked.",)
    )
    (name,) = (issue.streams[0] for issue in status.issues)
    assert suggest_command(status, ()) == (
        f"orchestrate-etl run --company company-01 --allow-mass-delete {name} --dry-run"
    )


def test_what_taking_over_a_table_would_do_is_shown_before_it_is_done() -> None:
    reason = "jobs: the table `p.bronze.jobs` has 5 rows that this target did not write."
    assert suggest_command(company("1 stream failed", (reason,)), ()) == (
        "orchestrate-etl run --company company-01 --adopt stream_number_000 --dry-run"
    )


def test_where_a_job_runs_the_fleet_the_job_is_told_what_to_do() -> None:
    job = parse_job("projects/fleet-pro/locations/us-central1/jobs/etl")
    execute = "gcloud run jobs execute etl --tasks=1 --args={} --region=us-central1 --project=fleet-pro"
    options = ("--environment", "pro")
    assert suggest_command(company("timed out"), options, job) == execute.format("run,--company,company-01")
    assert suggest_command(company("Access Denied"), options, job) == execute.format("check,--company,company-01")
    assert suggest_command(company("1 stream failed", (GUARD,)), options, job) == execute.format(
        "run,--company,company-01,--allow-mass-delete,stream_number_000,--dry-run"
    )
    assert suggest_schedule_command(job) == (
        "gcloud scheduler jobs describe etl --location=us-central1 --project=fleet-pro"
    )


def test_otherwise_a_run_is_suggested() -> None:
    assert suggest_command(company("timed out", ("HTTP 503",)), ()) == "orchestrate-etl run --company company-01"


@pytest.mark.parametrize("phrase", [*NO_ACCESS, *MASS_DELETE, *FOREIGN_ROWS, DAMAGED_RECORD])
def test_these_are_words_of_the_programs_and_of_bigquery(phrase: str) -> None:
    sources = [
        path for folder in PACKAGES for path in (ROOT / folder / "src").rglob("*.py") if path.name != "commands.py"
    ]
    # The second is the status of a stream, with which its reason begins.
    assert phrase in ("Access Denied", f"{SKIPPED}: ") or any(phrase in path.read_text("utf-8") for path in sources)
