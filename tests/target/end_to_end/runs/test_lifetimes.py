"""What a run writes does not vanish: datasets and tables that expire, projects without billing, wrong clocks."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import bigquery

from servicetitan_sandbox.client.bigquery_control import set_conditions
from support.singer import INTEGER, STRING, record, schema, state
from support.target.ways import INLINE, STAGED
from target_bigquery_softdelete.bigquery.lifetimes import partition_lifetime_ms
from target_bigquery_softdelete.bigquery.server_clock import ServerClock
from target_bigquery_softdelete.plugin_runtime.clock import utc_now

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

DAY_MS = 86_400_000
STATE = {"bookmarks": {"jobs": 1}}
JOBS = [schema("jobs", {"id": INTEGER, "name": STRING}), record("jobs", {"id": 1, "name": "a"}), state(STATE)]
OTHER = [schema("other", {"id": INTEGER, "name": STRING}), record("other", {"id": 1, "name": "a"})]


def give_lifetimes(project: Project, name: str, *, tables: int | None = None, partitions: int | None = None) -> None:
    """Create a dataset that lets new tables, or partitions, expire after so many days."""
    dataset = bigquery.Dataset(f"{project.name}.{name}")
    if tables:
        dataset.default_table_expiration_ms = tables * DAY_MS
    if partitions:
        dataset.default_partition_expiration_ms = partitions * DAY_MS
    project.client.create_dataset(dataset)


def expiring(project: Project, *datasets: str) -> list[str]:
    """Return the names of the tables and views that expire, or whose partitions do."""
    listed = [table for dataset in datasets for table in project.client.list_tables(f"{project.name}.{dataset}")]
    # The local BigQuery lists functions among the tables. In the real one they are routines, and do not expire.
    tables = [table for table in listed if not table.table_id.endswith("_as_of")]
    return [table.table_id for table in tables if table.expires or partition_lifetime_ms(table)]


def test_a_dataset_that_lets_tables_expire_is_refused_before_anything_is_written(
    target: TargetRunner, project: Project
) -> None:
    give_lifetimes(project, "management", tables=30)
    result = target(*JOBS, on_concurrent_run="refuse")

    assert (result.code, result.states) == (1, [])
    (error,) = result.errors
    assert f"The dataset `{project.name}.management` lets every new table expire after 30 days" in error
    assert f"bq update --default_table_expiration 0 --default_partition_expiration 0 {project.name}:management" in error
    assert "billing" not in error
    assert project.tables("bronze") == project.tables("staging") == project.tables("management") == []

    assert target(*JOBS, on_expiration="allow").states == [STATE]
    assert expiring(project, "bronze", "management") == ["etl_logs", "freshness"]


def test_nothing_expires_where_the_settings_say_so(target: TargetRunner, project: Project) -> None:
    give_lifetimes(project, "bronze", tables=30, partitions=40)
    give_lifetimes(project, "management", tables=30)
    settings = {"on_expiration": "clear", "live_views": True, "history": ["*"]}
    first = target(*JOBS, *OTHER, partition_by={"other": "id:0:100:10"}, on_concurrent_run="refuse", **settings)
    assert (first.code, first.states) == (0, [STATE])
    assert expiring(project, "bronze", "management") == ["_etl_lease"]

    for name in ("bronze", "management"):
        dataset = project.client.get_dataset(f"{project.name}.{name}")
        dataset.default_table_expiration_ms = dataset.default_partition_expiration_ms = None
        project.client.update_dataset(dataset, ["default_table_expiration_ms", "default_partition_expiration_ms"])
    for name in ("jobs", "jobs_history"):
        table = project.client.get_table(f"{project.name}.bronze.{name}")
        table.expires = utc_now() + dt.timedelta(days=1)
        project.client.update_table(table, ["expires"])
    result = target(*JOBS, *OTHER)
    assert result.code == 1
    assert f"jobs: the table `{project.name}.bronze.jobs` expires at" in result.errors[0]
    assert f"bq update --expiration 0 {project.name}:bronze.jobs" in result.errors[0]

    assert target(*JOBS, **settings).code == 0
    assert expiring(project, "bronze", "management") == ["_etl_lease"]


def test_partitions_that_expire_are_refused_or_kept(target: TargetRunner, project: Project) -> None:
    dated = schema("days", {"id": INTEGER, "day": {"type": "string", "format": "date"}})
    messages = [dated, record("days", {"id": 1, "day": "2026-01-01"})]
    settings = {"partition_by": {"days": "day:month"}}
    target(*messages, **settings)
    table = project.client.get_table(f"{project.name}.bronze.days")
    table.time_partitioning.expiration_ms = 9 * DAY_MS
    project.client.update_table(table, ["time_partitioning"])

    refused = target(*messages, **settings)
    assert f"the partitions of the table `{project.name}.bronze.days` expire after 9 days" in refused.errors[0]
    assert target(*messages, **settings, on_expiration="clear").code == 0
    assert expiring(project, "bronze") == []
    partitioning = project.client.get_table(table).time_partitioning
    assert (partitioning.type_, partitioning.field) == ("MONTH", "day")


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("way", [STAGED, INLINE], ids=["staged", "inline"])
def test_a_project_without_billing_is_told_so(way: dict[str, Any], target: TargetRunner, project: Project) -> None:
    set_conditions(project.api_endpoint, project.name, billing=False)
    changed = [JOBS[0], record("jobs", {"id": 1, "name": "b"}), record("jobs", {"id": 2, "name": "c"}), JOBS[-1]]

    (refused,) = target(*JOBS).errors
    assert "A project without billing always has this lifetime: then enable billing first." in refused
    # What fills a new table is a query, which needs no billing. Whoever insists is warned of what comes then.
    first = target(*JOBS, on_expiration="allow", **way)
    assert (first.code, first.states) == (0, [STATE]), first.log
    assert first.log.count("Without billing BigQuery fills new tables and changes no row") == 1
    assert project.log("jobs")[-1]["rows_inserted"] == 1
    assert target(*JOBS, on_expiration="allow", **way).code == 0

    result = target(*changed, on_expiration="allow", **way)
    assert (result.code, result.states) == (1, [])
    assert "DML queries are not allowed in the free tier" in result.errors[0]
    assert result.errors[0].endswith("link the project to a billing account, and run again.")
    assert {key: row["name"] for key, row in project.rows("jobs").items()} == {1: "a"}
    assert project.log("jobs")[-1]["status"] == "failed"


def test_with_billing_nobody_is_told_of_it(target: TargetRunner, project: Project) -> None:
    give_lifetimes(project, "bronze", tables=59)
    give_lifetimes(project, "management", partitions=60)

    result = target(*JOBS, on_expiration="allow")

    assert result.code == 0
    assert "billing" not in result.log


def test_keys_that_differ_in_case_stay_two_whatever_the_collation(target: TargetRunner, project: Project) -> None:
    path = f"/projects/{project.name}/datasets"
    for name in ("bronze", "staging"):
        dataset = {"datasetReference": {"datasetId": name}, "defaultCollation": "und:ci"}
        project.client._connection.api_request("POST", path, data=dataset)  # type: ignore[no-untyped-call] # noqa: SLF001
    rows = [record("jobs", {"id": key, "name": "any"}) for key in ("A", "a")]
    messages = [schema("jobs", {"id": STRING, "name": STRING}), *rows]
    assert [target(*messages).code for _ in range(2)] == [0, 0]
    assert project.operations("jobs") == {"A": "INSERT", "a": "INSERT"}

    foreign = bigquery.Table(
        f"{project.name}.bronze.other",
        [bigquery.SchemaField("id", "INT64"), bigquery.SchemaField("name", "STRING")],
    )
    project.client.create_table(foreign)
    result = target(*OTHER)
    assert result.code == 1
    assert f"other: the table `{project.name}.bronze.other` ignores the case of text in `name`" in result.errors[0]


def test_what_is_new_is_laid_out_for_its_use(target: TargetRunner, project: Project) -> None:
    target(*JOBS, record("jobs", {"id": 2, "name": []}), on_invalid_record="quarantine")

    staging = project.client.get_dataset(f"{project.name}.staging")
    lifetimes = (staging.default_table_expiration_ms, staging.default_partition_expiration_ms)
    assert (*lifetimes, int(staging.max_time_travel_hours or 0)) == (7 * DAY_MS, None, 48)
    assert project.client.get_dataset(f"{project.name}.bronze").default_table_expiration_ms is None
    for name, column in (("etl_logs", "started"), ("etl_rejected_records", "rejected")):
        log = project.client.get_table(f"{project.name}.management.{name}")
        assert (log.time_partitioning.type_, log.time_partitioning.field) == ("MONTH", column)
        assert log.clustering_fields == ["stream"]


def test_one_dataset_for_everything_keeps_its_tables(target: TargetRunner, project: Project) -> None:
    names = dict.fromkeys(("dataset", "staging_dataset", "log_dataset"), "all_in_one")
    assert target(*JOBS, **names).code == 0
    assert project.client.get_dataset(f"{project.name}.all_in_one").default_table_expiration_ms is None
    assert expiring(project, "all_in_one") == []


def test_a_clock_that_is_a_month_slow_does_no_harm(
    target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = {"local": lambda: utc_now() - dt.timedelta(days=30)}
    monkeypatch.setattr(ServerClock.__init__, "__kwdefaults__", {**(ServerClock.__init__.__kwdefaults__ or {}), **slow})
    for settings in ({"on_concurrent_run": "refuse"}, {"dry_run": True}, {}):
        assert target(*JOBS, **settings).code == 0
    assert project.operations("jobs") == {1: "INSERT"}
