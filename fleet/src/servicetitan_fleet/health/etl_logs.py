"""Reads the audit logs and records of many companies in parallel. One failure does not affect the others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import fields
from typing import TYPE_CHECKING

from google.api_core.exceptions import BadRequest, GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from servicetitan_fleet.bigquery import quote_name
from servicetitan_fleet.health.company_warehouse import make_company_client
from servicetitan_fleet.health.evidence import DRY_RUN, SUCCESS, Evidence, StreamRun
from servicetitan_fleet.plugin_runtime import datasets
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import first_line, to_line
from servicetitan_fleet.state.company_record import CompanyRecord

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from servicetitan_fleet.registry.company import Company

LOG_TABLE = "etl_logs"
_TIMEOUT_SECONDS = 60.0
RETRY_SECONDS = 10.0
"""Short, because an operator is waiting: a project that cannot be reached must show up soon."""

_LOOKED_UP = {"last_success", "was_read"}
_COLUMNS = tuple(column.name for column in fields(StreamRun) if column.name not in _LOOKED_UP)
_ADDED = {"source_ms", "staging_ms", "bigquery_ms"}
"""Columns that the log gets with the first run of a target that knows them."""

_NO_COLUMN = "Unrecognized name"
"""What BigQuery says of a column that a table does not have."""


def log_query(table: str, *, is_old: bool = False) -> str:
    """Return the query for the last `@runs` rows of each stream since `@since`, oldest first.

    With `@dry_run` it returns only rows of dry runs, otherwise only rows of real runs. The last success, and whether
    any run has read the stream, come from the whole log, because a stream may have been skipped for longer than the
    period; this reads narrow columns only.

    Args:
        table: Quoted name of the audit log.
        is_old: Whether it lacks the columns that were added later.
    """
    columns = [name for name in _COLUMNS if not (is_old and name in _ADDED)]
    return f"""\
SELECT
  {", ".join(columns)},
  last_success,
  was_read
FROM {table}
LEFT JOIN (
  SELECT
    stream,
    MAX(IF(status = '{SUCCESS}', ended, NULL)) AS last_success,
    LOGICAL_OR(status = '{SUCCESS}' OR rows_read > 0) AS was_read
  FROM {table}
  WHERE NOT STARTS_WITH(status, '{DRY_RUN}')
  GROUP BY stream
) USING (stream)
WHERE started >= @since AND ended IS NOT NULL AND STARTS_WITH(status, '{DRY_RUN}') = @dry_run
QUALIFY ROW_NUMBER() OVER (PARTITION BY stream ORDER BY started DESC) <= @runs
ORDER BY stream, started"""  # noqa: S608 - the table is quoted, the rest is constant


class LogReader:
    """Reads audit logs, one company per call. Safe to call from several threads."""

    def __init__(
        self,
        environment: Mapping[str, str],
        since: dt.datetime,
        runs: int,
        *,
        dry_run: bool = False,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """Choose the rows to read.

        Args:
            environment: May name a BigQuery emulator.
            since: Start of the period; older runs are ignored.
            runs: Number of runs per stream, counted from the newest.
            dry_run: Whether to read dry runs instead of real ones.
            retry_seconds: How long to try again when BigQuery does not answer.
        """
        self._retry_seconds = retry_seconds
        self._dry_run = dry_run
        self._environment = environment
        self._since = since
        self._runs = runs

    def read(self, company: Company) -> list[StreamRun]:
        """Read the rows of a company; none if it has no audit log yet.

        Raises:
            PluginError: If the audit log cannot be read.
        """
        table = quote_name(company.project_id, str(company.target.get("log_dataset") or datasets.LOGS), LOG_TABLE)
        try:
            with closing(make_company_client(company, self._environment)) as client:
                try:
                    rows = self._query(client, log_query(table))
                except BadRequest as error:
                    if _NO_COLUMN not in str(error):
                        raise
                    rows = self._query(client, log_query(table, is_old=True))
                return [_to_stream_run(row) for row in rows]
        except NotFound:
            return []
        except (GoogleAPIError, GoogleAuthError, OSError, TimeoutError) as error:
            raise PluginError(f"cannot read {table}: {first_line(error)}") from error

    def _query(self, client: bigquery.Client, statement: str) -> Iterable[Mapping[str, object]]:
        parameters = [
            bigquery.ScalarQueryParameter("since", "TIMESTAMP", self._since),
            bigquery.ScalarQueryParameter("runs", "INT64", self._runs),
            bigquery.ScalarQueryParameter("dry_run", "BOOL", self._dry_run),
        ]
        rows: Iterable[Mapping[str, object]] = client.query_and_wait(
            statement,
            job_config=bigquery.QueryJobConfig(query_parameters=parameters),
            wait_timeout=_TIMEOUT_SECONDS,
            api_timeout=_TIMEOUT_SECONDS,
            retry=DEFAULT_RETRY.with_timeout(self._retry_seconds),
            job_retry=None,  # type: ignore[arg-type] # documented: None disables it
        )
        return rows


def _to_stream_run(row: Mapping[str, object]) -> StreamRun:
    """Convert a row of the audit log. A NULL becomes the default: no rows, no error."""
    return StreamRun(**{name: value for name, value in row.items() if value is not None})  # type: ignore[arg-type]


def collect_evidence(
    companies: Sequence[Company],
    read_log: Callable[[Company], Sequence[StreamRun]],
    read_record: Callable[[str], CompanyRecord],
    parallel: int,
) -> list[Evidence]:
    """Read the evidence of each company, in the same order.

    Args:
        companies: The companies.
        read_log: Reads a company's audit log.
        read_record: Reads a company's record, by its id.
        parallel: How many companies to read at a time.
    """

    def read_evidence(company: Company) -> Evidence:
        record = CompanyRecord()
        runs: Sequence[StreamRun] = ()
        problems = []
        try:
            record = read_record(company.company_id)
        except PluginError as error:
            problems.append(str(error))
        try:
            runs = read_log(company)
        except PluginError as error:
            problems.append(str(error))
        return Evidence(company=company, record=record, runs=runs, problem=to_line("; ".join(problems)))

    with ThreadPoolExecutor(parallel, thread_name_prefix="evidence") as pool:
        return list(pool.map(read_evidence, companies))
