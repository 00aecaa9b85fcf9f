"""The view `INFORMATION_SCHEMA.JOBS`, with the times and costs of jobs.

The emulator's view has neither, and reads a table in which the jobs no longer are: they are in memory
(:mod:`servicetitan_sandbox.bigquery.cache`). https://docs.cloud.google.com/bigquery/docs/information-schema-jobs
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from local_bigquery.sql.rules import information_schema
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from local_bigquery.models import Job

    from servicetitan_sandbox.bigquery.cache import Jobs

_TYPES = {
    "job_id": "VARCHAR",
    "project_id": "VARCHAR",
    "job_type": "VARCHAR",
    "statement_type": "VARCHAR",
    "state": "VARCHAR",
    "creation_time": "TIMESTAMPTZ",
    "start_time": "TIMESTAMPTZ",
    "end_time": "TIMESTAMPTZ",
    "user_email": "VARCHAR",
    "query": "VARCHAR",
    "parent_job_id": "VARCHAR",
    "error_reason": "VARCHAR",
    "total_bytes_processed": "BIGINT",
    "total_bytes_billed": "BIGINT",
    "total_slot_ms": "BIGINT",
}
"""The columns and their types in DuckDB. The real view has more; `error_reason` is `error_result.reason` there."""


def install(jobs: Jobs) -> None:
    """Let the view show these jobs."""
    information_schema.JOBS = _View(jobs)


class _View:
    """Stands in for the text that the emulator fills in with the project."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def format(self, *, project: str) -> str:
        """Return a query in DuckDB's SQL for the jobs of a project.

        Args:
            project: The name of the project, as a literal.
        """
        columns = [f"CAST({name} AS {type_}) AS {name}" for name, type_ in _TYPES.items()]
        rows = [_row(job) for job in self._jobs.list(project[1:-1].replace("''", "'"))]
        values = ", ".join(rows) or f"({', '.join(['NULL'] * len(_TYPES))})"
        source = f"(VALUES {values}) AS jobs({', '.join(_TYPES)})"
        return f"SELECT {', '.join(columns)} FROM {source} WHERE job_id IS NOT NULL"  # noqa: S608 - literals


def _row(job: Job) -> str:
    return f"({', '.join(_literals(_values(job.dump())))})"


def _values(job: dict[str, dict[str, dict[str, str]]]) -> Iterable[object]:
    """Return the values of the columns, in order."""
    statistics: dict[str, object] = {**job.get("statistics", {})}
    query: dict[str, object] = {**job.get("statistics", {}).get("query", {})}
    configuration = job["configuration"]
    return (
        job["jobReference"]["jobId"],
        job["jobReference"]["projectId"],
        configuration.get("jobType"),
        query.get("statementType"),
        job["status"]["state"],
        _time(statistics.get("creationTime")),
        _time(statistics.get("startTime")),
        _time(statistics.get("endTime")),
        job.get("user_email"),
        configuration.get("query", {}).get("query"),
        statistics.get("parentJobId"),
        job["status"].get("errorResult", {}).get("reason"),
        query.get("totalBytesProcessed"),
        query.get("totalBytesBilled"),
        statistics.get("totalSlotMs"),
    )


def _time(milliseconds: object) -> str | None:
    """Return a time of the API as text; None for a job that has not come so far."""
    if not milliseconds:
        return None
    return dt.datetime.fromtimestamp(int(str(milliseconds)) / 1000, dt.UTC).isoformat()


def _literals(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        yield "NULL" if value is None else exp.Literal.string(str(value)).sql(dialect="duckdb")
