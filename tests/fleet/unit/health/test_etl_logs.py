"""The query for the audit log, and the reading of many."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.health.etl_logs import LogEvidence, collect_evidence, log_query
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.state.company_record import CompanyRecord
from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL
from support.fleet.statuses import GOOD, fleet_run, make_company
from target_bigquery_softdelete.audit.etl_log import LOG_FIELDS

if TYPE_CHECKING:
    from servicetitan_fleet.registry.company import Company


@pytest.mark.parametrize("is_old", [False, True])
def test_bigquery_accepts_the_query(is_old: bool) -> None:  # noqa: FBT001
    added = {"source_ms", "staging_ms", "bigquery_ms", "schema_changes"} if is_old else set()
    columns = [(field.name, field.field_type) for field in LOG_FIELDS if field.name not in added]
    sql = GoogleSQL({"p-1.management.etl_logs": columns}, {"since": "TIMESTAMP", "runs": "INT64", "dry_run": "BOOL"})
    sql.check(log_query("`p-1.management.etl_logs`", is_old=is_old))


@pytest.mark.parametrize("parallel", [1, 3, 100])
def test_a_record_is_read_before_its_log_and_takes_no_logs_turn(parallel: int) -> None:
    names = [f"company-{number:02}" for number in range(40)]
    read = {name: threading.Event() for name in names}
    record = CompanyRecord(runs=(fleet_run(1),))

    def read_record(name: str) -> CompanyRecord:
        read[name].set()
        if name == names[3]:
            raise PluginError("no record")
        return record

    def read_log(company: Company) -> LogEvidence:
        assert read[company.company_id].is_set()
        assert read[names[-1]].wait(10)  # while the first logs are read, so are all records
        if company.company_id in names[3:5]:
            raise PluginError("no log")
        return LogEvidence(streams=[GOOD])

    found = list(collect_evidence([make_company(name) for name in names], read_log, read_record, parallel))
    assert [each.company.company_id for each in found] == names
    assert [each.problem for each in found[2:6]] == ["", "no record; no log", "no log", ""]
    assert [each.record for each in found[2:5]] == [record, CompanyRecord(), record]
    assert [list(each.runs) for each in found[2:6]] == [[GOOD], [], [], [GOOD]]
