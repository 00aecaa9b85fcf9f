"""What tables and columns say about themselves: the descriptions and foreign keys that a table is to get. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from google.cloud.bigquery import SchemaField, TableReference
from google.cloud.bigquery.table import ColumnReference, ForeignKey

from target_bigquery_softdelete.bigquery.table_layout import clusterable
from target_bigquery_softdelete.bigquery.table_schema import column_of, primary_key
from target_bigquery_softdelete.schema.descriptions import may_replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from google.cloud.bigquery import Table

    from target_bigquery_softdelete.schema.columns import Column

DESCRIBED_LABEL = "described"
"""Label with a digest of what the table was last made to say about itself. It comes with the list of tables, so nothing
is asked while there is nothing new to say."""

OWN_KEY_PREFIX = "etl_"
"""How the names of this target's foreign keys begin. Others stay as they are."""

_OWN_TEXT = re.compile(r"(Stream .+|Every version of the rows of .+), written by target-bigquery-softdelete[^,]*$")


def digest(*parts: object) -> str:
    """Return what stands for descriptions and keys, as the value of a label."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def texts_of(columns: Iterable[Column], above: str = "") -> list[tuple[str, str]]:
    """Return the path and the description of every column that has one, nested ones included."""
    found: list[tuple[str, str]] = []
    for column in columns:
        path = f"{above}{column.name}"
        found += [(path, column.description)] if column.description else []
        found += texts_of(column.fields, f"{path}.")
    return found


def with_descriptions(
    fields: Sequence[SchemaField], source: Iterable[SchemaField], *, replaces: bool
) -> tuple[SchemaField, ...]:
    """Return the fields of a table with the descriptions of others that have the same names.

    Args:
        fields: The fields of the table.
        source: Fields with the descriptions.
        replaces: Whether they also replace what people have written.
    """
    wanted = {field.name.lower(): field for field in source}
    return tuple(
        _described(field, wanted[field.name.lower()], replaces=replaces) if field.name.lower() in wanted else field
        for field in fields
    )


def _described(field: SchemaField, wanted: SchemaField, *, replaces: bool) -> SchemaField:
    known = dict(field.to_api_repr())  # through the API's form, so that policy tags and the like stay
    inner = with_descriptions(field.fields, wanted.fields, replaces=replaces)
    if inner != tuple(field.fields):
        known["fields"] = [each.to_api_repr() for each in inner]
    text = wanted.description
    if text and (replaces or may_replace(field.description or "", text)):
        known["description"] = text
    return SchemaField.from_api_repr(known)


def without_descriptions(fields: Iterable[SchemaField]) -> list[SchemaField]:
    """Return fields of a new table without the descriptions that the stream has for them."""
    return [
        SchemaField(field.name, field.field_type, mode=field.mode, fields=without_descriptions(field.fields))
        for field in fields
    ]


def new_text(present: str | None, wanted: str, *, replaces: bool) -> str | None:
    """Return the description that a table is to have.

    Args:
        present: The one that it has.
        wanted: The one that the stream has.
        replaces: Whether it also replaces what people have written.
    """
    return wanted if replaces or not present or _OWN_TEXT.search(present) else present


def referring_columns(columns: Iterable[Column], table: str) -> list[tuple[Column, str, str]]:
    """Return the columns that may be foreign keys, each with the table and the column that it refers to.

    Only those that refer to one column of another table, outside of arrays and STRUCTs, of a type that keys have.

    Args:
        columns: The columns of the stream.
        table: Name of its table.
    """
    return [
        (column, *column.references[0])
        for column in columns
        if len(column.references) == 1 and column.references[0][0] != table
        if clusterable(column) and not column.repeated
    ]


def is_key(table: Table, name: str, kind: str) -> bool:
    """Return whether a column, of a type, is the whole primary key of a table."""
    kinds = {field.name.lower(): str(column_of(field).kind) for field in table.schema}
    return primary_key(table) == (name,) and kinds.get(name.lower()) == kind


def foreign_keys(table: Table, keys: Mapping[str, tuple[TableReference, str]]) -> list[ForeignKey]:
    """Return the foreign keys that a table is to have: those of others, and these of this target.

    Args:
        table: The table.
        keys: By the name of the column, the table and the column that it refers to.
    """
    present = table.table_constraints
    others = [key for key in (present and present.foreign_keys) or () if not key.name.startswith(OWN_KEY_PREFIX)]
    own = [
        ForeignKey(f"{OWN_KEY_PREFIX}{name}", to, [ColumnReference(name, column)])
        for name, (to, column) in sorted(keys.items())
    ]
    return [*others, *own]
