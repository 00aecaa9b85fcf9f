"""Between our columns and the schema of a BigQuery table, and what must change when they differ. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.cloud.bigquery import SchemaField

from plugin_runtime import PluginError
from target_bigquery_softdelete.arrow import DELETED, SEQUENCE
from target_bigquery_softdelete.columns import Column, Kind
from target_bigquery_softdelete.naming import OPERATION, SYNCED

if TYPE_CHECKING:
    from collections.abc import Sequence

_STANDARD_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT", "DECIMAL": "NUMERIC"}

AUDIT_FIELDS = (
    SchemaField(OPERATION, "STRING", description="What last happened to the row: INSERT, UPDATE or DELETE"),
    SchemaField(SYNCED, "TIMESTAMP", description="When the row was last written (UTC)"),
)

_AUDIT_NAMES = {field.name for field in AUDIT_FIELDS}

STAGING_FIELDS = (SchemaField(SEQUENCE, "INT64"), SchemaField(DELETED, "BOOL"))

_WIDENINGS: dict[str, set[str]] = {
    "INT64": {"NUMERIC", "BIGNUMERIC", "FLOAT64"},
    "NUMERIC": {"BIGNUMERIC", "FLOAT64"},
    "BIGNUMERIC": {"FLOAT64"},
}
"""To which types BigQuery widens a column in place
(https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#details_21)."""

_CLUSTERABLE = {Kind.INT64, Kind.STRING, Kind.BOOL, Kind.DATE, Kind.TIMESTAMP, Kind.NUMERIC, Kind.BIGNUMERIC}
_MOST_CLUSTERING_COLUMNS = 4


@dataclass(frozen=True)
class SchemaChange:
    """What a table needs before the rows of a stream fit into it."""

    fields: tuple[SchemaField, ...]
    """The schema of the table with what is missing added."""
    added: tuple[str, ...]
    """Paths of the new columns."""
    widened: tuple[Column, ...]
    """Columns that get a wider type."""
    relaxed: tuple[str, ...]
    """Paths of columns that may be NULL from now on: BigQuery had them as REQUIRED, and a source promises nothing."""
    adopted: bool
    """Whether the table lacked the audit columns: something else made it."""


def table_fields(columns: Sequence[Column]) -> list[SchemaField]:
    """Return the schema of a new table."""
    return [*map(field_of, columns), *AUDIT_FIELDS]


def staging_fields(columns: Sequence[Column]) -> list[SchemaField]:
    """Return the schema of a staging table: JSON columns are text there."""
    return [*(field_of(column, staged=True) for column in columns), *STAGING_FIELDS]


def field_of(column: Column, *, staged: bool = False) -> SchemaField:
    """Return the BigQuery field of a column."""
    kind = Kind.STRING if staged and column.kind is Kind.JSON else column.kind
    fields = tuple(field_of(field, staged=staged) for field in column.fields)
    return SchemaField(column.name, str(kind), mode="REPEATED" if column.repeated else "NULLABLE", fields=fields)


def column_of(field: SchemaField) -> Column | None:
    """Return the column of a BigQuery field, or nothing when it has a type that this target never writes."""
    name = _STANDARD_NAMES.get(field.field_type, field.field_type)
    if name not in Kind.__members__:
        return None
    fields = [column_of(inner) for inner in field.fields]
    return Column(
        source=field.name,
        name=field.name,
        kind=Kind(name),
        repeated=field.mode == "REPEATED",
        fields=tuple(inner for inner in fields if inner),
    )


def clustering(key: Sequence[Column]) -> list[str]:
    """Return the columns that a new table is clustered by: those of its key, as far as BigQuery can."""
    return [column.name for column in key if column.kind in _CLUSTERABLE][:_MOST_CLUSTERING_COLUMNS]


def change(existing: Sequence[SchemaField], columns: Sequence[Column], *, table: str) -> SchemaChange:
    """Return what must change so that rows with these columns fit into the table.

    Args:
        existing: The schema of the table.
        columns: The columns of the stream.
        table: Name of the table, for errors.

    Raises:
        PluginError: If a column has a type that cannot become the one that it needs.
    """
    merger = _Merger(table)
    fields = merger.merged(existing, [field_of(column) for column in columns], path="")
    names = {field.name.lower() for field in existing}
    missing = tuple(field for field in AUDIT_FIELDS if field.name not in names)
    return SchemaChange(
        fields=(*fields, *missing),
        added=tuple(merger.added),
        widened=tuple(merger.widened),
        relaxed=tuple(merger.relaxed),
        adopted=bool(missing),
    )


class _Merger:
    """Merges two schemas and notes what it did."""

    def __init__(self, table: str) -> None:
        self._table = table
        self.added: list[str] = []
        self.widened: list[Column] = []
        self.relaxed: list[str] = []

    def merged(self, existing: Sequence[SchemaField], wanted: Sequence[SchemaField], path: str) -> list[SchemaField]:
        by_name = {field.name.lower(): field for field in wanted}
        fields = [
            self.field(field, by_name[field.name.lower()], path) if field.name.lower() in by_name else field
            for field in (self.nullable(field, path) for field in existing)
        ]
        known = {field.name.lower() for field in existing}
        new = [field for field in wanted if field.name.lower() not in known]
        self.added += [f"{path}{field.name}" for field in new]
        return [*fields, *new]

    def nullable(self, field: SchemaField, path: str) -> SchemaField:
        if field.mode != "REQUIRED" or field.name in _AUDIT_NAMES:
            return field
        self.relaxed.append(f"{path}{field.name}")
        return SchemaField.from_api_repr(field.to_api_repr() | {"mode": "NULLABLE"})

    def field(self, existing: SchemaField, wanted: SchemaField, path: str) -> SchemaField:
        if (existing.mode == "REPEATED") != (wanted.mode == "REPEATED"):
            raise self._error(existing, wanted, path)
        have = _STANDARD_NAMES.get(existing.field_type, existing.field_type)
        want = wanted.field_type
        if have == want == "STRUCT":
            fields = self.merged(existing.fields, wanted.fields, f"{path}{existing.name}.")
            # Through the API's form, so that the descriptions and policy tags of the table stay.
            return SchemaField.from_api_repr(existing.to_api_repr() | {"fields": [one.to_api_repr() for one in fields]})
        if have == want or have in _WIDENINGS.get(want, ()):
            return existing  # the table's type takes every value of the stream's
        if want in _WIDENINGS.get(have, ()) and not path:
            self.widened.append(Column(existing.name, existing.name, Kind(want), existing.mode == "REPEATED"))
            return existing
        raise self._error(existing, wanted, path)

    def _error(self, existing: SchemaField, wanted: SchemaField, path: str) -> PluginError:
        return PluginError(
            f"{self._table}: the column `{path}{existing.name}` is {_shown(existing)}, but the stream has "
            f"{_shown(wanted)}. BigQuery cannot change the one into the other: rename the column, "
            "or map the property to another name with a stream map."
        )


def _shown(field: SchemaField) -> str:
    name = _STANDARD_NAMES.get(field.field_type, field.field_type)
    return f"ARRAY<{name}>" if field.mode == "REPEATED" else name
