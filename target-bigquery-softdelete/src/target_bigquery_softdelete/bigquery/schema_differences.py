"""Says in words how the schema of a table has changed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.bigquery.table_schema import column_of
from target_bigquery_softdelete.schema.system_columns import ETL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from google.cloud.bigquery import SchemaField


def schema_differences(before: Sequence[SchemaField], after: Sequence[SchemaField], path: str = "") -> Iterator[str]:
    """Yield a phrase for each column that is new, has gone, or has another type. Audit columns are not the source's.

    Args:
        before: The columns.
        after: The columns later.
        path: The record that they are in, with a dot behind it.
    """
    had = {field.name.lower(): field for field in before}
    has = {field.name.lower() for field in after}
    yield from (f"{path}{field.name} is gone" for field in before if field.name.lower() not in has)
    for field in after:
        name, old = f"{path}{field.name}", had.get(field.name.lower())
        if old is None and not name.startswith(ETL_PREFIX):
            yield f"new column {name} {_type(field)}"
        elif old is not None and field.fields and old.fields:
            yield from schema_differences(old.fields, field.fields, f"{name}.")
        elif old is not None and _type(old) != _type(field):
            yield f"{name} is {_type(field)}, and was {_type(old)}"


def _type(field: SchemaField) -> str:
    kind = str(column_of(field).sql_type)
    return "STRUCT" if field.fields and field.mode != "REPEATED" else kind
