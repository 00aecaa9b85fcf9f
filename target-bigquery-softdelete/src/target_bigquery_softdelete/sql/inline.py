"""Rows that travel in the statement itself, as one JSON text in the parameter `rows` STRING. Pure functions.

Every value is a text, so that no number is read as JSON: JSON has no NaN, and a reader of JSON may round what does not
fit a double. A row is an array of the values in the order of the columns; a STRUCT is an array that begins with "1"; a
value that is missing is null. :mod:`~target_bigquery_softdelete.records.inline_rows` writes the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.schema.columns import STAGED_AS_TEXT, Column, Kind
from target_bigquery_softdelete.schema.system_columns import ABSENT, DELETED, SEQUENCE
from target_bigquery_softdelete.sql.identifiers import quote_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_bigquery_softdelete.schema.columns import TableColumns

ROWS_PARAMETER = "rows"
"""The parameter of a statement that has the rows: STRING."""


ROWS_FROM = f"FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@{ROWS_PARAMETER}))) AS _etl_r WITH OFFSET AS _etl_position"
"""The FROM clause that yields the rows, in order."""


def inline_rows(columns: TableColumns) -> str:
    """Return the query for rows in the parameter `rows`, with the columns of a staging table.

    Args:
        columns: The columns of the stream, as they are staged.
    """
    count = len(columns.columns)
    deleted = f"IFNULL(JSON_VALUE(_etl_r, '$[{count}]') = '1', FALSE) AS {quote_column(DELETED)}"
    values = [*unpack(columns.columns), deleted, f"_etl_position AS {quote_column(SEQUENCE)}"]
    if columns.keeps_absent:
        values.append(f"JSON_VALUE(_etl_r, '$[{count + 1}]') AS {quote_column(ABSENT)}")
    return "\n".join(["SELECT", ",\n".join(f"  {value}" for value in values), ROWS_FROM])


def unpack(columns: Sequence[Column]) -> list[str]:
    """Return the values of a row, each with its name."""
    return [f"{_value('_etl_r', str(i), column, 1)} AS {quote_column(column.name)}" for i, column in _numbered(columns)]


def _numbered(columns: Sequence[Column], first: int = 0) -> list[tuple[int, Column]]:
    return list(enumerate(columns, first))


def _value(json: str, path: str, column: Column, depth: int) -> str:
    """Return the expression for a value.

    Args:
        json: Expression of a JSON array.
        path: Where in it the value is: positions, such as `3` or `3][1`.
        column: The column.
        depth: How many arrays are around it. It tells their aliases apart.
    """
    if not column.repeated:
        return _item(json, f"$[{path}]", column, depth)
    item, position = f"_etl_item_{depth}", f"_etl_position_{depth}"
    return (
        f"ARRAY(SELECT {_item(item, '$', column, depth + 1)} "
        f"FROM UNNEST(JSON_QUERY_ARRAY({json}, '$[{path}]')) AS {item} WITH OFFSET AS {position} ORDER BY {position})"
    )


def _item(json: str, path: str, column: Column, depth: int) -> str:
    if column.kind is Kind.STRUCT:
        inner = path.removeprefix("$").removeprefix("[").removesuffix("]")
        before = f"{inner}][" if inner else ""
        fields = ", ".join(
            f"{_value(json, f'{before}{i}', field, depth)} AS {quote_column(field.name)}"
            for i, field in _numbered(column.fields, 1)
        )
        return f"IF(JSON_VALUE({json}, '$[{before}0]') IS NULL, NULL, STRUCT({fields}))"
    text = f"JSON_VALUE({json}, '{path}')"
    if column.kind in STAGED_AS_TEXT or column.kind is Kind.STRING:
        return text
    if column.kind is Kind.TIMESTAMP:
        # Not as a text: that would be read by rules of its own.
        return f"TIMESTAMP_MICROS(CAST({text} AS INT64))"
    return f"CAST({text} AS {column.kind})"
