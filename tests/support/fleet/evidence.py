"""Invents the evidence of a fleet of any size."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING

from servicetitan_fleet.health.evidence import Evidence, RunSum, StreamRun
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.state.company_record import CompanyRecord, RunRecord, RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

HOSTILE = """<script>alert('x')</script> & "quoted" <img src=http://example.com/x>"""
"""A text that an error or a name could contain, and that must never become markup."""

SECRETS = {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"}
EVERY = dt.timedelta(hours=6)
LEAST_BILLED = 10 * 2**20
"""What BigQuery bills for a table that a statement names, at least."""


def fleet(now: dt.datetime, companies: int, streams: int, runs: int = 8) -> list[Evidence]:
    """Return the evidence of a fleet whose 3rd company fails, 5th is unreadable, 7th is stale and 9th was never run.

    The 8th lacks the module of its first stream; the 10th has lost its first stream, and its second is incomplete.
    """
    names = [f"stream_number_{number:03}" for number in range(streams)]
    return [_company(now, number, names, runs) for number in range(1, companies + 1)]


def _company(now: dt.datetime, number: int, names: Sequence[str], runs: int) -> Evidence:
    description = {
        "company_id": f"company-{number:02}",
        "company_name": f"Company {number}" if number != 3 else HOSTILE,
        "tenant_id": str(number),
        "project_id": f"project-{number}",
        "secrets": SECRETS,
    }
    company = parse_company(description, "here")
    if number == 5:
        return Evidence(company=company, problem="cannot read `project-5.management.etl_logs`: 403 Access Denied")
    if number == 9:
        return Evidence(company=company)
    made = random.Random(number)
    newest = now - dt.timedelta(hours=40 if number == 7 else 2)
    ends = [newest - EVERY * back for back in reversed(range(runs))]
    bad = _BAD_RUNS.get(number, RunStatus.DONE)
    record = [
        RunRecord(
            execution=f"etl-{index}" if number != 7 else f"etl-old-{index}",
            started=end - dt.timedelta(seconds=made.randint(60, 900)),
            ended=end,
            status=bad if index >= runs - 2 else RunStatus.DONE,
            reason=HOSTILE if number == 3 and index >= runs - 2 else "",
        )
        for index, end in enumerate(ends)
    ]
    rows = [
        _row(made, f"run-{index}", stream, end, status=_status(number, names.index(stream), runs - index))
        for index, end in enumerate(ends)
        for stream in names[: len(names) - number % 4]
    ]
    return Evidence(
        company=company,
        record=CompanyRecord(runs=tuple(record)),
        runs=[row for row in rows if row.run_id == f"run-{runs - 1}"],
        history=[_sum([row for row in rows if row.run_id == f"run-{index}"]) for index in range(runs)],
    )


_BAD_RUNS = {3: RunStatus.FAILED, 10: RunStatus.INCOMPLETE}
_BAD_STREAMS = {3: ("failed",), 10: ("skipped", "incomplete")}
"""By company: how its last two runs ended, and how its first streams ended in them."""


def _status(company: int, stream: int, runs_back: int) -> str:
    if company == 8 and stream == 0:
        return "not available"
    bad = _BAD_STREAMS.get(company, ())
    return bad[stream] if runs_back <= 2 and stream < len(bad) else "success"


def _sum(rows: Sequence[StreamRun]) -> RunSum:
    """Return the sums of a run, as the audit log's query has them."""
    bad: dict[str, list[str]] = {}
    for row in rows:
        if row.status != "success" and not row.is_not_available:
            bad.setdefault(row.status, []).append(row.stream)
    return RunSum(
        started=min(row.started for row in rows),
        ended=max(row.ended for row in rows),
        bytes_billed=len(rows) * LEAST_BILLED,
        rows_read=sum(row.rows_read for row in rows),
        rows_written=sum(row.rows_written for row in rows),
        rows_deleted=sum(row.rows_deleted for row in rows),
        spent=rows[0].spent,
        bad=dict(sorted(bad.items())),
    )


def _row(made: random.Random, run_id: str, stream: str, end: dt.datetime, *, status: str) -> StreamRun:
    is_good = status == "success"
    return StreamRun(
        run_id=run_id,
        stream=stream,
        started=end - dt.timedelta(minutes=1),
        ended=end,
        status="skipped" if status == "not available" else status,
        rows_read=made.randint(100, 5000),
        rows_inserted=made.randint(0, 60),
        rows_updated=made.randint(0, 40),
        rows_deleted=made.randint(0, 9),
        source_ms=made.randint(1000, 90_000),
        staging_ms=made.randint(0, 9000),
        bigquery_ms=made.randint(1000, 30_000),
        error=HOSTILE if status == "failed" else "" if is_good else f"HTTP 403 ({status})",
        was_read=status != "not available",
        last_success=None if status == "not available" else end if is_good else end - EVERY * 2,
    )
