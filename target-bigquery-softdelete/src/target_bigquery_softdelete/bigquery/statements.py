"""Runs statements and load jobs.

A job id follows from run, stream and batch, so that a retry finds the job that already runs and does nothing twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.cloud import bigquery

from target_bigquery_softdelete.bigquery.calls import call
from target_bigquery_softdelete.bigquery.queries import ask
from target_bigquery_softdelete.bigquery.uploads import SMALL_BYTES
from target_bigquery_softdelete.schema.naming import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from google.cloud.bigquery.job import LoadJob, QueryJob
    from google.cloud.bigquery.query import _AbstractQueryParameter

    from target_bigquery_softdelete.bigquery.job_options import JobOptions
    from target_bigquery_softdelete.bigquery.jobs import Jobs
    from target_bigquery_softdelete.bigquery.queries import Answer
    from target_bigquery_softdelete.bigquery.retry import RetryPolicy
    from target_bigquery_softdelete.sql.identifiers import TableId


@dataclass(frozen=True)
class StatementResult:
    """What a statement returned or changed, and what it cost."""

    rows: list[dict[str, Any]]
    inserted: int = 0
    updated: int = 0
    bytes_billed: int = 0
    slot_ms: int = 0
    changed_ms: int = 0
    """When the job ended that may have changed something, in milliseconds since 1970, by BigQuery's clock. 0 if it only
    reads."""


class Statements:
    """The statements and load jobs of one run."""

    def __init__(
        self,
        client: bigquery.Client,
        jobs: Jobs,
        retry_policy: RetryPolicy,
        *,
        run_id: str,
        options: JobOptions,
    ) -> None:
        """Keep what all of them share.

        Args:
            client: The BigQuery client.
            jobs: Runs their jobs.
            retry_policy: How long a request may take.
            run_id: Beginning of every job id.
            options: The options of every job.
        """
        self._client = client
        self._jobs = jobs
        self._retry_policy = retry_policy
        self._options: dict[str, Any] = {"retry": jobs.retry, "timeout": retry_policy.call_seconds}
        self._run_id = run_id
        self._job_options = options

    def load(self, path: Path, table_id: TableId, fields: Sequence[bigquery.SchemaField], job_name: str) -> None:
        """Append a Parquet file to a table, and wait until its rows are there.

        Args:
            path: The file.
            table_id: The table, which exists.
            fields: Schema of the rows.
            job_name: What the job is, unique in the run: a retry with the same name loads nothing twice.

        Raises:
            WarehouseError: If BigQuery refuses the file.
        """
        config = self._job_options.add_to(
            bigquery.LoadJobConfig(
                source_format=bigquery.SourceFormat.PARQUET,
                schema=list(fields),
                create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
                write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            )
        )
        if not _are_plain(fields):
            config.column_name_character_map = "STRICT"  # as they are, whatever the project prefers
        config.parquet_options = bigquery.ParquetOptions.from_api_repr({"enableListInference": True})

        size = path.stat().st_size

        def submit(job_id: str) -> LoadJob:
            with path.open("rb") as file:
                return self._client.load_table_from_file(
                    file,
                    str(table_id),
                    job_id=job_id,
                    location=self._jobs.location,
                    job_config=config,
                    size=size if size <= SMALL_BYTES else None,
                    num_retries=self._retry_policy.upload_retries,
                    timeout=self._retry_policy.upload_seconds,
                )

        self.run_job(f"cannot load {path.name} into `{table_id}`", job_name, submit)

    def run(
        self,
        sql: str,
        job_name: str,
        *,
        parameters: Iterable[_AbstractQueryParameter] = (),
        append_to: TableId | None = None,
        with_costs: bool = True,
    ) -> StatementResult:
        """Run a statement and return what it did.

        Args:
            sql: A GoogleSQL statement.
            job_name: What the job is, unique in the run.
            parameters: Its parameters.
            append_to: A table, which exists, to which the rows of a query are appended, all or none. They are not
                returned then.
            with_costs: Whether to ask what it costs, which is one more call.

        Raises:
            WarehouseError: If the statement fails.
        """
        config = self._job_options.add_to_query(sql, bigquery.QueryJobConfig(query_parameters=list(parameters)))
        if append_to is not None:
            config.destination = str(append_to)
            config.create_disposition = bigquery.CreateDisposition.CREATE_NEVER
            config.write_disposition = bigquery.WriteDisposition.WRITE_APPEND

        def submit(job_id: str) -> QueryJob:
            return self._client.query(
                sql, job_id=job_id, location=self._jobs.location, job_config=config, job_retry=None, **self._options
            )

        job = self.run_job(f"the statement {job_name} failed", job_name, submit, with_costs=with_costs)
        stats = job.dml_stats
        return StatementResult(
            [] if stats or append_to else self._read_rows(job, job_name),
            inserted=stats.inserted_row_count if stats else 0,
            updated=stats.updated_row_count if stats else 0,
            bytes_billed=job.total_bytes_billed or 0,
            slot_ms=job.slot_millis or 0,
            changed_ms=_changed_ms(job, appends=append_to is not None),
        )

    def ask(self, sql: str, job_name: str, *, parameters: Sequence[_AbstractQueryParameter] = ()) -> StatementResult:
        """Run a query that is short, and return its rows: INT64, BOOL and STRING, and arrays of them.

        Args:
            sql: A GoogleSQL query.
            job_name: What it is, unique in the run.
            parameters: Its parameters.

        Raises:
            WarehouseError: If it fails.
        """
        if not self._job_options.fit_short_queries:
            return self.run(sql, job_name, parameters=parameters)
        options = self._job_options.of_short_query(self._jobs.location)
        answer: Answer = call(
            f"the query {job_name} failed",
            lambda: ask(self._client, sql, self._retry_policy, parameters=parameters, options=options),
        )
        return StatementResult(answer.rows, bytes_billed=answer.bytes_billed, slot_ms=answer.slot_ms)

    def _read_rows(self, job: QueryJob, job_name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = call(
            f"cannot read the result of {job_name}",
            lambda: [dict(row) for row in job.result(job_retry=None, **self._options)],
        )
        return rows

    def run_job(self, action: str, job_name: str, submit: Callable[[str], Any], *, with_costs: bool = True) -> Any:  # noqa: ANN401 - any job
        """Run a job to its end and return it.

        Args:
            action: What failed, as the error says it.
            job_name: What the job is, unique in the run.
            submit: Sends the job with the id that it is given.
            with_costs: See `run`.

        Raises:
            WarehouseError: If the job fails.
        """
        name = f"{self._run_id}-{job_name}"
        return call(action, lambda: self._jobs.run(name, submit, with_costs=with_costs))


def _changed_ms(job: QueryJob, *, appends: bool) -> int:
    reads = job.statement_type in {None, "SELECT"} and not appends
    return math.ceil(job.ended.timestamp() * 1000) if job.ended and not reads else 0


def _are_plain(fields: Sequence[bigquery.SchemaField]) -> bool:
    return all(is_plain(field.name) and _are_plain(field.fields) for field in fields)
