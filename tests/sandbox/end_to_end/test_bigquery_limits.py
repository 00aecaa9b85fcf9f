"""The local BigQuery refuses, forgets and bills what BigQuery does."""

from __future__ import annotations

import datetime as dt
import io
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import BadRequest, Forbidden, NotFound, TooManyRequests
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery as bq

from servicetitan_sandbox.client.bigquery_control import set_conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_sandbox.client.processes import BigQuery

DAY_MS = 86_400_000
SCHEMA = [bq.SchemaField("id", "INT64"), bq.SchemaField("name", "STRING"), bq.SchemaField("day", "DATE")]
MEGABYTE = 1 << 20
ONCE = Retry(predicate=lambda _: False)


@pytest.fixture
def client(bigquery: BigQuery) -> Iterator[bq.Client]:
    client = bq.Client(
        f"limits-{uuid.uuid4().hex[:12]}",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": bigquery.api_endpoint},
    )
    client.create_dataset("bronze")
    with closing(client):
        yield client


@pytest.fixture
def condition(bigquery: BigQuery, client: bq.Client) -> Callable[..., None]:
    def change(**values: Any) -> None:  # noqa: ANN401 - JSON is any of its types
        set_conditions(bigquery.api_endpoint, client.project, **values)

    return change


def _create(client: bq.Client, name: str, **options: Any) -> bq.Table:  # noqa: ANN401 - any attribute
    table = bq.Table(f"{client.project}.bronze.{name}", schema=SCHEMA)
    for option, value in options.items():
        setattr(table, option, value)
    return client.create_table(table)


def _load(client: bq.Client, name: str, rows: int = 1) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"id": list(range(rows))}), file)
    file.seek(0)
    config = bq.LoadJobConfig(source_format="PARQUET", schema=[bq.SchemaField("id", "INT64")])
    client.load_table_from_file(file, f"{client.project}.bronze.{name}", job_config=config).result(retry=None)


def _send(client: bq.Client, method: str, path: str, data: dict[str, Any]) -> dict[str, Any]:
    """Send what the client library has no name for."""
    answer: dict[str, Any] = client._connection.api_request(  # type: ignore[no-untyped-call] # noqa: SLF001
        method, f"/projects/{client.project}/{path}", data=data
    )
    return answer


def _run(client: bq.Client, sql: str) -> bq.QueryJob:
    job = client.query(sql, job_retry=None)
    job.result(retry=None)
    return job


def _lifetimes(client: bq.Client, **lifetimes: int | None) -> None:
    dataset = client.get_dataset("bronze")
    for name, value in lifetimes.items():
        setattr(dataset, name, value)
    client.update_dataset(dataset, list(lifetimes))


def test_a_new_table_gets_the_lifetimes_of_its_dataset_however_it_is_made(client: bq.Client) -> None:
    _create(client, "older")
    _lifetimes(client, default_table_expiration_ms=DAY_MS)
    _create(client, "created")
    _create(client, "with_its_own", expires=dt.datetime.now(dt.UTC) + dt.timedelta(days=9))
    _load(client, "loaded")
    _run(client, f"CREATE TABLE `{client.project}.bronze.selected` AS SELECT 1 AS id")
    _run(client, f"CREATE OR REPLACE TABLE `{client.project}.bronze.older` AS SELECT 1 AS id")
    _run(client, f"CREATE VIEW `{client.project}.bronze.viewed` AS SELECT 1 AS id")

    expires = {table.table_id: table.expires for table in client.list_tables("bronze")}
    days = {name: round((time - dt.datetime.now(dt.UTC)) / dt.timedelta(days=1)) for name, time in expires.items()}
    assert days == {"created": 1, "with_its_own": 9, "loaded": 1, "selected": 1, "older": 1, "viewed": 1}
    kept = client.get_table(f"{client.project}.bronze.loaded")
    kept.expires = None
    assert client.update_table(kept, ["expires"]).expires is None


def test_a_new_partitioned_table_gets_the_lifetime_of_its_partitions_instead(client: bq.Client) -> None:
    _lifetimes(client, default_table_expiration_ms=DAY_MS, default_partition_expiration_ms=2 * DAY_MS)
    table = _create(client, "partitioned", time_partitioning=bq.TimePartitioning("DAY", "day"))

    assert table.expires is None
    assert table.time_partitioning.expiration_ms == 2 * DAY_MS
    table.time_partitioning.expiration_ms = None
    assert client.update_table(table, ["time_partitioning"]).time_partitioning.expiration_ms is None
    _run(
        client,
        "ALTER SCHEMA bronze SET OPTIONS (default_table_expiration_days = NULL, "
        "default_partition_expiration_days = NULL)",
    )
    dataset = client.get_dataset("bronze")
    assert (dataset.default_table_expiration_ms, dataset.default_partition_expiration_ms) == (None, None)
    assert _create(client, "kept").expires is None


def test_an_expired_table_vanishes_and_one_that_has_expired_cannot_be_created(client: bq.Client) -> None:
    with pytest.raises(NotFound, match=r"Not found: Table .*:bronze\.late"):
        _create(client, "late", expires=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    table = _create(client, "short")
    table.expires = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    with pytest.raises(NotFound):
        client.update_table(table, ["expires"])
    assert list(client.list_tables("bronze")) == []


def test_a_dataset_keeps_its_options_and_refuses_lifetimes_under_an_hour(client: bq.Client) -> None:
    dataset = bq.Dataset(f"{client.project}.other")
    dataset.default_table_expiration_ms = 7 * DAY_MS
    dataset.max_time_travel_hours = 48
    _send(client, "POST", "datasets", {**dataset.to_api_repr(), "defaultCollation": "und:ci"})

    found = client.get_dataset("other")
    assert (found.default_table_expiration_ms, int(found.max_time_travel_hours or 0)) == (7 * DAY_MS, 48)
    assert found.to_api_repr()["defaultCollation"] == "und:ci"
    with pytest.raises(BadRequest, match="minimum"):
        _lifetimes(client, default_table_expiration_ms=60_000)


def test_a_project_without_billing_reads_and_loads_but_changes_no_rows(
    client: bq.Client, condition: Callable[..., None]
) -> None:
    condition(billing=False)
    _load(client, "loaded")
    assert client.get_dataset("bronze").default_table_expiration_ms == 60 * DAY_MS
    assert client.get_table("bronze.loaded").expires
    assert [tuple(row) for row in _run(client, "SELECT id FROM bronze.loaded")] == [(0,)]

    for statement in ("DELETE FROM bronze.loaded WHERE TRUE", "INSERT INTO bronze.loaded (id) VALUES (1)"):
        with pytest.raises(Forbidden, match="DML queries are not allowed in the free tier") as refused:
            _run(client, statement)
        assert refused.value.errors[0]["reason"] == "billingNotEnabled"
    with pytest.raises(Forbidden, match="Streaming"):
        client.insert_rows_json("bronze.loaded", [{"id": 1}])
    table = client.get_table("bronze.loaded")
    table.expires = None
    with pytest.raises(Forbidden, match="60 days"):
        client.update_table(table, ["expires"])
    with pytest.raises(Forbidden, match="60 days"):
        _lifetimes(client, default_table_expiration_ms=None)


def test_a_table_is_updated_five_times_in_ten_seconds(client: bq.Client, condition: Callable[..., None]) -> None:
    condition(pace=0.01)
    _create(client, "busy")  # the first
    table = bq.Table(f"{client.project}.bronze.busy")  # without an ETag
    for number in range(2):
        table.labels = {"number": str(number)}
        client.update_table(table, ["labels"])
    _load(client, "busy")
    _run(client, f"ALTER TABLE `{client.project}.bronze.busy` ADD COLUMN more INT64")

    tries: list[Callable[[], object]] = [
        lambda: client.update_table(table, ["labels"], retry=ONCE),
        lambda: _load(client, "busy"),
        lambda: _run(client, f"ALTER TABLE `{client.project}.bronze.busy` ADD COLUMN most INT64"),
    ]
    for update in tries:
        with pytest.raises(
            (Forbidden, TooManyRequests), match="too many table update operations for this table"
        ) as refused:
            update()
        assert refused.value.errors[0]["reason"] == "rateLimitExceeded"
    for number in range(6):
        _run(client, f"INSERT INTO bronze.busy (id) VALUES ({number})")
    _create(client, "idle")
    condition(pace=1e9)
    _load(client, "busy")


def test_a_dataset_is_updated_five_times_in_ten_seconds(client: bq.Client, condition: Callable[..., None]) -> None:
    condition(pace=0.01)
    for days in range(1, 6):
        _lifetimes(client, default_table_expiration_ms=days * DAY_MS)
    dataset = client.get_dataset("bronze")
    with pytest.raises(Forbidden, match="too many dataset update operations"):
        client.update_dataset(dataset, ["labels"], retry=ONCE)


def test_a_page_of_tables_has_fifty(client: bq.Client) -> None:
    for number in range(51):
        _create(client, f"table_{number}")

    assert [len(list(page)) for page in client.list_tables("bronze").pages] == [50, 1]
    assert [len(list(page)) for page in client.list_tables("bronze", page_size=1000).pages] == [51]


def test_text_of_a_collated_table_is_equal_whatever_its_case(client: bq.Client) -> None:
    _send(client, "PATCH", "datasets/bronze", {"defaultCollation": "und:ci"})
    collated = _create(client, "collated")
    resource = bq.Table(f"{client.project}.bronze.plain", SCHEMA).to_api_repr()
    plain = client.create_table(bq.Table.from_api_repr({**resource, "defaultCollation": ""}))
    assert [field.get("collation") for field in collated.to_api_repr()["schema"]["fields"]] == [None, "und:ci", None]
    assert not any("collation" in field for field in plain.to_api_repr()["schema"]["fields"])

    counts = {}
    for table in ("collated", "plain"):
        _run(client, f"INSERT INTO bronze.{table} (id, name) VALUES (1, 'a'), (2, 'A')")
        counts[table] = [
            next(iter(_run(client, sql.format(table))))[0]
            for sql in (
                "SELECT COUNT(*) FROM bronze.{} WHERE name = 'a'",
                "SELECT COUNT(*) FROM (SELECT name FROM bronze.{} GROUP BY name)",
                "SELECT COUNT(*) FROM (SELECT 1 FROM bronze.{} QUALIFY ROW_NUMBER() OVER (PARTITION BY name) = 1)",
            )
        ]
    assert counts == {"collated": [2, 1, 1], "plain": [1, 2, 2]}


def test_streamed_rows_wait_before_they_can_be_changed(client: bq.Client, condition: Callable[..., None]) -> None:
    condition(pace=1)
    _create(client, "streamed")
    _run(client, "INSERT INTO bronze.streamed (id) VALUES (7)")
    assert client.insert_rows_json("bronze.streamed", [{"id": 1}, {"id": 2}]) == []
    found = client.get_table("bronze.streamed")
    assert found.streaming_buffer
    assert (found.num_rows, found.streaming_buffer.estimated_rows) == (1, 2)

    changes = [
        "UPDATE bronze.streamed SET name = 'a' WHERE TRUE",
        "DELETE FROM bronze.streamed WHERE TRUE",
        "MERGE bronze.streamed AS t USING (SELECT 1 AS id) AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = 'a'",
    ]
    for change in changes:
        with pytest.raises(BadRequest, match=r"bronze\.streamed would affect rows in the streaming buffer"):
            _run(client, change)
    clone = bq.CopyJobConfig(operation_type="CLONE")
    with pytest.raises(BadRequest, match="cannot be cloned"):
        client.copy_table("bronze.streamed", "bronze.cloned", job_config=clone).result()
    _run(client, "INSERT INTO bronze.streamed (id) VALUES (3)")
    condition(pace=1e9)
    _run(client, changes[0])
    assert client.get_table("bronze.streamed").num_rows == 4


def test_a_statement_bills_ten_megabytes_for_each_table_that_it_reads(client: bq.Client) -> None:
    _load(client, "small")
    _load(client, "large", rows=3 * MEGABYTE // 2)  # 12 MB of one column
    _run(client, "CREATE VIEW bronze.seen AS SELECT id FROM bronze.small")

    def billed(sql: str) -> tuple[int, int]:
        job = _run(client, sql)
        return int(job.total_bytes_processed or 0), int(job.total_bytes_billed or 0) // MEGABYTE

    assert billed("SELECT 1") == (0, 0)
    assert billed("SELECT id FROM bronze.small") == (8, 10)
    assert billed("SELECT id FROM bronze.seen") == (8, 10)
    assert billed("SELECT a.id FROM bronze.small AS a JOIN bronze.small AS b ON a.id = b.id") == (8, 10)
    assert billed("SELECT a.id FROM bronze.small AS a JOIN bronze.large AS b ON a.id = b.id") == (12 * MEGABYTE + 8, 22)
    assert billed("INSERT INTO bronze.small (id) VALUES (7)") == (0, 0)
    assert billed("UPDATE bronze.small SET id = 8 WHERE id = 7") == (16, 10)
    merge = "MERGE bronze.small AS t USING (SELECT id FROM bronze.large WHERE id < 2) AS s ON t.id = s.id"
    assert billed(f"{merge} WHEN MATCHED THEN UPDATE SET id = s.id")[1] == 22
    assert billed("BEGIN TRANSACTION; DELETE FROM bronze.small WHERE id = 8; COMMIT TRANSACTION;")[1] == 10
    assert billed("ALTER TABLE bronze.small ADD COLUMN more INT64") == (0, 0)

    dry = client.query("SELECT id FROM bronze.large", job_config=bq.QueryJobConfig(dry_run=True))
    assert dry.total_bytes_processed == 12 * MEGABYTE
    answer = _send(client, "POST", "queries", {"query": "SELECT id FROM bronze.small", "useLegacySql": False})
    assert (answer["totalBytesProcessed"], answer["totalBytesBilled"]) == ("8", str(10 * MEGABYTE))
