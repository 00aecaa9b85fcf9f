"""Gives a column another name where its table has one of that name and of a type that BigQuery cannot change. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from target_bigquery_softdelete.bigquery.table_schema import fits
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns, walk
from target_bigquery_softdelete.schema.naming import check_distinct, variant_name

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from google.cloud.bigquery import SchemaField


def with_new_columns(
    columns: TableColumns, existing: Sequence[SchemaField], stream: str, *, replaceable: Collection[str] = ()
) -> TableColumns:
    """Return the columns of a stream under names with which they fit its table, such as `price__string`.

    The key keeps its names: a row without its key would be another row.

    Args:
        columns: The columns.
        existing: The schema of the table.
        stream: Name of the stream, for errors.
        replaceable: Names of columns of the table that give way, because they hold nothing.

    Raises:
        PluginError: If another property has such a name.
    """
    kept = {name.lower() for name in (*columns.key, *replaceable)}
    return replace(columns, columns=_renamed(columns.columns, existing, stream, kept=kept))


def renamed_columns(before: TableColumns, after: TableColumns) -> list[str]:
    """Return which columns have got another name, each as a text that says both."""
    pairs = zip(walk(before.columns), walk(after.columns), strict=True)
    return [f"`{old.name}` is `{new.name}`" for old, new in pairs if old.name != new.name]


def _renamed(
    columns: Sequence[Column],
    existing: Sequence[SchemaField],
    place: str,
    *,
    kept: Collection[str] = (),
    in_array: bool = False,
) -> tuple[Column, ...]:
    by_name = {field.name.lower(): field for field in existing}

    def rename(column: Column) -> Column:
        field = by_name.get(column.name.lower())
        if field is None or column.kind is Kind.NULL or column.name.lower() in kept:
            return column
        if not fits(field, column, in_array=in_array):
            other = variant_name(column.name, _type_name(column))
            return rename(replace(column, name=other)) if other != column.name else column
        inner = _renamed(column.fields, field.fields, f"{place}.{column.source}", in_array=in_array or column.repeated)
        return replace(column, fields=inner)

    found = tuple(map(rename, columns))
    check_distinct(((column.source, column.name) for column in found), place)
    return found


def _type_name(column: Column) -> str:
    name = column.kind.lower()
    return f"array_{name}" if column.repeated else name
