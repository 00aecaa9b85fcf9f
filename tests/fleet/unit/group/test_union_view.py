"""A view over the tables of several companies fits all of them, as the GoogleSQL analyzer sees it."""

from __future__ import annotations

import pytest
from google.cloud.bigquery import SchemaField

from servicetitan_fleet.group.column_types import column_type
from servicetitan_fleet.group.union_view import CompanyTable, create_statement, union_view
from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL

ID = SchemaField("id", "INTEGER", description="Key of the job.")


def source(company: str, *fields: SchemaField) -> CompanyTable:
    return CompanyTable(company, f"project-{company}.bronze.jobs", [ID, *fields])


def check(sources: list[CompanyTable]) -> str:
    """Return the query of the view, after the analyzer has taken it."""
    view = union_view("jobs", sources)
    query = view.query
    tables = {each.name: [(field.name, column_type(field).sql) for field in each.fields] for each in sources}
    GoogleSQL(tables).check(create_statement("group.servicetitan.jobs", view))
    return query


def test_equal_tables_are_united_as_they_are() -> None:
    view = union_view("jobs", [source("a"), source("b")])
    assert view.query == (
        "SELECT 'a' AS `company_id`, `id`\nFROM `project-a.bronze.jobs`\n"
        "UNION ALL\n"
        "SELECT 'b' AS `company_id`, `id`\nFROM `project-b.bronze.jobs`"
    )
    assert view.descriptions["id"] == "Key of the job."
    assert view.notices == []


def test_a_column_that_a_company_lacks_is_null_of_its_type() -> None:
    name = SchemaField("name", "STRING")
    query = check([source("a"), source("b", name)])
    assert "SELECT 'a' AS `company_id`, `id`, CAST(NULL AS STRING) AS `name`" in query


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [("INTEGER", "NUMERIC", "NUMERIC"), ("NUMERIC", "FLOAT", "FLOAT64"), ("INTEGER", "STRING", "STRING")],
)
def test_a_type_that_differs_is_cast(first: str, second: str, shown: str) -> None:
    sources = [source("a", SchemaField("price", first)), source("b", SchemaField("price", second))]
    assert f"CAST(`price` AS {shown}) AS `price`" in check(sources)
    (notice,) = union_view("jobs", sources).notices
    assert notice.startswith("jobs.price: ")
    assert notice.endswith(f": shown as {shown}")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (SchemaField("price", "JSON"), SchemaField("price", "STRING")),
        (SchemaField("price", "STRING"), SchemaField("price", "STRING", mode="REPEATED")),
        (SchemaField("price", "RECORD", fields=[ID]), SchemaField("price", "STRING")),
    ],
)
def test_a_type_that_cannot_be_cast_is_left_out(first: SchemaField, second: SchemaField) -> None:
    sources = [source("a", first), source("b", second)]
    assert "price" not in check(sources)
    assert union_view("jobs", sources).notices[0].endswith(": left out")


def test_nested_columns_have_the_fields_of_all() -> None:
    def items(*fields: SchemaField) -> SchemaField:
        return SchemaField("items", "RECORD", mode="REPEATED", fields=fields)

    cost, price = SchemaField("cost", "NUMERIC"), SchemaField("price", "FLOAT")
    tags = SchemaField("tags", "INTEGER", mode="REPEATED")
    inner = SchemaField("sku", "RECORD", fields=[SchemaField("code", "STRING"), ID])
    sources = [
        source("a", items(cost, inner)),
        source("b", items(price, SchemaField("cost", "INTEGER"), tags)),
        source("c"),
        source("d", items(SchemaField("sku", "RECORD", fields=[ID]))),
    ]
    query = check(sources)
    assert "CAST(NULL AS ARRAY<STRUCT<`cost` NUMERIC, `sku` STRUCT<`code` STRING, `id` INT64>, `price` FLOAT64" in query
    assert "FROM UNNEST(`items`) AS element_1 WITH OFFSET AS offset_1 ORDER BY offset_1" in query
    assert union_view("jobs", sources).notices == ["jobs.items.cost: NUMERIC in a; INT64 in b: shown as NUMERIC"]


def test_the_columns_of_the_first_company_come_first_whatever_their_case() -> None:
    query = check([source("a", SchemaField("Name", "STRING")), source("b", SchemaField("name", "STRING"))])
    assert query.count("`Name`") == 2


def test_a_column_of_the_companies_own_id_is_left_out() -> None:
    view = union_view("jobs", [source("a", SchemaField("company_id", "STRING"))])
    assert view.query.count("company_id") == 1
    assert view.notices == ["jobs.company_id: left out, because the view has a column of that name"]
