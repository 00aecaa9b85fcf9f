"""The last-modified time of a table of the local BigQuery moves with every change of its rows."""

from __future__ import annotations

import io
import uuid
from typing import TYPE_CHECKING, NamedTuple

import pytest
from google.cloud import bigquery as bq

from servicetitan_sandbox.client.bigquery_control import set_conditions
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_sandbox.client.processes import BigQuery


@pytest.fixture
def project(bigquery: BigQuery) -> Iterator[Project]:
    """A new project with a table of two rows, and an empty one of the same columns."""
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    set_conditions(project.api_endpoint, project.name, pace=100_000)
    for name in ("t", "empty"):
        fields = [bq.SchemaField("id", "INT64"), bq.SchemaField("name", "STRING")]
        project.client.create_table(bq.Table(f"{project.bronze}.{name}", schema=fields))
    project.query("INSERT INTO bronze.t (id, name) VALUES (1, 'one'), (2, 'two')")
    yield project
    project.delete()


class State(NamedTuple):
    """What a table says of its last change: the time in milliseconds since 1970, and the ETag."""

    modified: int
    etag: str


def state(project: Project, name: str = "t") -> State:
    """Return the time and the ETag of a table, after checking that everything that tells the time tells the same."""
    table = project.client.get_table(f"{project.bronze}.{name}")
    told = int(table._properties["lastModifiedTime"])  # noqa: SLF001 - the library rounds it
    [listed] = project.query(f"SELECT last_modified_time, row_count FROM bronze.__TABLES__ WHERE table_id = '{name}'")
    [stored] = project.query(
        "SELECT UNIX_MILLIS(storage_last_modified_time) AS modified FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE "
        f"WHERE table_name = '{name}'"
    )
    assert (listed["last_modified_time"], stored["modified"]) == (told, told)
    assert table.etag
    return State(told, table.etag)


def run(project: Project, sql: str, **options: object) -> bq.QueryJob:
    job = project.client.query(sql, job_config=bq.QueryJobConfig(default_dataset=project.bronze, **options))
    job.result()
    return job


def load(project: Project, disposition: str, lines: bytes) -> None:
    config = bq.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", write_disposition=disposition)
    project.client.load_table_from_file(io.BytesIO(lines), f"{project.bronze}.t", job_config=config).result()


def query_into(project: Project, disposition: str, sql: str = "SELECT 9 AS id, 'nine' AS name") -> None:
    run(project, sql, destination=f"{project.bronze}.t", write_disposition=disposition)


def copy(project: Project, source: str, disposition: str) -> None:
    config = bq.CopyJobConfig(write_disposition=disposition)
    project.client.copy_table(f"{project.bronze}.{source}", f"{project.bronze}.t", job_config=config).result()


def patch(project: Project) -> None:
    table = bq.Table(f"{project.bronze}.t")
    table.labels = {"round": uuid.uuid4().hex}
    project.client.update_table(table, ["labels"])


MERGE = """
    MERGE t AS a USING (SELECT {id} AS id, '{name}' AS name) AS b ON a.id = b.id
    WHEN MATCHED AND a.name != b.name THEN UPDATE SET name = b.name
    WHEN NOT MATCHED THEN INSERT (id, name) VALUES (b.id, b.name)
"""
CHANGES: dict[str, Callable[[Project], object]] = {
    "insert": lambda project: run(project, "INSERT INTO t (id) VALUES (3)"),
    "update": lambda project: run(project, "UPDATE t SET name = 'new' WHERE id = 1"),
    "delete": lambda project: run(project, "DELETE FROM t WHERE id = 1"),
    "truncate": lambda project: run(project, "TRUNCATE TABLE t"),
    "merge that updates": lambda project: run(project, MERGE.format(id=1, name="new")),
    "merge that inserts": lambda project: run(project, MERGE.format(id=3, name="three")),
    "merge that deletes": lambda project: run(
        project, "MERGE t AS a USING (SELECT 1 AS id) AS b ON a.id = b.id WHEN MATCHED THEN DELETE"
    ),
    "load that appends": lambda project: load(project, "WRITE_APPEND", b'{"id": 3}'),
    "load that replaces": lambda project: load(project, "WRITE_TRUNCATE", b'{"id": 3, "name": "x"}\n{"id": 4}'),
    "query that appends": lambda project: query_into(project, "WRITE_APPEND"),
    "query that replaces": lambda project: query_into(project, "WRITE_TRUNCATE"),
    "query that empties": lambda project: query_into(project, "WRITE_TRUNCATE", "SELECT * FROM t WHERE FALSE"),
    "copy that appends": lambda project: copy(project, "t", "WRITE_APPEND"),
    "copy that replaces": lambda project: copy(project, "empty", "WRITE_TRUNCATE"),
    "streaming": lambda project: project.client.insert_rows_json(f"{project.bronze}.t", [{"id": 3}]),
    "labels": patch,
    "a new column": lambda project: run(project, "ALTER TABLE t ADD COLUMN more STRING"),
    "a description": lambda project: run(project, "ALTER TABLE t SET OPTIONS (description = 'it')"),
    "a committed transaction": lambda project: run(
        project, "BEGIN TRANSACTION; INSERT INTO t (id) VALUES (3); COMMIT TRANSACTION;"
    ),
}
NO_CHANGES: dict[str, Callable[[Project], object]] = {
    "select": lambda project: run(project, "SELECT * FROM t"),
    "update of no row": lambda project: run(project, "UPDATE t SET name = 'new' WHERE id = 99"),
    "merge of the same": lambda project: run(project, MERGE.format(id=1, name="one")),
    "query that appends nothing": lambda project: query_into(project, "WRITE_APPEND", "SELECT * FROM t WHERE FALSE"),
    "copy of nothing": lambda project: copy(project, "empty", "WRITE_APPEND"),
    "change of another table": lambda project: run(project, "INSERT INTO empty SELECT * FROM t"),
    "a transaction taken back": lambda project: run(
        project, "BEGIN TRANSACTION; INSERT INTO t (id) VALUES (3); ROLLBACK TRANSACTION;"
    ),
    "a dry run": lambda project: project.client.query(
        f"DELETE FROM `{project.bronze}.t` WHERE TRUE", job_config=bq.QueryJobConfig(dry_run=True)
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_moves_the_time(project: Project, change: Callable[[Project], object]) -> None:
    before = state(project)
    change(project)
    after = state(project)
    assert after.modified > before.modified
    assert after.etag != before.etag


@pytest.mark.parametrize("work", NO_CHANGES.values(), ids=NO_CHANGES)
def test_what_changes_nothing_does_not_move_it(project: Project, work: Callable[[Project], object]) -> None:
    before = state(project)
    work(project)
    assert state(project) == before


def test_a_failed_statement_does_not_move_it(project: Project) -> None:
    before = state(project)
    with pytest.raises(Exception, match="stop"):
        run(project, "INSERT INTO t (id) SELECT IF(id = 2, ERROR('stop'), id) FROM t")
    assert state(project) == before


def test_it_is_the_time_of_the_commit(project: Project) -> None:
    set_conditions(project.api_endpoint, project.name, held_jobs=[{"kind": "query", "text": "INSERT", "seconds": 0.3}])
    job = run(project, "INSERT INTO t (id) VALUES (3)")
    times = job._properties["statistics"]  # noqa: SLF001 - the library makes dates of them
    modified = state(project).modified
    assert int(times["creationTime"]) + 300 <= modified <= int(times["endTime"])


def test_a_new_table_has_the_time_of_its_rows(project: Project) -> None:
    run(project, "CREATE TABLE made AS SELECT 1 AS id")
    run(project, "SELECT 1 AS id", destination=f"{project.bronze}.found")
    made, found = state(project, "made"), state(project, "found")
    run(project, "INSERT INTO made VALUES (2)")
    run(project, "INSERT INTO found VALUES (2)")
    assert state(project, "made").modified > made.modified
    assert state(project, "found").modified > found.modified
