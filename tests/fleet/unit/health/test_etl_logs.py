"""The query for the audit log."""

from __future__ import annotations

from servicetitan_fleet.health.etl_logs import log_query
from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL
from target_bigquery_softdelete.audit.etl_log import LOG_FIELDS


def test_bigquery_accepts_the_query() -> None:
    columns = [(field.name, field.field_type) for field in LOG_FIELDS]
    sql = GoogleSQL({"p-1.management.etl_logs": columns}, {"since": "TIMESTAMP", "runs": "INT64", "dry_run": "BOOL"})
    sql.check(log_query("`p-1.management.etl_logs`"))
