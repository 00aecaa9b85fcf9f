"""The local BigQuery behaves as the target needs it."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery as bq

from servicetitan_sandbox.client import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_numbers = itertools.count(1)

HOME = bq.SchemaField("home", "RECORD", fields=[bq.SchemaField("city", "STRING")])
LINES = bq.SchemaField("lines", "RECORD", "REPEATED", fields=[bq.SchemaField("amount", "NUMERIC")])
SCHEMA = [bq.SchemaField("id", "INT64", "REQUIRED"), HOME, LINES, bq.SchemaField("extra", "JSON")]


def _client(server: processes.BigQuery, project: str) -> bq.Client:
    options = {"api_endpoint": server.api_endpoint}
    return bq.Client(project=project, credentials=AnonymousCredentials(), client_options=options)


@pytest.fixture
def client(bigquery: processes.BigQuery) -> Iterator[bq.Client]:
    client = _client(bigquery, f"sandbox-{next(_numbers)}")
    client.create_dataset("bronze")
    with closing(client):
        yield client


def _load(client: bq.Client, table: str, rows: list[dict[str, Any]], job_id: str | None = None) -> None:
    schema = pa.schema(
        [
            ("id", pa.int64()),
            ("home", pa.struct([("city", pa.string())])),
            ("lines", pa.list_(pa.struct([("amount", pa.decimal128(38, 9))]))),
            ("extra", pa.string()),
        ]
    )
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), file)
    file.seek(0)
    config = bq.LoadJobConfig(
        source_format="PARQUET",
        write_disposition="WRITE_APPEND",
        parquet_options=bq.ParquetOptions.from_api_repr({"enableListInference": True}),
        schema=[*SCHEMA[:-1], bq.SchemaField("extra", "STRING")],
    )
    client.load_table_from_file(file, table, job_config=config, job_id=job_id).result()


def _row(identifier: int) -> dict[str, Any]:
    return {"id": identifier, "home": {"city": "Łódź"}, "lines": [{"amount": Decimal("1.2345")}], "extra": '{"a": 1.0}'}


def _select(client: bq.Client, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in client.query_and_wait(sql)]


def test_labels_clustering_and_expiry_are_kept(client: bq.Client) -> None:
    table = bq.Table(f"{client.project}.bronze.t", schema=SCHEMA)
    table.labels, table.clustering_fields = {"tenant": "1001"}, ["id"]
    client.create_table(table)

    found = client.get_table(table)
    assert (found.labels, found.clustering_fields) == ({"tenant": "1001"}, ["id"])
    assert [listed.labels for listed in client.list_tables("bronze")] == [{"tenant": "1001"}]
    assert [field.mode for field in found.schema] == ["REQUIRED", "NULLABLE", "REPEATED", "NULLABLE"]


def test_loads_append_and_a_job_id_is_used_once(client: bq.Client) -> None:
    table = f"{client.project}.bronze.loaded"
    _load(client, table, [_row(1)], "job-1")
    _load(client, table, [_row(2)], "job-2")
    with pytest.raises(Conflict):
        _load(client, table, [_row(3)], "job-2")

    assert _select(client, f"SELECT id, home, `lines` FROM `{table}` ORDER BY id") == [
        (1, {"city": "Łódź"}, [{"amount": Decimal("1.2345")}]),
        (2, {"city": "Łódź"}, [{"amount": Decimal("1.2345")}]),
    ]


def test_a_merge_inserts_updates_and_marks_missing_rows(client: bq.Client) -> None:
    live, staged = f"{client.project}.bronze.live", f"{client.project}.bronze.staged"
    client.create_table(bq.Table(live, schema=[*SCHEMA, bq.SchemaField("state", "STRING")]))
    _load(client, live.replace("live", "old"), [_row(1), _row(2)])
    client.query_and_wait(f"INSERT INTO `{live}` (id) SELECT id FROM `{client.project}.bronze.old`")
    _load(client, staged, [_row(2), _row(2), _row(3)])
    job = client.query(f"""
        MERGE `{live}` AS t
        USING (
          SELECT * EXCEPT (extra), PARSE_JSON(extra, wide_number_mode => 'round') AS extra
          FROM `{staged}` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY id) = 1
        ) AS s
        ON t.id = s.id
        WHEN MATCHED THEN UPDATE SET home = s.home, extra = s.extra
        WHEN NOT MATCHED BY TARGET THEN INSERT (id, home, `lines`, extra) VALUES (id, home, `lines`, extra)
        WHEN NOT MATCHED BY SOURCE THEN UPDATE SET state = 'gone'
    """)
    job.result()

    assert job.dml_stats
    assert (job.dml_stats.inserted_row_count, job.dml_stats.updated_row_count) == (1, 2)
    assert _select(client, f"SELECT id, extra, state FROM `{live}` ORDER BY id") == [
        (1, None, "gone"),
        (2, {"a": 1.0}, None),
        (3, {"a": 1.0}, None),
    ]


def test_a_merge_refuses_two_source_rows_for_a_target_row_and_inserts_all_new_ones(client: bq.Client) -> None:
    live, staged = f"{client.project}.bronze.live", f"{client.project}.bronze.staged"
    _load(client, live, [_row(1)])
    _load(client, staged, [_row(1), _row(1), _row(2), _row(2)])
    merge = f"MERGE `{live}` AS t USING `{staged}` AS s ON t.id = s.id WHEN NOT MATCHED THEN"

    for insert in ("INSERT ROW", "INSERT (id) VALUES (s.id)"):
        with pytest.raises(GoogleAPICallError, match="at most one source row"):
            client.query_and_wait(f"{merge} {insert} WHEN MATCHED THEN UPDATE SET extra = s.extra")
    assert _select(client, f"SELECT id FROM `{live}`") == [(1,)]
    client.query_and_wait(f"{merge} INSERT ROW")
    assert _select(client, f"SELECT id FROM `{live}` ORDER BY id") == [(1,), (2,), (2,)]


def test_a_merge_uses_the_first_clause_that_applies_and_takes_parameters(client: bq.Client) -> None:
    live = f"{client.project}.bronze.live"
    client.query_and_wait(
        f"CREATE TABLE `{live}` AS SELECT id, 0.5 AS price, 'old' AS state FROM UNNEST(GENERATE_ARRAY(1, 4)) AS id"
    )
    parameters = [bq.ScalarQueryParameter("limit", "INT64", 3), bq.ScalarQueryParameter("added", "STRING", "new")]
    job = client.query(
        f"""
        MERGE `{live}` AS t
        USING (SELECT id, NUMERIC '1.25' AS price FROM UNNEST(GENERATE_ARRAY(1, 5)) AS id WHERE id != 4) AS s
        ON t.id = s.id
        WHEN MATCHED AND s.id >= @limit THEN UPDATE SET state = 'late'
        WHEN MATCHED AND s.id > 1 THEN UPDATE SET price = s.price + 1, t.state = 'changed'
        WHEN NOT MATCHED BY TARGET THEN INSERT (state, id) VALUES (CONCAT(@added, 'er'), s.id)
        WHEN NOT MATCHED BY SOURCE AND t.id > @limit THEN UPDATE SET state = 'gone'
        """,
        bq.QueryJobConfig(query_parameters=parameters),
    )
    job.result()

    stats = job.dml_stats
    assert stats
    assert (stats.inserted_row_count, stats.updated_row_count, stats.deleted_row_count) == (1, 3, 0)
    assert _select(client, f"SELECT * FROM `{live}` ORDER BY id") == [
        (1, 0.5, "old"),
        (2, 2.25, "changed"),
        (3, 0.5, "late"),
        (4, 0.5, "gone"),
        (5, None, "newer"),
    ]


def test_columns_and_nested_fields_can_be_added(client: bq.Client) -> None:
    table = f"{client.project}.bronze.grown"
    _load(client, table, [_row(1)])
    client.query_and_wait(f"ALTER TABLE `{table}` ADD COLUMN added STRING")
    found = client.get_table(table)
    wider_home = bq.SchemaField("home", "RECORD", fields=[*HOME.fields, bq.SchemaField("zip", "STRING")])
    wider_lines = bq.SchemaField(
        "lines", "RECORD", "REPEATED", fields=[*LINES.fields, bq.SchemaField("tax", "NUMERIC")]
    )
    wider = {"home": wider_home, "lines": wider_lines}
    found.schema = [wider.get(field.name, field) for field in found.schema]
    client.update_table(found, ["schema"])

    assert _select(client, f"SELECT home, `lines`, added FROM `{table}`") == [
        ({"city": "Łódź", "zip": None}, [{"amount": Decimal("1.2345"), "tax": None}], None)
    ]


def test_a_statement_can_have_a_thousand_columns(client: bq.Client) -> None:
    differs = " OR ".join(f"{number} = 0" for number in range(1, 1001))
    assert [tuple(row) for row in client.query_and_wait(f"SELECT {differs}")] == [(False,)]


def test_tables_are_found_in_their_own_project(bigquery: processes.BigQuery, client: bq.Client) -> None:
    client.query_and_wait("CREATE VIEW bronze.ours AS SELECT 1 AS one")
    with closing(_client(bigquery, f"{client.project}-other")) as other:
        other.create_dataset("bronze")
        # The emulator has a Python module of this name, which must not be taken for a table.
        other.create_table(bq.Table(f"{other.project}.bronze.native", schema=SCHEMA))

        assert [table.table_id for table in other.list_tables("bronze")] == ["native"]
    assert [(table.table_id, table.table_type) for table in client.list_tables("bronze")] == [("ours", "VIEW")]


@pytest.mark.long
def test_tables_are_kept_in_a_given_directory(tmp_path: Path) -> None:
    for turn in ("written", "read"):
        with processes.run_bigquery(tmp_path) as server, closing(_client(server, "kept")) as client:
            client.create_dataset("bronze", exists_ok=True)
            if turn == "written":
                client.query_and_wait("CREATE TABLE bronze.t AS SELECT 7 AS seven")
                table = client.get_table("bronze.t")
                table.labels = {"tenant": "1001"}
                client.update_table(table, ["labels"])
            assert client.get_table("bronze.t").labels == {"tenant": "1001"}
            assert _select(client, "SELECT seven FROM bronze.t") == [(7,)]


def test_only_one_of_several_concurrent_changes_succeeds(bigquery: processes.BigQuery, client: bq.Client) -> None:
    name = f"{client.project}.bronze.contested"

    def run_concurrently(change: Callable[[bq.Client], object]) -> list[str]:
        def outcome(_: int) -> str:
            with closing(_client(bigquery, client.project)) as own:
                try:
                    change(own)
                except GoogleAPICallError as error:
                    return type(error).__name__
            return "done"

        with ThreadPoolExecutor(8) as pool:
            return sorted(pool.map(outcome, range(8)), key=lambda name: name != "done")

    def create(own: bq.Client) -> None:
        own.create_table(bq.Table(name, schema=SCHEMA))

    assert run_concurrently(create) == ["done"] + ["Conflict"] * 7
    expiring = client.get_table(name)
    expiring.expires = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    client.update_table(expiring, ["expires"])
    time.sleep(1.5)
    assert run_concurrently(create) == ["done"] + ["Conflict"] * 7

    found = client.get_table(name)
    found.labels = {"changed": "yes"}
    assert run_concurrently(lambda own: own.update_table(found, ["labels"])) == ["done"] + ["PreconditionFailed"] * 7


def test_a_project_whose_datasets_are_deleted_begins_anew(client: bq.Client) -> None:
    client.query_and_wait("CREATE TABLE bronze.jobs AS SELECT 1 AS id")
    client.delete_dataset("bronze", delete_contents=True)
    assert not list(client.list_datasets())
    with pytest.raises(NotFound):
        client.get_dataset("bronze")
    client.create_dataset("bronze")
    assert not list(client.list_tables("bronze"))
    client.query_and_wait("CREATE TABLE bronze.jobs AS SELECT 2 AS id")
    assert [row["id"] for row in client.query_and_wait("SELECT id FROM bronze.jobs")] == [2]


def test_a_dataset_that_a_statement_creates(client: bq.Client) -> None:
    client.query_and_wait("CREATE SCHEMA silver")
    client.query_and_wait("CREATE TABLE silver.jobs AS SELECT 1 AS id")
    assert client.get_dataset("silver").dataset_id == "silver"
    client.query_and_wait("DROP SCHEMA silver CASCADE")
    with pytest.raises(NotFound):
        client.get_dataset("silver")


def test_a_script_can_have_a_temporary_table(client: bq.Client) -> None:
    script = "CREATE TEMP TABLE numbers AS SELECT 1 AS n; DELETE FROM numbers WHERE n = 0; SELECT n FROM numbers;"

    assert _select(client, script) == [(1,)]
    assert list(client.list_tables("bronze")) == []
