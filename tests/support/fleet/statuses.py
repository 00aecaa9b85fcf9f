"""Builds companies, runs and statuses for tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from servicetitan_fleet.health.evidence import Evidence, StreamRun
from servicetitan_fleet.health.freshness import CompanyStatus, assess_company
from servicetitan_fleet.registry.company import Company, parse_company
from servicetitan_fleet.state.company_record import CompanyRecord, RunRecord, RunStatus

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


SECRETS = {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"}


def hours_ago(hours: float) -> dt.datetime:
    """Return the time some hours before `NOW`."""
    return NOW - dt.timedelta(hours=hours)


def make_company(company_id: str = "acme", streams: tuple[str, ...] = ()) -> Company:
    """Make a company."""
    fields = {
        "company_id": company_id,
        "tenant_id": "1",
        "project_id": "project-1",
        "secrets": SECRETS,
        "streams": streams,
    }
    return parse_company(fields, "here")


def stream_run(stream: str, hours: float, status: str = "success", **more: Any) -> StreamRun:  # noqa: ANN401 - fields
    """Make a row of the audit log that ended some hours before `NOW`."""
    ended = hours_ago(hours)
    last_success = ended if status == "success" else None
    fields = {"run_id": "r", "started": ended - dt.timedelta(minutes=3), "last_success": last_success, **more}
    fields.setdefault("was_read", fields["last_success"] is not None)
    return StreamRun(stream=stream, ended=ended, status=status, **fields)


def fleet_run(hours: float, status: RunStatus = RunStatus.DONE, reason: str = "") -> RunRecord:
    """Make a run of a company that ended some hours before `NOW`."""
    ended = hours_ago(hours)
    started = ended - dt.timedelta(minutes=5)
    return RunRecord(execution=f"e{hours}", started=started, ended=ended, status=status, reason=reason)


def assess(
    runs: list[StreamRun],
    record: list[RunRecord],
    streams: tuple[str, ...] = (),
    **more: Any,  # noqa: ANN401 - fields
) -> CompanyStatus:
    """Assess a company with these rows of the audit log and these runs."""
    evidence = Evidence(
        company=make_company(streams=streams), record=CompanyRecord(runs=tuple(record)), runs=runs, **more
    )
    return assess_company(evidence, NOW, dt.timedelta(hours=8))


GOOD = stream_run("jobs", 2)
