"""The changes that a table needs before the rows of a stream fit into it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.cloud.bigquery import (
    PartitionRange,
    PolicyTagList,
    RangePartitioning,
    SchemaField,
    Table,
    TimePartitioning,
)

from target_bigquery_softdelete.bigquery.table_schema import (
    AUDIT_FIELDS,
    SchemaChange,
    change,
    column_of,
    field_of,
    no_table,
    required_filter,
    staging_fields,
    table_fields,
)
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns
from target_bigquery_softdelete.schema.system_columns import OPERATION, SYNCED


def col(name: str, kind: Kind, *fields: Column, repeated: bool = False) -> Column:
    return Column(name, name, kind, repeated, fields)


TEXT_FOR_BYTES = (Kind.STRING, Kind.BYTES)

WRITTEN = [kind for kind in Kind if kind is not Kind.NULL]

ID = col("id", Kind.INT64)
ADDRESS = col("address", Kind.STRUCT, col("street", Kind.STRING), col("lines", Kind.STRING, repeated=True))
ITEMS = col("items", Kind.STRUCT, col("price", Kind.NUMERIC), col("extra", Kind.JSON), repeated=True)


def change_of(existing: list[SchemaField], *columns: Column, audited: bool = True) -> SchemaChange:
    return change([*existing, *(AUDIT_FIELDS if audited else ())], columns, table="co-1.bronze.jobs")


def names(fields: tuple[SchemaField, ...]) -> list[str]:
    return [field.name for field in fields]


@pytest.mark.parametrize("column", [*(col("v", kind) for kind in WRITTEN if kind is not Kind.STRUCT), ADDRESS, ITEMS])
def test_a_column_comes_back_from_its_field(column: Column) -> None:
    assert column_of(field_of(column)) == column
    # The API returns the older names of the types.
    assert column_of(SchemaField.from_api_repr(field_of(column).to_api_repr())) == column


@pytest.mark.parametrize(
    ("old", "kind"),
    [("INTEGER", Kind.INT64), ("FLOAT", Kind.FLOAT64), ("BOOLEAN", Kind.BOOL), ("DECIMAL", Kind.NUMERIC)],
)
def test_the_older_names_of_types_are_the_same_types(old: str, kind: Kind) -> None:
    assert column_of(SchemaField("v", old)) == col("v", kind)
    assert change_of([SchemaField("v", old)], col("v", kind)).added == ()


@pytest.mark.parametrize("other", ["GEOGRAPHY", "DATETIME", "BYTES", "INTERVAL", "RANGE<DATE>"])
def test_a_type_that_is_never_written_is_refused_for_a_column_and_kept_where_the_stream_has_none(other: str) -> None:
    field = SchemaField("v", other, range_element_type="DATE") if "<" in other else SchemaField("v", other)
    assert column_of(field).sql_type == other
    with pytest.raises(PluginError, match=f"the column `a.v` is {other}, but the stream has TIMESTAMP"):
        change_of([SchemaField("a", "RECORD", fields=[field])], col("a", Kind.STRUCT, col("v", Kind.TIMESTAMP)))
    found = change_of(
        [SchemaField("a", "RECORD", fields=[field, SchemaField("n", "INTEGER")])],
        col("a", Kind.STRUCT, col("n", Kind.NUMERIC)),
    )
    assert found.fields[0].fields[0] == field
    (wider,) = found.widened
    assert wider.sql_type == f"STRUCT<`v` {other}, `n` NUMERIC>"


@pytest.mark.parametrize(
    ("field", "kind", "wide"),
    [
        (SchemaField("v", "STRING", max_length=10), Kind.STRING, "STRING"),
        (SchemaField("v", "NUMERIC", precision=8, scale=2), Kind.NUMERIC, "NUMERIC"),
        (SchemaField("v", "NUMERIC", precision=8), Kind.BIGNUMERIC, "BIGNUMERIC"),
        (SchemaField("v", "BIGNUMERIC", precision=40, scale=2), Kind.NUMERIC, "BIGNUMERIC"),
        (SchemaField("v", "STRING", "REPEATED", max_length=10), Kind.STRING, "ARRAY<STRING>"),
    ],
)
def test_a_column_that_takes_only_some_values_of_its_type_takes_all(field: SchemaField, kind: Kind, wide: str) -> None:
    found = change_of([field], col("v", kind, repeated=field.mode == "REPEATED"))
    assert [column.sql_type for column in found.widened] == [wide]
    assert change_of([field]).widened == ()  # the stream does not have it


@pytest.mark.parametrize(
    "field",
    [
        SchemaField(SYNCED, "DATETIME"),
        SchemaField(OPERATION.upper(), "INTEGER"),
        SchemaField(OPERATION, "STRING", "REPEATED"),
    ],
)
def test_an_audit_column_of_another_type_is_refused(field: SchemaField) -> None:
    with pytest.raises(PluginError, match=f"co-1.bronze.jobs: the column `{field.name}` is .* Rename the column"):
        change_of([field_of(ID), field], ID, audited=False)


def test_audit_columns_may_be_required_and_in_capitals() -> None:
    table = [SchemaField(field.name.upper(), field.field_type, "REQUIRED") for field in AUDIT_FIELDS]
    found = change_of([field_of(ID), *table], ID, audited=False)
    assert (found.adopted, found.relaxed, found.fields[1:]) == (False, (), tuple(table))


def test_json_is_staged_as_text_at_every_depth() -> None:
    extra, items = staging_fields(TableColumns((col("extra", Kind.JSON), ITEMS), ()))[:2]
    assert extra.field_type == "STRING"
    assert [field.field_type for field in items.fields] == ["NUMERIC", "STRING"]


def test_a_new_table_has_the_columns_and_the_audit_columns() -> None:
    assert names(tuple(table_fields([ID, ADDRESS]))) == ["id", "address", OPERATION, SYNCED]


def test_a_table_that_fits_needs_nothing() -> None:
    fields = [field_of(column) for column in (ID, ADDRESS, ITEMS)]
    found = change_of([*fields, SchemaField("gone", "STRING")], ID, ADDRESS, ITEMS)
    assert found == SchemaChange((*fields, SchemaField("gone", "STRING"), *AUDIT_FIELDS), (), (), (), adopted=False)


def test_names_that_differ_in_case_are_one_column() -> None:
    found = change_of(
        [SchemaField("ID", "INTEGER"), SchemaField("Address", "RECORD", fields=[SchemaField("STREET", "STRING")])],
        col("Id", Kind.INT64),
        col("ADDRESS", Kind.STRUCT, col("Street", Kind.STRING), col("Lines", Kind.STRING)),
    )
    assert found.added == ("Address.Lines",)
    assert names(found.fields) == ["ID", "Address", OPERATION, SYNCED]


def test_new_columns_are_added_at_every_depth_behind_the_old_ones() -> None:
    existing = [SchemaField("items", "RECORD", "REPEATED", fields=[SchemaField("price", "NUMERIC")]), field_of(ID)]
    found = change_of(existing, col("name", Kind.STRING), ID, ITEMS)
    assert found.added == ("items.extra", "name")
    assert names(found.fields[0].fields) == ["price", "extra"]
    assert found.fields[0].mode == "REPEATED"
    assert names(found.fields) == ["items", "id", OPERATION, SYNCED, "name"]


def test_descriptions_and_modes_in_the_table_stay() -> None:
    tags = PolicyTagList(["projects/p/locations/eu/taxonomies/1/policyTags/2"])
    address = SchemaField(
        "address",
        "RECORD",
        description="Where it is",
        fields=[SchemaField("street", "STRING", description="With number", policy_tags=tags)],
    )
    found = change_of([SchemaField("id", "INT64", "REQUIRED", description="The key"), address], ID, ADDRESS)
    changed = found.fields[1].to_api_repr()
    assert found.fields[0].to_api_repr()["description"] == "The key"
    assert (changed["description"], changed.get("defaultValueExpression")) == ("Where it is", None)
    assert changed["fields"][0] == address.fields[0].to_api_repr()


def test_a_table_that_something_else_made_gets_the_audit_columns() -> None:
    found = change_of([field_of(ID)], ID, audited=False)
    assert found.adopted
    assert names(found.fields) == ["id", OPERATION, SYNCED]


WIDENINGS = [
    (Kind.INT64, Kind.NUMERIC),
    (Kind.INT64, Kind.BIGNUMERIC),
    (Kind.INT64, Kind.FLOAT64),
    (Kind.NUMERIC, Kind.BIGNUMERIC),
    (Kind.NUMERIC, Kind.FLOAT64),
    (Kind.BIGNUMERIC, Kind.FLOAT64),
]


@pytest.mark.parametrize(("narrow", "wide"), WIDENINGS)
def test_a_column_is_widened_where_bigquery_can(narrow: Kind, wide: Kind) -> None:
    found = change_of([field_of(col("v", narrow))], col("v", wide))
    assert found.widened == (col("v", wide),)
    assert found.fields[0] == field_of(col("v", narrow))  # the statement widens it, not the schema update


@pytest.mark.parametrize(("narrow", "wide"), WIDENINGS)
def test_a_table_that_is_wider_already_stays(narrow: Kind, wide: Kind) -> None:
    found = change_of([field_of(col("v", wide))], col("v", narrow))
    assert (found.widened, found.fields[0]) == ((), field_of(col("v", wide)))


@pytest.mark.parametrize(
    ("have", "want"),
    [
        (have, want)
        for have in WRITTEN
        for want in WRITTEN
        if have is not want and not {(have, want), (want, have)} & {*WIDENINGS} and (have, want) != TEXT_FOR_BYTES
    ],
)
def test_any_other_change_of_type_is_an_error(have: Kind, want: Kind) -> None:
    inner = (col("x", Kind.INT64),)
    existing = replace(col("v", have), fields=inner if have is Kind.STRUCT else ())
    with pytest.raises(PluginError) as caught:
        change_of([field_of(existing)], replace(col("v", want), fields=inner if want is Kind.STRUCT else ()))
    text = str(caught.value)
    assert text.startswith(f"co-1.bronze.jobs: the column `v` is {have}, but the stream has {want}. ")
    assert "stream map" in text


def test_a_column_of_text_takes_bytes_and_stays_text() -> None:
    assert change_of([SchemaField("v", "STRING")], col("v", Kind.BYTES)).widened == ()
    assert change_of([SchemaField("v", "STRING", "REPEATED")], col("v", Kind.BYTES, repeated=True)).widened == ()


def test_what_can_only_be_null_fits_every_column_and_adds_none() -> None:
    only_null = (col("v", Kind.NULL), col("a", Kind.STRUCT, col("x", Kind.NULL)))
    nested = col("b", Kind.STRUCT, *ADDRESS.fields, col("x", Kind.NULL))
    assert names(tuple(table_fields([ID, *only_null, nested]))) == ["id", "b", OPERATION, SYNCED]
    found = change_of([field_of(ID)], ID, *only_null, nested)
    assert found.added == ("b",)
    assert names(found.fields[-1].fields) == ["street", "lines"]
    for kind in WRITTEN:
        existing = replace(col("v", kind), fields=(ID,) if kind is Kind.STRUCT else ())
        assert change_of([field_of(existing)], col("v", Kind.NULL)).added == ()
    with pytest.raises(PluginError, match="`a` is STRING, but the stream has STRUCT"):
        change_of([SchemaField("a", "STRING")], only_null[1])


def test_an_array_and_a_single_value_are_not_exchanged() -> None:
    with pytest.raises(PluginError, match="the column `v` is ARRAY<STRING>, but the stream has STRING"):
        change_of([SchemaField("v", "STRING", "REPEATED")], col("v", Kind.STRING))
    with pytest.raises(PluginError, match="the column `v` is STRING, but the stream has ARRAY<STRING>"):
        change_of([SchemaField("v", "STRING")], col("v", Kind.STRING, repeated=True))


def test_a_nested_field_is_widened_with_the_column_that_holds_it() -> None:
    fields = [SchemaField("Price", "INTEGER"), SchemaField("gone", "STRING", max_length=5)]
    found = change_of([SchemaField("items", "RECORD", fields=fields)], replace(ITEMS, repeated=False))
    assert [column.sql_type for column in found.widened] == ["STRUCT<`Price` NUMERIC, `gone` STRING, `extra` JSON>"]


def test_the_elements_of_an_array_cannot_be_widened() -> None:
    price = SchemaField("price", "INTEGER")
    with pytest.raises(PluginError, match=r"the column `items\.price` is INT64, but the stream has NUMERIC"):
        change_of([SchemaField("items", "RECORD", "REPEATED", fields=[price])], ITEMS)
    with pytest.raises(PluginError, match="the column `v` is ARRAY<INT64>, but the stream has ARRAY<NUMERIC>"):
        change_of([SchemaField("v", "INTEGER", "REPEATED")], col("v", Kind.NUMERIC, repeated=True))


BY_ID = RangePartitioning(PartitionRange(0, 10, 1), "id")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"time_partitioning": TimePartitioning(field="day"), "require_partition_filter": True}, "day"),
        ({"time_partitioning": TimePartitioning(), "require_partition_filter": True}, "_PARTITIONTIME"),
        (
            {"range_partitioning": RangePartitioning(PartitionRange(0, 10, 1), "id"), "require_partition_filter": True},
            "id",
        ),
        ({"time_partitioning": TimePartitioning(field="day")}, ""),
        ({}, ""),
    ],
)
def test_a_table_may_require_a_filter_by_its_partitions(options: dict[str, Any], wanted: str) -> None:
    table = Table("co-1.bronze.jobs")
    for name, value in options.items():
        setattr(table, name, value)
    assert required_filter(table) == wanted


def test_required_columns_become_nullable_at_every_depth() -> None:
    inner = SchemaField("street", "STRING", mode="REQUIRED")
    table = [
        SchemaField("id", "INT64", mode="REQUIRED", description="kept"),
        SchemaField("address", "RECORD", fields=[inner]),
        SchemaField("gone", "STRING", mode="REQUIRED"),
    ]

    found = change_of(
        [*table, *AUDIT_FIELDS],
        ID,
        Column("address", "address", Kind.STRUCT, fields=(Column("street", "street", Kind.STRING),)),
    )

    assert found.relaxed == ("id", "address.street", "gone")
    assert [field.mode for field in found.fields[:3]] == ["NULLABLE"] * 3
    assert found.fields[0].description == "kept"
    assert found.fields[1].fields[0].mode == "NULLABLE"


@pytest.mark.parametrize(
    ("type_", "part"),
    [
        ("TABLE", ""),
        ("VIEW", "a view"),
        ("MATERIALIZED_VIEW", "a materialized view"),
        ("EXTERNAL", "an external table"),
        ("SNAPSHOT", "a snapshot"),
        ("MODEL", "the type MODEL"),
    ],
)
def test_a_view_or_another_object_is_named_as_what_it_is(type_: str, part: str) -> None:
    reference = {"projectId": "co", "datasetId": "bronze", "tableId": "jobs"}
    what = no_table(Table.from_api_repr({"tableReference": reference, "type": type_}))
    assert part in what
    assert bool(part) == bool(what)
