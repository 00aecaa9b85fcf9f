"""Reads the audit logs and records of many companies in parallel. One failure does not affect the others."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - msgspec reads the types at run time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from google.api_core.exceptions import BadRequest, GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from servicetitan_fleet.health.company_warehouse import log_table_name, make_company_client, paying_project
from servicetitan_fleet.health.evidence import DRY_RUN, SKIPPED, SUCCESS, Evidence, RunSum, StreamRun, seconds_spent
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import first_line, to_line
from servicetitan_fleet.state.claims import READERS
from servicetitan_fleet.state.company_record import CompanyRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from servicetitan_fleet.health.company_warehouse import SharedClients
    from servicetitan_fleet.registry.company import Company

_TIMEOUT_SECONDS = 60.0
RETRY_SECONDS = 10.0
"""Short, because an operator is waiting: a project that cannot be reached must show up soon."""

_LOOKED_UP = {"last_success", "was_read", "new_changes"}
_COLUMNS = tuple(name for name in StreamRun.__struct_fields__ if name not in _LOOKED_UP)
_ADDED = {"source_ms", "staging_ms", "bigquery_ms"}
"""Columns that the log gets with the first run of a target that knows them."""

_NOT_NULL = {
    "new_changes": "IFNULL({0}, '')",
    "error": "IFNULL({0}, '')",
    "was_read": "IFNULL({0}, FALSE)",
    **{name: "IFNULL({0}, 0)" for name in _COLUMNS if name.startswith("rows_")},
}
"""How to read columns in which NULL means the default."""

_SUMS = {
    "rows_read": "rows_read",
    "rows_written": "rows_inserted + rows_updated + rows_restored",
    "rows_deleted": "rows_deleted",
    "bytes_billed": "bytes_billed",
}
"""What is added up for each run, by the name of the sum."""

_NO_COLUMN = "Unrecognized name"
"""What BigQuery says of a column that a table does not have."""


def log_query(table: str, *, is_old: bool = False) -> str:
    """Return the query for the last row of each stream since `@since`, and the sums of the last `@runs` runs.

    It returns one row with two texts of JSON, `streams` by name and `runs` with the newest first: for a fleet of a
    thousand companies, the sums are BigQuery's work, and JSON is read many times as fast as rows. With `@dry_run` only
    dry runs count, otherwise only real ones. The last success, whether any run has read the stream, and which changes
    of its schema are new come from the whole log, because a stream may have been skipped for longer than the period;
    this reads narrow columns only.

    Args:
        table: Quoted name of the audit log.
        is_old: Whether it lacks the columns that were added later.
    """
    columns = [name for name in _COLUMNS if not (is_old and name in _ADDED)]
    shown = [_NOT_NULL.get(name, "{0}").format(name) + f" AS {name}" for name in (*columns, *sorted(_LOOKED_UP))]
    spent = [] if is_old else [f"ANY_VALUE({name}) AS {name}" for name in sorted(_ADDED)]
    sums = [
        *("MIN(started) AS begun", "MAX(ended) AS ended"),
        *(f"IFNULL(SUM({rows}), 0) AS {name}" for name, rows in _SUMS.items()),
        *spent,
    ]
    changes = "CAST(NULL AS STRING)" if is_old else "schema_changes"
    return f"""\
WITH
  _etl_changes AS (
    SELECT stream AS changed_stream, {changes} AS new_changes, MIN(started) AS first_started
    FROM {table}
    WHERE NOT STARTS_WITH(status, '{DRY_RUN}') AND {changes} IS NOT NULL
    GROUP BY changed_stream, new_changes
  ),
  _etl_known AS (
    SELECT
      stream,
      MAX(IF(status = '{SUCCESS}', ended, NULL)) AS last_success,
      LOGICAL_OR(status = '{SUCCESS}' OR rows_read > 0) AS was_read
    FROM {table}
    WHERE NOT STARTS_WITH(status, '{DRY_RUN}')
    GROUP BY stream
  ),
  _etl_rows AS (
    SELECT {", ".join(columns)}, bytes_billed, last_success, was_read, new_changes
    FROM {table}
    LEFT JOIN _etl_known USING (stream)
    LEFT JOIN _etl_changes ON changed_stream = stream AND first_started = started AND new_changes = {changes}
    WHERE started >= @since AND ended IS NOT NULL AND STARTS_WITH(status, '{DRY_RUN}') = @dry_run
  )
SELECT
  TO_JSON_STRING(ARRAY(
    SELECT AS STRUCT {", ".join(shown)}
    FROM _etl_rows
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY stream ORDER BY started DESC) = 1
    ORDER BY stream
  )) AS streams,
  TO_JSON_STRING(ARRAY(
    SELECT AS STRUCT
      {", ".join(sums)},
      ARRAY_AGG(
        IF(
          status = '{SUCCESS}' OR (status = '{SKIPPED}' AND NOT IFNULL(was_read, FALSE)),
          NULL,
          STRUCT(status AS status, stream AS stream)
        )
        IGNORE NULLS
      ) AS bad,
      ARRAY_AGG(
        IF(new_changes IS NULL, NULL, STRUCT(stream AS stream, new_changes AS changes)) IGNORE NULLS
      ) AS changes
    FROM _etl_rows
    GROUP BY run_id
    ORDER BY MIN(started) DESC
    LIMIT @runs
  )) AS runs"""  # noqa: S608 - the table is quoted, the rest is constant


class _RunRow(msgspec.Struct):
    """The sums of a run, as the query has them."""

    begun: dt.datetime
    ended: dt.datetime
    rows_read: int
    rows_written: int
    rows_deleted: int
    source_ms: int | None = None
    staging_ms: int | None = None
    bigquery_ms: int | None = None
    bytes_billed: int = 0
    bad: list[dict[str, str]] | None = None
    changes: list[dict[str, str]] | None = None


_streams = msgspec.json.Decoder(list[StreamRun])
_runs = msgspec.json.Decoder(list[_RunRow])


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvidence:
    """What an audit log says."""

    streams: Sequence[StreamRun] = ()
    """The last row of each stream."""

    history: Sequence[RunSum] = ()
    """The last runs, oldest first."""


class LogReader:
    """Reads audit logs, one company per call. Safe to call from several threads."""

    def __init__(  # noqa: PLR0913 - which rows, and by which clients
        self,
        environment: Mapping[str, str],
        since: dt.datetime,
        *,
        runs: int = 0,
        dry_run: bool = False,
        retry_seconds: float = RETRY_SECONDS,
        shared: SharedClients | None = None,
    ) -> None:
        """Choose the rows to read.

        Args:
            environment: May name a BigQuery emulator.
            since: Start of the period; older runs are ignored.
            runs: Of how many runs to read the sums, counted from the newest.
            dry_run: Whether to read dry runs instead of real ones.
            retry_seconds: How long to try again when BigQuery does not answer.
            shared: Clients for the companies. Without them, each call makes one and closes it.
        """
        self._shared = shared
        self._retry_seconds = retry_seconds
        self._dry_run = dry_run
        self._environment = environment
        self._since = since
        self._runs = runs

    def read(self, company: Company) -> LogEvidence:
        """Read the audit log of a company; nothing if it has none yet.

        Raises:
            PluginError: If the audit log cannot be read.
        """
        table = log_table_name(company)
        try:
            with self._open_client(company) as client:
                try:
                    rows = self._query(client, company, log_query(table))
                except BadRequest as error:
                    if _NO_COLUMN not in str(error):
                        raise
                    rows = self._query(client, company, log_query(table, is_old=True))
                return _to_log(rows)
        except NotFound:
            return LogEvidence()
        except (GoogleAPIError, GoogleAuthError, OSError, TimeoutError, msgspec.MsgspecError) as error:
            raise PluginError(f"cannot read {table}: {first_line(error)}") from error

    def _open_client(self, company: Company) -> AbstractContextManager[bigquery.Client]:
        return self._shared.open(company) if self._shared else closing(make_company_client(company, self._environment))

    def _query(self, client: bigquery.Client, company: Company, statement: str) -> Iterable[Mapping[str, Any]]:
        parameters = [
            bigquery.ScalarQueryParameter("since", "TIMESTAMP", self._since),
            bigquery.ScalarQueryParameter("runs", "INT64", self._runs),
            bigquery.ScalarQueryParameter("dry_run", "BOOL", self._dry_run),
        ]
        rows: Iterable[Mapping[str, Any]] = client.query_and_wait(
            statement,
            project=paying_project(company),
            job_config=bigquery.QueryJobConfig(query_parameters=parameters),
            wait_timeout=_TIMEOUT_SECONDS,
            api_timeout=_TIMEOUT_SECONDS,
            retry=DEFAULT_RETRY.with_timeout(self._retry_seconds),
            job_retry=None,  # type: ignore[arg-type] # documented: None disables it
        )
        return rows


def _to_log(rows: Iterable[Mapping[str, Any]]) -> LogEvidence:
    (row,) = rows
    return LogEvidence(
        streams=_streams.decode(row["streams"]),
        history=[_to_run_sum(run) for run in reversed(_runs.decode(row["runs"]))],
    )


def _to_run_sum(row: _RunRow) -> RunSum:
    bad: dict[str, list[str]] = {}
    for each in row.bad or ():
        bad.setdefault(each["status"], []).append(each["stream"])
    return RunSum(
        started=row.begun,
        ended=row.ended,
        rows_read=row.rows_read,
        rows_written=row.rows_written,
        rows_deleted=row.rows_deleted,
        spent=seconds_spent(row.source_ms, row.staging_ms, row.bigquery_ms),
        bad={status: sorted(streams) for status, streams in sorted(bad.items())},
        bytes_billed=row.bytes_billed,
        changes={each["stream"]: each["changes"] for each in row.changes or ()},
    )


def collect_evidence(
    companies: Sequence[Company],
    read_log: Callable[[Company], LogEvidence],
    read_record: Callable[[str], CompanyRecord],
    parallel: int,
) -> Iterator[Evidence]:
    """Read the evidence of each company, and yield it in the same order, as it comes.

    Args:
        companies: The companies.
        read_log: Reads a company's audit log.
        read_record: Reads a company's record, by its id.
        parallel: How many logs to read at a time. A record is read before the log of its company, so that a run of
            which the record tells is in the log, too, but takes no log's turn.
    """

    def read_evidence(company: Company, reading: Future[CompanyRecord]) -> Evidence:
        record = CompanyRecord()
        log = LogEvidence()
        problems = []
        try:
            record = reading.result()
        except PluginError as error:
            problems.append(str(error))
        try:
            log = read_log(company)
        except PluginError as error:
            problems.append(str(error))
        return Evidence(
            company=company,
            record=record,
            runs=log.streams,
            history=log.history,
            problem=to_line("; ".join(problems)),
        )

    with (
        ThreadPoolExecutor(min(parallel, READERS), thread_name_prefix="record") as readers,
        ThreadPoolExecutor(parallel, thread_name_prefix="evidence") as pool,
    ):
        records = [readers.submit(read_record, company.company_id) for company in companies]
        yield from pool.map(read_evidence, companies, records)
