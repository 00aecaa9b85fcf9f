"""The BigQuery names that source names give."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.naming import (
    LONGEST_COLUMN_NAME,
    check_distinct,
    column_name,
    table_name,
    unique_names,
)
from target_bigquery_softdelete.sql import identifiers


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("id", "id"),
        ("businessUnitId", "business_unit_id"),
        ("BusinessUnit", "business_unit"),
        ("HTTPStatus code", "http_status_code"),
        ("customerPO", "customer_po"),
        ("address2Line", "address2_line"),
        ("already_snake", "already_snake"),
        ("end", "end"),
        ("2nd", "_2nd"),
        ("a.b-c$d", "a_b_c_d"),
        ("größe", "gr__e"),
        ("", "_"),
        ("日本", "__"),
    ],
)
def test_a_column_is_named_in_snake_case(source: str, name: str) -> None:
    assert column_name(source) == name


@pytest.mark.parametrize(("source", "name"), [("businessUnitId", "businessUnitId"), ("HTTP code", "HTTP_code")])
def test_a_column_keeps_its_name_with_preserve(source: str, name: str) -> None:
    assert column_name(source, "preserve") == name


@pytest.mark.parametrize("naming", ["snake_case", "preserve"])
@pytest.mark.parametrize(
    "source",
    [
        *("_TABLE_x", "_file_name", "_PARTITIONTIME", "_Row_Timestamp", "__root__", "_COLIDENTIFIER"),
        *("_CHANGE_TYPE", "_change_timestamp", "_CHANGE_SEQUENCE_NUMBER", "_etl_operation", "_ETL_synced"),
    ],
)
def test_a_reserved_prefix_gets_an_x(source: str, naming: str) -> None:
    name = column_name(source, naming)  # type: ignore[arg-type]
    assert name.startswith("x_")
    assert name.lower().removeprefix("x") == source.lower()


@pytest.mark.parametrize("source", ["x" * 301, "businessUnit" * 50, "_table_" + "y" * 300, "é" * 400, "1" * 300])
def test_a_long_name_fits_and_stays_distinct(source: str) -> None:
    name = column_name(source)
    assert len(name) <= LONGEST_COLUMN_NAME
    assert identifiers.quote_column(name) == f"`{name}`"
    assert name != column_name(source + "z")


def test_a_name_of_300_characters_stays() -> None:
    assert column_name("x" * 300) == "x" * 300


@pytest.mark.parametrize(("stream", "name"), [("jobs", "jobs"), ("public-Users.v2", "public_Users_v2"), ("", "_")])
def test_a_table_has_the_name_of_its_stream(stream: str, name: str) -> None:
    assert table_name(stream) == name


def test_the_name_of_a_staging_table_fits_too() -> None:
    staging = f"{table_name('x' * 5000)}__20240506T070809_12345678_1000"
    assert identifiers.TableId("co-1", "staging", staging).quoted == f"`co-1.staging.{staging}`"


@pytest.mark.parametrize(
    ("first", "second"), [("Id", "id"), ("businessUnitId", "business_unit_id"), ("a b", "a-b"), ("ä", "ö")]
)
def test_two_names_for_one_column_are_an_error_that_names_both(first: str, second: str) -> None:
    with pytest.raises(PluginError) as caught:
        check_distinct([(name, column_name(name)) for name in (first, "third", second)], "jobs.items")
    assert str(caught.value).startswith(f"jobs.items: the properties `{first}` and `{second}` both become the column ")


@pytest.mark.parametrize(
    ("sources", "plain"),
    [
        (["userName", "user_name", "id"], {"user_name", "id"}),
        (["+1", "-1", "total"], {"total"}),
        (["名称", "价格", "id"], {"id"}),
        (["IPProtocol", "ipProtocol"], set()),
        (["a" * 300, "A" * 300], {"a" * 300}),
        (["_1", "+1"], {"_1"}),
    ],
)
def test_unique_names_are_distinct_whatever_the_order(sources: list[str], plain: set[str]) -> None:
    names = unique_names(sources)
    assert names == unique_names(sources[::-1])
    assert len({name.lower() for name in names.values()}) == len(sources)
    assert {source for source, name in names.items() if source == name} == plain
    for source in set(sources) - plain:
        assert names[source].startswith(f"{column_name(source)[:291]}_")
        assert len(names[source]) <= LONGEST_COLUMN_NAME
    check_distinct(names.items(), "jobs")


def test_names_that_differ_only_in_case_collide_when_they_are_kept() -> None:
    with pytest.raises(PluginError, match="`Id` and `id` both become"):
        check_distinct([(name, column_name(name, "preserve")) for name in ("Id", "id")], "jobs")
