"""Tables that another program made, that have changed, or that require a filter: they are kept, no row is lost."""

from __future__ import annotations

import datetime as dt
import os
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import bigquery

from support.proxy import Proxy, Trap
from support.singer import DECIMAL, INTEGER, STRING, TIMESTAMP, activate, lines, record, schema
from support.target.harness import eventually, lease_holder
from support.target.ways import INLINE, STAGED
from target_bigquery_softdelete.bigquery import stale_staging
from target_bigquery_softdelete.bigquery.stale_staging import STAGING_LABELS
from target_bigquery_softdelete.load.table_memory import stream_labels
from target_bigquery_softdelete.runtime.about import SOFTWARE

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

DATE = {"type": "string", "format": "date"}
ADDRESS = {"type": ["object", "null"], "properties": {"street": STRING, "unit": INTEGER}}
ITEMS = {"type": "array", "items": {"type": "object", "properties": {"name": STRING}}}
JOBS = schema("jobs", {"id": INTEGER, "address": ADDRESS, "items": ITEMS})


def make_jobs(project: Project, columns: str, *rows: str, options: str = "") -> None:
    """Make the table `jobs` as another program would."""
    project.client.create_dataset(project.bronze, exists_ok=True)
    project.query(f"CREATE TABLE `{project.bronze}.jobs` ({columns}) {options}")
    for row in rows:
        project.query(f"INSERT INTO `{project.bronze}.jobs` VALUES ({row})")


def test_nested_fields_that_the_stream_does_not_have_are_kept_and_not_compared(
    target: TargetRunner, project: Project
) -> None:
    make_jobs(
        project,
        "items ARRAY<STRUCT<name STRING, gone INT64>>, ID INT64, _ETL_OPERATION STRING NOT NULL, "
        "address STRUCT<since DATETIME, STREET STRING, unit INT64, tags ARRAY<STRING>>, _ETL_SYNCED TIMESTAMP NOT NULL",
        *(
            f"[STRUCT('a' AS name, 7 AS gone)], {key}, 'INSERT', "
            "STRUCT(DATETIME '2024-01-02 03:04:05', 'Main', 1, ['x']), TIMESTAMP '2024-01-02 00:00:00+00'"
            for key in (1, 2, 3)
        ),
    )
    before = project.rows("jobs", "ID")
    same = {"address": {"street": "Main", "unit": 1}, "items": [{"name": "a"}]}
    changed = {"address": {"street": "Side", "unit": 2}, "items": [{"name": "b"}]}
    messages = [
        JOBS,
        *(record("jobs", {"id": key, **values}) for key, values in ((1, same), (2, changed), (4, same))),
        record("jobs", {"id": 3, "address": None, "items": [{"name": "a"}]}),
    ]

    result = target(*messages)

    assert result.code == 0, result.log
    after = project.rows("jobs", "ID")
    assert after[1] == before[1]
    assert after[2]["address"] == {**before[2]["address"], "STREET": "Side", "unit": 2}
    assert after[2]["items"] == [{"name": "b", "gone": None}]
    assert after[3]["address"] is None
    assert after[4]["address"] == {"since": None, "STREET": "Main", "unit": 1, "tags": []}
    assert {key: row["_ETL_OPERATION"] for key, row in after.items()} == {
        1: "INSERT",
        2: "UPDATE",
        3: "UPDATE",
        4: "INSERT",
    }
    assert target(*messages).code == 0
    assert project.rows("jobs", "ID") == after


def test_a_nested_field_is_widened_and_what_is_beside_it_stays(target: TargetRunner, project: Project) -> None:
    make_jobs(
        project,
        "id INT64, address STRUCT<since DATETIME, street STRING(4), unit INT64>",
        "1, STRUCT(DATETIME '2024-01-02 03:04:05', 'Main', 1)",
    )
    address = {"type": "object", "properties": {"street": STRING, "unit": DECIMAL}}

    result = target(
        schema("jobs", {"id": INTEGER, "address": address}),
        record("jobs", {"id": 1, "address": {"street": "Main Street", "unit": 1.5}}),
        adopt_tables=["jobs"],
    )

    assert result.code == 0, result.log
    assert "wider types" in result.log
    row = project.rows("jobs")[1]["address"]
    assert (row["street"], row["unit"], row["since"].year) == ("Main Street", Decimal("1.5"), 2024)


def test_a_new_table_says_what_it_is_and_is_laid_out_as_asked_for(target: TargetRunner, project: Project) -> None:
    started = {**TIMESTAMP, "title": "Start", "description": "When the work began"}
    jobs = schema("jobs", {"id": INTEGER, "startedOn": started, "name": {**STRING, "title": "Name"}})
    crews = schema("crews", {"id": INTEGER})
    messages = [jobs, record("jobs", {"id": 1}), crews, record("crews", {"id": 1})]

    refused = target(*messages, partition_by={"jobs": "started_on:month", "crews": "name"})
    result = target(
        *messages,
        partition_by={"jobs": "started_on:month", "crews": "id:0:1000:10", "job": "id"},
        history=["*", "crew"],
        tenant_id="1001",
        labels={"team": "data"},
    )

    assert (refused.code, result.code) == (1, 0), result.log
    assert "were not in the input: `partition_by`: job; `history`: crew." in result.log
    assert "did not come" not in refused.log
    assert refused.errors == ["setting `partition_by`: the stream `crews` has no column `name`."]
    table = project.client.get_table(f"{project.bronze}.jobs")
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("MONTH", "started_on")
    assert table.clustering_fields == ["id"]
    assert table.to_api_repr()["tableConstraints"] == {"primaryKey": {"columns": ["id"]}}
    assert table.description == f"Stream jobs, written by {SOFTWARE}"
    assert [field.description for field in table.schema[:3]] == [
        None,
        "When the work began. Source: `startedOn`.",
        "Name. Source: `name`.",
    ]
    table = project.client.get_table(f"{project.bronze}.crews")
    ranges = table.range_partitioning
    assert (ranges.field, ranges.range_.start, ranges.range_.end, ranges.range_.interval) == ("id", 0, 1000, 10)
    assert table.description == f"Stream crews of tenant 1001, written by {SOFTWARE}"
    assert table.labels == {"team": "data", "tenant_id": "1001", "filled": "true", **stream_labels(["crews"])}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("way", "asks"), [(INLINE, 0), (STAGED, 1)], ids=["inline", "staged"])
def test_a_new_table_is_not_counted_unless_a_record_says_that_it_is_deleted(
    way: dict[str, Any], asks: int, target: TargetRunner, project: Project
) -> None:
    gone = schema("gone", {"id": INTEGER})
    messages = [
        *(schema("jobs", {"id": INTEGER}), *(record("jobs", {"id": key}, 1) for key in (1, 2, 2)), activate("jobs", 1)),
        *(gone, record("gone", {"id": 1}), record("gone", {"id": 2, "_sdc_deleted_at": "2024-05-01"})),
        *({**gone, "schema": {"properties": {"id": INTEGER, "name": STRING}}}, record("gone", {"id": 2})),
    ]
    with Proxy(project.api_endpoint) as proxy:
        # How many rows a staging table has filled it with, BigQuery knows without a query.
        asked = proxy.trap(Trap(f"/datasets/{project.dataset('bronze')}/tables/jobs".encode(), "fail", status=500))
        counted = proxy.trap(Trap(f"  FROM `{project.bronze}.jobs` AS _etl_t".encode(), "fail", status=500))
        result = target(*messages, api_endpoint=proxy.url, **way)

    assert (result.code, asked.seen, counted.seen) == (0, asks, 0), result.log
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT"}
    assert project.operations("gone") == {1: "INSERT", 2: "UPDATE"}
    counts = [
        {name: row[f"rows_{name}"] for name in ("inserted", "updated", "deleted", "restored", "unchanged")}
        for row in (project.log("jobs")[-1], project.log("gone")[-1])
    ]
    assert [list(run.values()) for run in counts] == [[2, 0, 0, 0, 0], [1, 0, 1, 1, 0]]


def test_a_new_table_into_which_others_may_write_is_merged(target: TargetRunner, project: Project) -> None:
    messages = [schema("jobs", {"id": INTEGER}), record("jobs", {"id": 1}, 1), activate("jobs", 1)]
    for mode in ("allow", "refuse"):
        assert target(*messages, dataset=f"{mode}_others", on_concurrent_run=mode).code == 0
    steps = {job.job_id.split("-")[1] for job in project.client.list_jobs() if "-jobs-" in job.job_id}
    assert steps == {"merge", "fill"}


def test_a_table_that_appears_during_the_run_is_adopted(target: TargetRunner, project: Project, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    messages = [schema("jobs", {"id": INTEGER, "name": STRING}), record("jobs", {"id": 1, "name": "new"})]

    def tap() -> None:
        with pipe.open("wb", buffering=0) as output:
            output.write(lines([schema("crews", {"id": INTEGER})]))
            eventually(lambda: lease_holder(project))
            make_jobs(project, "id INT64, other STRING", "1, 'kept'")
            output.write(lines(messages))

    thread = threading.Thread(target=tap)
    thread.start()
    code = target.run(pipe, on_concurrent_run="refuse", adopt_tables=["jobs"])
    thread.join()

    assert code == 0
    row = project.rows("jobs")[1]
    assert (row["name"], row["other"], row["_etl_operation"]) == ("new", "kept", "UPDATE")


def test_what_cannot_be_changed_is_named_before_anything_is_written(target: TargetRunner, project: Project) -> None:
    make_jobs(project, "id INT64, starts DATETIME, kept STRING(3)", "1, NULL, 'a'")
    jobs = schema("jobs", {"id": INTEGER, "starts": TIMESTAMP, "new": STRING, "kept": STRING})

    result = target(jobs, record("jobs", {"id": 2}), adopt_tables=["jobs"])

    assert result.code == 1
    (error,) = result.errors
    for part in (f"{project.bronze}.jobs", "`starts`", "DATETIME", "TIMESTAMP"):
        assert part in error
    table = project.client.get_table(f"{project.bronze}.jobs")
    assert [field.name for field in table.schema] == ["id", "starts", "kept"]
    assert table.schema[2].max_length == 3


def test_a_table_that_wants_a_partition_filter_gets_one(target: TargetRunner, project: Project) -> None:
    # Of a MERGE the local BigQuery does not see the filter: that statement is judged with the others.
    audit = "_etl_operation STRING, _etl_synced TIMESTAMP"
    options = "PARTITION BY day OPTIONS (require_partition_filter = TRUE)"
    make_jobs(project, f"id INT64, day DATE, {audit}", "1, NULL, 'INSERT', NULL", options=options)

    result = target(schema("jobs", {"id": INTEGER}), activate("jobs", 3), allow_mass_delete=True)

    assert result.code == 0, result.log
    assert project.log("jobs")[-1]["rows_deleted"] == 1


@pytest.mark.parametrize("by", ["day", "number"])
def test_only_the_partitions_of_staged_keys_are_read_unless_rows_may_be_missing(
    by: str, target: TargetRunner, project: Project
) -> None:
    messages = schema("jobs", {"id": INTEGER, "day": DATE, "number": INTEGER, "name": STRING}, ["id", by])
    partition_by = {"jobs": {"day": "day", "number": "number:0:100:10"}[by]}

    def jobs(*days: int, name: str, version: int | None = None) -> list[dict[str, Any]]:
        values = [{"id": 1, "day": f"2024-05-{day:02}", "number": day, "name": name} for day in days]
        return [messages, *(record("jobs", row, version) for row in values)]

    def rows() -> dict[int, tuple[str, str]]:
        return {key: (row["name"], row["_etl_operation"]) for key, row in project.rows("jobs", "number").items()}

    assert target(*jobs(1, 11, 21, 31, name="old"), partition_by=partition_by).code == 0
    with Proxy(project.api_endpoint) as proxy:
        narrow = proxy.trap(Trap(b"BETWEEN @first AND @last", "fail", times=1))
        some = target(*jobs(21, 12, 11, name="new"), api_endpoint=proxy.url)
        assert (some.code, narrow.seen) == (0, 1), some.log
        report = project.log("jobs")[-1]
        assert (report["rows_inserted"], report["rows_updated"], report["rows_unchanged"]) == (1, 2, 0)
        new = ("new", "UPDATE")
        assert rows() == {1: ("old", "INSERT"), 11: new, 12: ("new", "INSERT"), 21: new, 31: ("old", "INSERT")}

        narrow.times = 2
        snapshot = target(*jobs(11, 12, 21, name="new", version=1), activate("jobs", 1), api_endpoint=proxy.url)
        assert (snapshot.code, narrow.seen) == (0, 1), snapshot.log
        assert rows() == {1: ("old", "DELETE"), 11: new, 12: ("new", "INSERT"), 21: new, 31: ("old", "DELETE")}


def test_what_dead_runs_left_behind_is_removed_by_the_next_good_run(
    target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, foreign, young = "jobs__20240101T000000_0a1b2c3d_1", "jobs__20240101T000000_0a1b2c3d_2", "crews__x_1"
    jobs = schema("jobs", {"id": INTEGER})
    target(jobs, record("jobs", {"id": 1}))
    log = f"{project.management}.etl_logs"
    project.query(f"ALTER TABLE `{log}` DROP COLUMN slot_ms")
    for name, labels in ((old, STAGING_LABELS), (foreign, {**STAGING_LABELS, "tenant_id": "7"}), (young, {})):
        table = bigquery.Table(f"{project.staging}.{name}")
        table.labels = labels
        project.client.create_table(table)

    assert target(jobs, record("jobs", {"id": 2})).code == 0
    assert old in project.tables("staging")  # its name is old, but BigQuery has made it only now
    monkeypatch.setattr(stale_staging, "OLDEST", dt.timedelta())
    failed = target(jobs, record("jobs", {"id": "x"}))
    assert failed.code == 1
    assert old in project.tables("staging")
    # Only a run that needs staging tables itself looks for those of others.
    assert target(jobs, record("jobs", {"id": 2})).code == 0
    assert old in project.tables("staging")
    good = target(jobs, record("jobs", {"id": 2}), **STAGED)

    assert good.code == 0, good.log
    assert project.tables("staging") == [young, foreign]
    assert project.log("jobs")[-1]["slot_ms"] is not None
    assert project.log("jobs")[-1]["bytes_billed"] is not None


def test_a_stream_without_records_costs_nothing(target: TargetRunner, project: Project) -> None:
    jobs = schema("jobs", {"id": INTEGER})
    target(jobs, record("jobs", {"id": 1}))

    with Proxy(project.api_endpoint) as proxy:
        statement = proxy.trap(Trap(b"bronze.jobs`", "fail", times=1000, status=400, reason="invalid"))
        result = target(schema("jobs", {"id": INTEGER, "new": STRING}), api_endpoint=proxy.url)

    assert (result.code, statement.seen) == (0, 0), result.log
    assert len(project.client.get_table(f"{project.bronze}.jobs").schema) == 3
