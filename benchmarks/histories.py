"""Made-up histories of companies: what a week of earlier runs has left in their audit logs and their records.

What the operator reads, and what a plan is made of, grows with the runs. No fleet of three hundred companies can run
for a week before it is measured or rehearsed.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import msgspec
from google.cloud import bigquery

from servicetitan_fleet.state.company_record import CompanyRecord, RunRecord, RunStatus
from target_bigquery_softdelete.audit.etl_log import LOG_FIELDS, LOG_TABLE
from target_bigquery_softdelete.audit.stream_report import FAILED, SKIPPED, SUCCESS, MergeResult, StreamReport
from target_bigquery_softdelete.runtime.about import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicetitan_sandbox.client.bigquery_project import Project

RUNS = 28
"""A week, one run every six hours."""

EVERY = dt.timedelta(hours=6)
LAST_RUN_BEFORE = dt.timedelta(hours=2)
"""How long ago the last run began."""

LEAST_BILLED = 10 * 2**20
"""What BigQuery bills for a table that a statement names, at least."""

RECENT_RUNS = 3
"""Something new has been so in the last runs."""

LARGEST_FACTOR = 1000
"""How many times as many rows the largest company has as the smallest."""


class Kind(IntEnum):
    """What there is to tell about a company. Of twenty, one is of each kind, and the others are well."""

    STALE = 0
    """It has not run for two days."""
    FAILING = 1
    """One of its streams fails."""
    LACKING = 2
    """It lacks a module."""
    CHANGING = 3
    """Its source has a new field."""
    WELL = 4


_IN_TWENTY = 20
_STALE_SINCE = dt.timedelta(days=2)


@dataclass(frozen=True)
class History:
    """The earlier runs of a company."""

    rows: Sequence[dict[str, Any]]
    """The rows of its audit log."""

    record: CompanyRecord
    """Its record in the storage."""


def kind_of(number: int) -> Kind:
    """Return the kind of a company, by its number in the fleet."""
    return Kind(min(number % _IN_TWENTY, Kind.WELL))


def make_history(number: int, tenant_id: str, streams: Sequence[str], now: dt.datetime, runs: int = RUNS) -> History:
    """Make up the history of a company: always the same for the same company and time.

    Args:
        number: Its number in the fleet.
        tenant_id: Its tenant.
        streams: Its streams, at least one. The first one has what there is to tell.
        now: The time at which the history ends.
        runs: How many runs it has.
    """
    dice = random.Random(number)  # noqa: S311 - no secret
    factor = LARGEST_FACTOR ** dice.random()  # most companies are small, and few are large
    kind = kind_of(number)
    newest = now - LAST_RUN_BEFORE - (_STALE_SINCE if kind is Kind.STALE else dt.timedelta())
    rows: list[dict[str, Any]] = []
    record = CompanyRecord()
    for back in reversed(range(runs)):
        started = newest - back * EVERY
        reports = [_report(dice, stream, started, factor, is_first=back == runs - 1) for stream in streams]
        if back < RECENT_RUNS or kind is Kind.LACKING:
            reports[0] = _told(reports[0], kind, tenant_id)
        rows += _rows(dice, reports, tenant_id, started)
        record = record.with_run(_run(reports, started))
    return History(rows, record)


def _report(dice: random.Random, stream: str, started: dt.datetime, factor: float, *, is_first: bool) -> StreamReport:
    """Return what a run did with a stream."""
    size = int(factor * dice.randint(1, 200))
    report = StreamReport(stream, stream, started + dt.timedelta(seconds=dice.uniform(1, 20)))
    report.ended = report.started + dt.timedelta(seconds=2 + size / 2000 + dice.expovariate(0.2))
    report.rows_read = size
    if is_first:
        report.add(MergeResult(inserted=size))
    else:
        new, other, gone = (int(dice.expovariate(100 / size)) for _ in range(3))
        report.add(MergeResult(new, other, gone, unchanged=max(0, size - new - other), marked=gone))
    if report.rows_inserted or report.rows_updated or report.rows_deleted:
        report.bytes_staged, report.bytes_billed, report.slot_ms = 400 * size, LEAST_BILLED, 30 * size
    return report


def _told(report: StreamReport, kind: Kind, tenant_id: str) -> StreamReport:
    """Return what a run did with the stream that has something to tell about its company."""
    name = report.stream
    if kind is Kind.FAILING:
        path = f"/settings/v2/tenant/{tenant_id}/{name.replace('_', '-')}"
        error = f"{name}: ServiceTitan answered GET {path} with 500 Internal Server Error, six times"
        return replace(report, status=FAILED, error=error)
    if kind is Kind.LACKING:
        error = f"{name}: ServiceTitan answered 403: the app lacks the scope"
        return StreamReport(name, name, report.started, report.started, SKIPPED, error=error)
    if kind is Kind.CHANGING:
        return replace(report, schema_changes=[f"new column {name}_note STRING"])
    return report


def _rows(
    dice: random.Random, reports: Sequence[StreamReport], tenant_id: str, started: dt.datetime
) -> list[dict[str, Any]]:
    """Return the rows of a run in the audit log."""
    source, staging, bigquery_ms = (dice.randint(1000, 60_000) for _ in range(3))
    run = {
        "run_id": f"{started:%Y%m%dT%H%M%S}_{dice.getrandbits(32):08x}",
        "company": None,
        "tenant_id": tenant_id,
        "source_ms": source,
        "staging_ms": staging,
        "bigquery_ms": bigquery_ms,
        "software_version": VERSION,
    }
    known = {field.name for field in LOG_FIELDS}
    rows = ({**report.row, **run} for report in reports)
    return [{name: value for name, value in row.items() if name in known} for row in rows]


def _run(reports: Sequence[StreamReport], started: dt.datetime) -> RunRecord:
    """Return a run as the fleet records it."""
    errors = [report.error for report in reports if report.status not in (SUCCESS, SKIPPED)]
    return RunRecord(
        execution=f"etl-{started:%Y%m%d%H}",
        started=started,
        ended=max(report.ended or started for report in reports),
        status=RunStatus.FAILED if errors else RunStatus.DONE,
        reason=errors[0] or "" if errors else "",
    )


def write_log(project: Project, history: History) -> None:
    """Write the audit log of a history into a project that has none."""
    project.client.create_dataset(project.dataset("management"))
    table = bigquery.Table(f"{project.management}.{LOG_TABLE}", LOG_FIELDS)
    table.time_partitioning = bigquery.TimePartitioning(bigquery.TimePartitioningType.MONTH, field="started")
    table.clustering_fields = ["stream"]
    project.client.create_table(table)
    rows = msgspec.json.decode(msgspec.json.encode(history.rows))
    config = bigquery.LoadJobConfig(schema=LOG_FIELDS, write_disposition="WRITE_APPEND")
    project.client.load_table_from_json(rows, table.reference, job_config=config).result()
