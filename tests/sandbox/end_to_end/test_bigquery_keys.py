"""The local BigQuery protects primary keys, clustering and partitioning columns as BigQuery does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery as bq
from google.cloud.bigquery.table import ColumnReference, ForeignKey, PrimaryKey, TableConstraints

from servicetitan_sandbox.client.bigquery_control import set_conditions
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.processes import BigQuery


@pytest.fixture(scope="module")
def project(bigquery: BigQuery) -> Iterator[Project]:
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    # These tests change one table many times in a row.
    set_conditions(bigquery.api_endpoint, project.name, pace=1000)
    yield project
    project.delete()


def _table(project: Project, name: str, key: list[str], clustering: list[str]) -> bq.Table:
    columns = {"id": "INT64", "kind": "STRING", "weight": "FLOAT64", "count": "INT64", "day": "DATE"}
    schema = [bq.SchemaField(column, kind) for column, kind in columns.items()]
    table = bq.Table(f"{project.name}.bronze.{name}", schema=schema)
    table.time_partitioning = bq.TimePartitioning(field="day")
    if clustering:
        table.clustering_fields = clustering
    if key:
        table.table_constraints = TableConstraints(PrimaryKey(key), None)
    return table


def _key(project: Project, name: str) -> list[str]:
    constraints = project.client.get_table(f"{project.name}.bronze.{name}").table_constraints
    return list(constraints.primary_key.columns) if constraints and constraints.primary_key else []


@pytest.mark.parametrize(("key", "clustering"), [(["weight"], []), ([], ["kind", "weight"]), (["nope"], [])])
def test_a_key_or_clustering_that_cannot_be_is_refused(project: Project, key: list[str], clustering: list[str]) -> None:
    with pytest.raises(BadRequest):
        project.client.create_table(_table(project, "refused", key, clustering))
    assert project.tables("bronze").count("refused") == 0


@pytest.mark.parametrize(
    "action",
    [
        "ALTER COLUMN id SET DATA TYPE NUMERIC",
        "ALTER COLUMN count SET DATA TYPE FLOAT64",
        "RENAME COLUMN id TO number",
        "RENAME COLUMN count TO number",
        "DROP COLUMN day",
        "RENAME TO elsewhere",
        "ADD PRIMARY KEY (kind) NOT ENFORCED",
    ],
)
def test_columns_by_which_a_table_is_organized_stay_as_they_are(project: Project, action: str) -> None:
    if "held" not in project.tables("bronze"):
        project.client.create_table(_table(project, "held", ["id"], ["id", "count"]))
    before = project.client.get_table(f"{project.name}.bronze.held")

    with pytest.raises(BadRequest) as caught:
        project.query(f"ALTER TABLE bronze.held {action}")

    assert [error["reason"] for error in caught.value.errors] == ["invalidQuery"]
    after = project.client.get_table(before.reference)
    assert (after.schema, after.clustering_fields, _key(project, "held")) == (before.schema, ["id", "count"], ["id"])


def test_a_column_can_change_while_the_table_has_no_key(project: Project) -> None:
    project.client.create_table(_table(project, "free", ["id"], ["id"]))
    project.query(
        """
        ALTER TABLE bronze.free DROP PRIMARY KEY;
        ALTER TABLE bronze.free ALTER COLUMN id SET DATA TYPE NUMERIC;
        ALTER TABLE bronze.free ADD PRIMARY KEY (id, kind) NOT ENFORCED;
        """
    )

    table = project.client.get_table(f"{project.name}.bronze.free")
    assert (table.schema[0].field_type, table.clustering_fields) == ("NUMERIC", ["id"])
    assert _key(project, "free") == ["id", "kind"]
    project.query("ALTER TABLE bronze.free DROP PRIMARY KEY")
    with pytest.raises(BadRequest, match="weight has type FLOAT64"):
        project.query("ALTER TABLE bronze.free ADD PRIMARY KEY (weight) NOT ENFORCED")
    assert _key(project, "free") == []


def test_a_table_has_at_most_ten_thousand_columns(project: Project) -> None:
    fields = [bq.SchemaField(f"c{number}", "INT64") for number in range(9_999)]
    wide = bq.SchemaField("wide", "RECORD", fields=fields)
    with pytest.raises(BadRequest, match="10000 fields"):
        project.client.create_table(bq.Table(f"{project.name}.bronze.wide", [wide, bq.SchemaField("id", "INT64")]))


@pytest.mark.parametrize(
    ("table", "column", "by", "is_right"),
    [
        ("keyed", "id", "count", True),
        ("keyed", "count", "count", False),
        ("keyed", "id", "kind", False),
        ("keyless", "id", "count", False),
        ("nowhere", "id", "count", False),
    ],
)
def test_a_foreign_key_refers_to_a_primary_key(
    project: Project, table: str, column: str, by: str, *, is_right: bool
) -> None:
    for name, key in (("keyed", ["id"]), ("keyless", [])):
        project.client.create_table(_table(project, name, key, []), exists_ok=True)
    referring = _table(project, f"referring_{table}_{column}_{by}", [], [])
    to = bq.TableReference.from_string(f"{project.name}.bronze.{table}")
    keys = [ForeignKey("own", to, [ColumnReference(by, column)])]
    referring.table_constraints = TableConstraints(None, keys)
    if is_right:
        created = project.client.create_table(referring)
        assert created.table_constraints
        assert created.table_constraints.foreign_keys == keys
    else:
        with pytest.raises(BadRequest):
            project.client.create_table(referring)
