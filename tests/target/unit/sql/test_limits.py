"""A stream has as many columns as BigQuery's statements and tables allow, and no more."""

from __future__ import annotations

import re

import pytest

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns
from target_bigquery_softdelete.sql.identifiers import TableId
from target_bigquery_softdelete.sql.limits import check_limits
from target_bigquery_softdelete.sql.merge import merge, preview_merge
from target_bigquery_softdelete.sql.source import Source

TABLE = TableId("co-1", "bronze", "jobs")


def columns_of(count: int, width: int, key: bool, kind: Kind = Kind.JSON) -> TableColumns:  # noqa: FBT001
    names = [f"c{number:04d}".ljust(width, "x") for number in range(count)]
    columns = [Column(name, name, kind if number else Kind.INT64) for number, name in enumerate(names)]
    return TableColumns(tuple(columns), (names[0],) if key else ())


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("width", [5, 300])
def test_it_says_how_many_columns_fit_and_so_many_do(width: int, key: bool) -> None:  # noqa: FBT001
    with pytest.raises(PluginError) as caught:
        check_limits(columns_of(9_000, width, key), TABLE, "jobs")
    found = re.search(r"^jobs: its 9,000 columns.*about ([\d,]+) such columns fit", str(caught.value))
    assert found
    fit = int(found[1].replace(",", ""))

    columns = columns_of(fit, width, key)
    check_limits(columns, TABLE, "jobs")
    with pytest.raises(PluginError):
        check_limits(columns_of(round(fit * 1.03), width, key), TABLE, "jobs")
    if key:
        source = Source(TABLE, columns, {column.name: column for column in columns.columns}, (TABLE,) * 300)
        for statement in (
            merge(TABLE, source, mark_missing_deleted=True),
            preview_merge(TABLE, source, compare=True),
        ):
            assert len(statement) < 1_024_000


def test_nested_columns_count_too() -> None:
    fields = columns_of(9_998, 5, key=False, kind=Kind.BOOL).columns
    nested = TableColumns((Column("a", "a", Kind.STRUCT, fields=fields),), ())
    with pytest.raises(PluginError, match=r"^jobs: its schema makes 9,999 columns, nested ones included"):
        check_limits(nested, TABLE, "jobs")
    check_limits(TableColumns((Column("a", "a", Kind.STRUCT, fields=fields[:-1]),), ()), TABLE, "jobs")
