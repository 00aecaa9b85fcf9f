"""Expressions for the value of one column: as the table stores it, as it is compared, as it is updated. Pure functions.

Aliases: `_etl_t` is the target table, `_etl_s` the staged rows. No column of a stream has such a name, and an alias
that is named like a column would hide it: `SET t = s.t` sets, with an alias `t`, the whole row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.schema.columns import STAGED_AS_TEXT, Column, Kind
from target_bigquery_softdelete.sql.identifiers import quote_column

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_bigquery_softdelete.sql.source import Source


def staged_value(staged: Column, source: Source) -> str:
    """Return the expression that gives a staged value the type of the table's column."""
    return _convert(quote_column(staged.name, of="_etl_s"), staged, source.table_columns[staged.name], depth=1)


def comparable_value(alias: str, column: Column, source: Source) -> str:
    """Return the expression to compare a value by: of a nested one, only the fields that the stream has."""
    name = source.staged(column) if alias == "_etl_s" else quote_column(column.name, of=alias)
    wanted = source.table_columns[column.name]
    column = wanted if column.kind is Kind.NULL else column
    if column.comparable:
        return name
    # BigQuery has no equality for ARRAY, STRUCT and JSON. Their JSON texts are equal when the values are.
    if _lacks_fields(column, wanted):
        return f"TO_JSON_STRING({_restrict(name, column, wanted, depth=1)})"
    # A row that is older than an array column has NULL there, which means the same as an empty array.
    return f"TO_JSON_STRING(IFNULL({name}, []))" if column.repeated else f"TO_JSON_STRING({name})"


def updated_value(column: Column, source: Source) -> str:
    """Return the new value of a column in an UPDATE: the staged one, with the nested fields that only the table has."""
    name = quote_column(column.name)
    value = _keep_table_fields(source.staged(column), f"_etl_t.{name}", column, source.table_columns[column.name])
    return f"IF(_etl_s.{name} IS NULL, _etl_t.{name}, {value})" if source.wraps(column.name) else value


def _convert(expression: str, staged: Column, wanted: Column, depth: int) -> str:
    """Return the expression that turns a staged value into the type of the table's column."""
    if staged.kind is Kind.NULL:
        return _missing_value(wanted)
    if not _needs_conversion(staged, wanted):
        return expression
    if not staged.repeated:
        return _convert_item(expression, staged, wanted, depth)
    return _for_each(expression, lambda item: _convert_item(item, staged, wanted, depth + 1), depth)


def _for_each(array: str, value_of: Callable[[str], str], depth: int) -> str:
    item, position = f"_etl_item_{depth}", f"_etl_position_{depth}"
    value = value_of(item)
    return f"ARRAY(SELECT {value} FROM UNNEST({array}) AS {item} WITH OFFSET AS {position} ORDER BY {position})"


def _convert_item(expression: str, staged: Column, wanted: Column, depth: int) -> str:
    if staged.kind is Kind.STRUCT:
        values = [
            _convert(f"{expression}.{quote_column(field.name)}", have, field, depth) if have else _missing_value(field)
            for have, field in _pair_fields(staged, wanted)
        ]
        named = [f"{value} AS {quote_column(field.name)}" for value, field in zip(values, wanted.fields, strict=True)]
        return f"IF({expression} IS NULL, NULL, STRUCT({', '.join(named)}))"
    if staged.kind is Kind.JSON:
        # `round` accepts a double that has no short decimal form, such as 1e23.
        return f"PARSE_JSON({expression}, wide_number_mode => 'round')"
    if staged.kind is Kind.BYTES and wanted.kind is Kind.STRING:
        return expression  # bytes are staged as base64 text
    if staged.kind is Kind.BYTES:
        return f"FROM_BASE64({expression})"
    if wanted.kind is Kind.INT64 and staged.kind is not Kind.INT64:
        # By way of a text, which must be that of an integer: a number with a fraction would be rounded.
        return f"CAST(CAST({expression} AS STRING) AS INT64)"
    return f"CAST({expression} AS {wanted.kind})"


def _missing_value(wanted: Column) -> str:
    # BigQuery stores a NULL array as an empty one. A NULL would therefore differ from the stored value in every run.
    return f"{wanted.sql_type}[]" if wanted.repeated else f"CAST(NULL AS {wanted.sql_type})"


def _needs_conversion(staged: Column, wanted: Column) -> bool:
    """Whether a staged value must be rebuilt: some types are staged as text, and fields may come in another order."""
    if staged.kind in STAGED_AS_TEXT or staged.kind is not wanted.kind or len(staged.fields) != len(wanted.fields):
        return True
    pairs = zip(staged.fields, wanted.fields, strict=True)
    return any(have.name.lower() != want.name.lower() or _needs_conversion(have, want) for have, want in pairs)


def _lacks_fields(staged: Column, wanted: Column) -> bool:
    """Whether the table has a nested field that the stream does not have."""
    if staged.kind is Kind.NULL:
        return False
    return any(have is None or _lacks_fields(have, want) for have, want in _pair_fields(staged, wanted))


def _pair_fields(staged: Column, wanted: Column) -> list[tuple[Column | None, Column]]:
    """Return the fields of the table's STRUCT, each with the stream's field of that name if there is one."""
    by_name = {field.name.lower(): field for field in staged.fields}
    return [(by_name.get(field.name.lower()), field) for field in wanted.fields]


def _restrict(expression: str, staged: Column, wanted: Column, depth: int) -> str:
    """Return the expression that reduces a nested value of the table to the fields that the stream has."""
    if not _lacks_fields(staged, wanted):
        return expression
    if not staged.repeated:
        return _restrict_item(expression, staged, wanted, depth)
    return _for_each(expression, lambda item: _restrict_item(item, staged, wanted, depth + 1), depth)


def _restrict_item(expression: str, staged: Column, wanted: Column, depth: int) -> str:
    fields = [
        f"{_restrict(f'{expression}.{name}', have, want, depth)} AS {name}"
        for have, want, name in ((have, want, quote_column(want.name)) for have, want in _pair_fields(staged, wanted))
        if have
    ]
    return f"IF({expression} IS NULL, NULL, STRUCT({', '.join(fields)}))"


def _keep_table_fields(staged_value: str, table_value: str, staged: Column, wanted: Column) -> str:
    """Return the staged value, completed with the fields of a STRUCT that only the table has.

    An array is replaced as a whole: its elements have no key by which to match them.
    """
    if staged.repeated or not _lacks_fields(staged, wanted):
        return staged_value
    values = [
        _keep_table_fields(f"{staged_value}.{name}", f"{table_value}.{name}", have, want)
        if have
        else f"{table_value}.{name}"
        for have, want, name in ((have, want, quote_column(want.name)) for have, want in _pair_fields(staged, wanted))
    ]
    named = [f"{value} AS {quote_column(field.name)}" for value, field in zip(values, wanted.fields, strict=True)]
    return f"IF({staged_value} IS NULL, NULL, STRUCT({', '.join(named)}))"
