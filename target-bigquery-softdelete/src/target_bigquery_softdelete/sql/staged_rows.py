"""The query for the rows that a statement writes: of all staged rows, the last of each key. Pure functions.

Aliases: `_etl_s` is the staged rows, `_etl_later` the present staging table beside earlier ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns
from target_bigquery_softdelete.schema.system_columns import ABSENT, PRESENT_ONLY, SEQUENCE
from target_bigquery_softdelete.sql.expressions import staged_value
from target_bigquery_softdelete.sql.identifiers import quote_column
from target_bigquery_softdelete.sql.source import DELETED_SQL, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

_NEWEST_FIRST = f"ORDER BY _etl_s.{quote_column(SEQUENCE)} DESC"


def staged_rows(source: Source, *, only_key: bool = False) -> str:
    """Return the query for the last staged row of each key, in the types of the table.

    Where absent properties keep their values, each column but those of the key is a STRUCT with a `value`: of the last
    record of the key that has the property. It is NULL if none has it.

    Args:
        source: The staged rows.
        only_key: Whether the other columns are not needed.
    """
    columns = source.columns.key_columns() if only_key else source.written
    flag = f"FALSE AS {quote_column(PRESENT_ONLY)}" if source.seen_key_tables else ""
    wraps = source.columns.keeps_absent and not only_key
    select = _key_values_in_table if only_key else _last_values_in_table if wraps else _all_values_in_table
    selected = select(source)
    lines = [*selected[:-1], f"{selected[-1]},", f"  {flag}"] if flag else selected
    lines.append(f"FROM {source.rows_sql} AS _etl_s")
    if source.columns.key:
        lines += ["WHERE TRUE", f"QUALIFY {_rank(source.columns)} = 1"]
    if wraps:
        lines.append(
            f"WINDOW _etl_latest AS (PARTITION BY {_key_values(source.columns)} {_NEWEST_FIRST} "
            "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
        )
    if source.seen_key_tables:
        lines += ["UNION ALL", _seen_keys(source, columns)]
    return "\n".join(lines)


def _key_values_in_table(source: Source) -> list[str]:
    return [
        "SELECT",
        *(
            f"  {staged_value(column, source)} AS {quote_column(column.name)},"
            for column in source.columns.key_columns()
        ),
        f"  _etl_s.{DELETED_SQL}",
    ]


def _all_values_in_table(source: Source) -> list[str]:
    """Return the SELECT of all columns. It names only those that it converts: a statement has a longest length."""
    values = ((quote_column(column.name), staged_value(column, source)) for column in source.written)
    converted = [f"    {value} AS {name}" for name, value in values if value != f"_etl_s.{name}"]
    left_out = [quote_column(column.name) for column in source.columns.columns if column not in source.written]
    lines = ["SELECT", f"  _etl_s.* EXCEPT ({', '.join([quote_column(SEQUENCE), *left_out])})"]
    return [*lines[:1], f"{lines[1]} REPLACE (", ",\n".join(converted), "  )"] if converted else lines


def _last_values_in_table(source: Source) -> list[str]:
    """Return the SELECT of all columns, each from the last record of a key that has the property."""
    values = [f"  {_last_value(column, source)} AS {quote_column(column.name)}," for column in source.written]
    return ["SELECT", *values, f"  _etl_s.{DELETED_SQL}"]


def _last_value(column: Column, source: Source) -> str:
    value = staged_value(column, source)
    if not source.wraps(column.name):
        return value
    position = source.columns.columns.index(column) + 1
    is_absent = f"SUBSTR(_etl_s.{quote_column(ABSENT)}, {position}, 1) = '1'"
    return f"FIRST_VALUE(IF({is_absent}, NULL, STRUCT({value} AS value)) IGNORE NULLS) OVER _etl_latest"


def _seen_keys(source: Source, columns: Sequence[Column]) -> str:
    """Return the query for the keys of the earlier staging tables that are not staged again.

    Each table is named once: BigQuery limits the length of a statement, and how much its parts may refer to each other.
    """
    values = [
        staged_value(column, source) if column.name in source.columns.key else f"CAST(NULL AS {_type(column, source)})"
        for column in columns
    ]
    fields = [f"{value} AS {quote_column(column.name)}" for value, column in zip(values, columns, strict=True)]
    key = ", ".join(map(quote_column, source.columns.key))
    same = " AND ".join(f"_etl_later.{quote_column(name)} = _etl_s.{quote_column(name)}" for name in source.columns.key)
    return "\n".join(
        [
            "SELECT",
            *(f"  {field}," for field in fields),
            f"  FALSE AS {DELETED_SQL},",
            f"  TRUE AS {quote_column(PRESENT_ONLY)}",
            "FROM (",
            "\n  UNION ALL\n".join(f"  SELECT {key} FROM {table.quoted}" for table in source.seen_key_tables),
            ") AS _etl_s",
            f"WHERE NOT EXISTS (SELECT 1 FROM {source.staging.quoted} AS _etl_later WHERE {same})",
            f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {_key_values(source.columns)}) = 1",
        ]
    )


def _rank(columns: TableColumns) -> str:
    return f"ROW_NUMBER() OVER (PARTITION BY {_key_values(columns)} {_NEWEST_FIRST})"


def _key_values(columns: TableColumns) -> str:
    return ", ".join(map(_partition_value, columns.key_columns()))


def _partition_value(column: Column) -> str:
    name = quote_column(column.name, of="_etl_s")
    # GoogleSQL does not partition by FLOAT64. As text, -0 and 0 would differ although they are equal: so add 0.
    return f"CAST({name} + 0 AS STRING)" if column.kind is Kind.FLOAT64 else name


def _type(column: Column, source: Source) -> str:
    kind = source.table_columns[column.name].sql_type
    return f"STRUCT<value {kind}>" if source.wraps(column.name) else kind
