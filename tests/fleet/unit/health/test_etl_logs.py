"""The query for the audit log."""

from __future__ import annotations

import pytest

from servicetitan_fleet.health.etl_logs import log_query
from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL
from target_bigquery_softdelete.audit.etl_log import LOG_FIELDS


@pytest.mark.parametrize("is_old", [False, True])
def test_bigquery_accepts_the_query(is_old: bool) -> None:  # noqa: FBT001
    added = {"source_ms", "staging_ms", "bigquery_ms", "schema_changes"} if is_old else set()
    columns = [(field.name, field.field_type) for field in LOG_FIELDS if field.name not in added]
    sql = GoogleSQL({"p-1.management.etl_logs": columns}, {"since": "TIMESTAMP", "runs": "INT64", "dry_run": "BOOL"})
    sql.check(log_query("`p-1.management.etl_logs`", is_old=is_old))
