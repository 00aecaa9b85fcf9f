"""The statements of the preflight checks."""

from __future__ import annotations

from servicetitan_fleet.health.preflight import create_dataset_statement, create_table_statement
from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL


def test_bigquery_accepts_the_statements() -> None:
    sql = GoogleSQL({})
    sql.check(create_dataset_statement("p-1.bronze"))
    sql.check(create_table_statement("p-1.bronze"))
