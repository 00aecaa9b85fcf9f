"""The layout of a new table."""

from __future__ import annotations

import re
from typing import Any

import pytest
from google.cloud.bigquery import Table

from target_bigquery_softdelete.bigquery.table_layout import Layout, clustering, layout_of
from target_bigquery_softdelete.bigquery.table_schema import field_of
from target_bigquery_softdelete.config.options import PartitionBy
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns
from target_bigquery_softdelete.schema.from_json_schema import table_columns


def col(name: str, kind: Kind, *, repeated: bool = False) -> Column:
    return Column(name, name, kind, repeated)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("created_on", PartitionBy("created_on", "DAY")),
        ("created_on:month", PartitionBy("created_on", "MONTH")),
        ("id:0:1000000:1000", PartitionBy("id", integers=(0, 1000000, 1000))),
    ],
)
def test_a_partitioning_is_read(text: str, found: PartitionBy) -> None:
    assert PartitionBy.parse("jobs", text) == found


@pytest.mark.parametrize("text", ["", "a b", "id:week", "id:1:2", "id:5:5:1", "id:9:1:1", "id:0:9:0", "id:0:90000:1"])
def test_an_invalid_partitioning_is_refused(text: str) -> None:
    with pytest.raises(PluginError, match=f"setting `partition_by`: `{re.escape(text)}`, for the stream `jobs`"):
        PartitionBy.parse("jobs", text)


COLUMNS = [
    col("day", Kind.DATE),
    col("at", Kind.TIMESTAMP),
    col("id", Kind.INT64),
    col("days", Kind.DATE, repeated=True),
    col("ids", Kind.INT64, repeated=True),
    col("name", Kind.STRING),
]


@pytest.mark.parametrize("text", ["day", "day:year", "at", "at:hour", "id:0:100:10"])
def test_a_column_that_bigquery_can_partition_by_is_accepted(text: str) -> None:
    PartitionBy.parse("jobs", text).check(COLUMNS, "jobs")


@pytest.mark.parametrize("text", ["day:hour", "id", "days", "ids:0:9:1", "name", "name:0:9:1", "day:0:9:1", "other"])
def test_any_other_column_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(PluginError, match=f"`{text.partition(':')[0]}`"):
        PartitionBy.parse("jobs", text).check(COLUMNS, "jobs")


def test_a_new_table_is_clustered_by_the_first_columns_of_its_key_that_bigquery_clusters_by() -> None:
    key = [col(f"k{i}", kind) for i, kind in enumerate([Kind.FLOAT64, Kind.INT64, Kind.TIME, *[Kind.STRING] * 4])]
    assert clustering(key) == ["k1", "k3", "k4", "k5"]


@pytest.mark.parametrize(
    ("kinds", "declared"),
    [
        ([Kind.INT64, Kind.STRING], 2),
        ([Kind.INT64, Kind.FLOAT64], 0),
        ([Kind.TIME], 0),
        ([Kind.INT64] * 17, 0),
        ([], 0),
    ],
)
def test_a_key_is_declared_if_bigquery_accepts_it(kinds: list[Kind], declared: int) -> None:
    key = [col(f"k{i}", kind) for i, kind in enumerate(kinds)]
    columns = TableColumns(tuple(key), tuple(column.name for column in key))
    found = layout_of(columns, description="", partition_by=None, require_partition_filter=False)
    assert len(found.primary_key) == declared


def test_the_request_contains_the_whole_layout() -> None:
    table = Table("co-1.bronze.jobs")
    Layout(("id",), ("id", "day"), PartitionBy("day", "MONTH"), True, "Jobs").apply(table)  # noqa: FBT003
    body: dict[str, Any] = table.to_api_repr()
    assert body["clustering"] == {"fields": ["id"]}
    assert body["tableConstraints"] == {"primaryKey": {"columns": ["id", "day"]}}
    assert body["timePartitioning"] == {"type": "MONTH", "field": "day"}
    assert (body["requirePartitionFilter"], body["description"]) == (True, "Jobs")


def test_a_table_without_a_layout_has_no_options() -> None:
    table = Table("co-1.bronze.jobs")
    plain = table.to_api_repr()
    Layout().apply(table)
    assert table.to_api_repr() == plain


def test_a_column_has_the_description_of_its_property() -> None:
    schema = {
        "properties": {
            "a": {"type": "string", "title": "A", "description": "The first"},
            "b": {"type": "object", "properties": {"c": {"$ref": "#/definitions/c"}}},
            "d": {"type": "array", "title": "x" * 2000, "items": {"type": "string", "description": "one of them"}},
        },
        "definitions": {"c": {"type": "integer", "title": "Referred to"}},
    }
    a, b, d = table_columns(schema, [], stream="jobs").columns
    assert (a.description, b.description, b.fields[0].description) == (
        "The first. Source: `a`.",
        "",
        "Referred to. Source: `b.c`.",
    )
    assert len(d.description) == 1024
    assert d.description.endswith("x. Source: `d`.")
    assert field_of(a).to_api_repr()["description"] == "The first. Source: `a`."
    assert "description" not in field_of(a, staged=True).to_api_repr()
    assert "description" not in field_of(b).to_api_repr()
