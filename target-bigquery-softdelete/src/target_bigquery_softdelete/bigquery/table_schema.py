"""Converts columns to BigQuery fields and back, and finds the changes that a table needs. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from google.cloud.bigquery import SchemaField

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import STAGED_AS_TEXT, Column, Kind, typed, walk
from target_bigquery_softdelete.schema.system_columns import ABSENT, DELETED, DELETED_AT, OPERATION, SEQUENCE, SYNCED
from target_bigquery_softdelete.sql.identifiers import quote_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.cloud.bigquery import Table

    from target_bigquery_softdelete.schema.columns import TableColumns

_STANDARD_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT", "DECIMAL": "NUMERIC"}

AUDIT_FIELDS = (
    SchemaField(OPERATION, "STRING", description="What last happened to the row: INSERT, UPDATE or DELETE"),
    SchemaField(SYNCED, "TIMESTAMP", description="When the row was last written (UTC)"),
)

_AUDIT_NAMES = {field.name for field in AUDIT_FIELDS}

STAGING_FIELDS = (SchemaField(SEQUENCE, "INT64"), SchemaField(DELETED, "BOOL"))

ABSENT_FIELD = SchemaField(ABSENT, "STRING")

_WIDENINGS: dict[str, set[str]] = {
    "INT64": {"NUMERIC", "BIGNUMERIC", "FLOAT64"},
    "NUMERIC": {"BIGNUMERIC", "FLOAT64"},
    "BIGNUMERIC": {"FLOAT64"},
}
"""To which types BigQuery widens a column in place
(https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#details_21)."""


_NO_TABLES = {
    "VIEW": "a view, which has no rows of its own",
    "MATERIALIZED_VIEW": "a materialized view, whose rows BigQuery derives from another table",
    "EXTERNAL": "an external table, whose rows are in files that BigQuery only reads",
    "SNAPSHOT": "a snapshot of a table, which cannot be changed",
}
"""Types of BigQuery's tables that take no rows, and why."""


@dataclass(frozen=True)
class SchemaChange:
    """The changes that a table needs before it can take the rows of a stream."""

    fields: tuple[SchemaField, ...]
    """The schema of the table with the missing columns added."""
    added: tuple[str, ...]
    """Paths of the new columns."""
    widened: tuple[Column, ...]
    """Columns that get a wider type."""
    relaxed: tuple[str, ...]
    """Paths of columns that were REQUIRED and become NULLABLE: a source promises no values."""
    adopted: bool
    """Whether the table lacks the audit columns because something else created it."""


def table_fields(columns: Sequence[Column]) -> list[SchemaField]:
    """Return the schema of a new table."""
    return [*map(field_of, typed(columns)), *AUDIT_FIELDS]


def staging_fields(columns: TableColumns) -> list[SchemaField]:
    """Return the schema of a staging table: JSON and BYTES columns are text there."""
    absent = [ABSENT_FIELD] if columns.keeps_absent else []
    return [*(field_of(column, staged=True) for column in columns.columns), *STAGING_FIELDS, *absent]


def field_of(column: Column, *, staged: bool = False) -> SchemaField:
    """Return the BigQuery field of a column."""
    kind = Kind.STRING if staged and column.kind in STAGED_AS_TEXT else column.kind
    fields = tuple(field_of(field, staged=staged) for field in column.fields)
    mode = "REPEATED" if column.repeated else "NULLABLE"
    if staged or not column.description:
        return SchemaField(column.name, str(kind), mode=mode, fields=fields)
    return SchemaField(column.name, str(kind), mode=mode, fields=fields, description=column.description)


def column_of(field: SchemaField) -> Column:
    """Return the column of a BigQuery field."""
    name = _standard_name(field)
    known = name in Kind.__members__
    return Column(
        source=field.name,
        name=field.name,
        kind=Kind(name) if known else Kind.STRING,
        repeated=field.mode == "REPEATED",
        fields=tuple(map(column_of, field.fields)),
        foreign="" if known else name,
        description=field.description or "",
    )


def _standard_name(field: SchemaField) -> str:
    element = field.range_element_type
    if element:
        return f"RANGE<{element.element_type}>"
    return _STANDARD_NAMES.get(field.field_type, field.field_type)


def has_audit_columns(table: Table) -> bool:
    """Return whether a table has the columns in which this target says what happened to a row."""
    return {field.name.lower() for field in table.schema} >= _AUDIT_NAMES


def has_deletion_times(fields: Sequence[SchemaField]) -> bool:
    """Return whether a table has a column `_sdc_deleted_at`, from another target, that can hold times."""
    return any(
        field.name.lower() == DELETED_AT
        and field.mode != "REPEATED"
        and _standard_name(field) in {"TIMESTAMP", "DATETIME", "DATE", "STRING"}
        for field in fields
    )


def no_table(table: Table) -> str:
    """Return why no rows can be written into this kind of table, or an empty text when they can."""
    if table.table_type == "TABLE":
        return ""
    return _NO_TABLES.get(table.table_type, f"of the type {table.table_type}, not a table")


def partition_column(table: Table) -> str:
    """Return the column by which a table is partitioned, or an empty text when it is by none."""
    partitioning = table.range_partitioning or table.time_partitioning
    return (partitioning and partitioning.field) or ""


def partition_order(table: Table) -> str:
    """Return the expression by which two rows of a table are in one partition; empty if no column partitions it."""
    column, by_range = partition_column(table), table.range_partitioning
    if not column:
        return ""
    if by_range:
        return f"FLOOR(({quote_column(column)} - {int(by_range.range_.start)}) / {int(by_range.range_.interval)})"
    return f"TIMESTAMP_TRUNC(TIMESTAMP({quote_column(column)}), {table.time_partitioning.type_})"


def primary_key(table: Table) -> tuple[str, ...]:
    """Return the columns of the primary key that a table declares; none when it declares none."""
    constraints = table.table_constraints
    return tuple(constraints.primary_key.columns) if constraints and constraints.primary_key else ()


def required_filter(table: Table) -> str:
    """Return the column by which a table requires every statement to filter, or an empty text."""
    return (partition_column(table) or "_PARTITIONTIME") if table.require_partition_filter else ""


def change(existing: Sequence[SchemaField], columns: Sequence[Column], *, table: str) -> SchemaChange:
    """Return the changes that a table needs to take rows with these columns.

    Args:
        existing: The schema of the table.
        columns: The columns of the stream.
        table: Name of the table, for errors.

    Raises:
        PluginError: If BigQuery cannot change a column to the type that it needs.
    """
    merger = _Merger(table)
    merger.check_audit(existing)
    fields = merger.merge(existing, columns, path="")
    names = {field.name.lower() for field in existing}
    missing = tuple(field for field in AUDIT_FIELDS if field.name not in names)
    return SchemaChange(
        fields=(*fields, *missing),
        added=tuple(merger.added),
        widened=tuple(merger.widened_columns(fields)),
        relaxed=tuple(merger.relaxed),
        adopted=bool(missing),
    )


def fits(field: SchemaField, column: Column, *, in_array: bool) -> bool:
    """Return whether a field of a table takes the values of a column, after it is widened if need be.

    The fields of two STRUCTs may still not fit.

    Args:
        field: The field.
        column: A column that has a type.
        in_array: Whether it is nested in an array, of which BigQuery converts no elements.
    """
    if (field.mode == "REPEATED") != column.repeated:
        return False
    have = _standard_name(field)
    widest = _widest(have, str(column.kind))
    return widest is not None and (widest == have or not (in_array or column.repeated))


def json_columns_of_other_types(existing: Sequence[SchemaField], columns: Sequence[Column]) -> list[str]:
    """Return the names of the JSON columns of a table for which the stream has another type."""
    by_name = {column.name.lower(): column for column in columns}
    return [
        field.name
        for field in existing
        if _standard_name(field) == "JSON"
        and field.mode != "REPEATED"
        and (column := by_name.get(field.name.lower()))
        and (column.kind not in {Kind.JSON, Kind.NULL} or column.repeated)
    ]


def columns_in_table(table: Table, columns: Sequence[Column]) -> dict[str, Column]:
    """Return the columns of a stream as a table has them, by name.

    Left out are columns that can only be NULL, if the table lacks them or never gets such values from this target.
    """
    have = {field.name.lower(): column_of(field) for field in table.schema}
    found = ((column, have[column.name.lower()]) for column in columns if column.name.lower() in have)
    return {
        column.name: in_table
        for column, in_table in found
        if column.kind is not Kind.NULL or not any(each.foreign for each in walk([in_table]))
    }


class _Merger:
    """Merges two schemas and notes the changes."""

    def __init__(self, table: str) -> None:
        self._table = table
        self.added: list[str] = []
        self.relaxed: list[str] = []
        self._in_array = 0
        self._wider: dict[str, Kind] = {}
        """Paths of the columns that get a wider type, and the type."""

    def check_audit(self, existing: Sequence[SchemaField]) -> None:
        """Refuse a table whose audit columns have other types than ours."""
        ours = {field.name: field for field in AUDIT_FIELDS}
        for field in existing:
            wanted = ours.get(field.name.lower())
            if wanted and (_standard_name(field), field.mode == "REPEATED") != (wanted.field_type, False):
                raise PluginError(
                    f"{self._table}: the column `{field.name}` is {_describe(field)}, and this target keeps its own "
                    f"{wanted.field_type} in a column of that name. Rename the column."
                )

    def merge(self, existing: Sequence[SchemaField], wanted: Sequence[Column], path: str) -> list[SchemaField]:
        by_name = {column.name.lower(): column for column in wanted}
        fields = [
            self.merge_field(field, by_name[field.name.lower()], path) if field.name.lower() in by_name else field
            for field in (self.relax(field, path) for field in existing)
        ]
        known = {field.name.lower() for field in existing}
        new = [field_of(column) for column in typed(wanted) if column.name.lower() not in known]
        self.added += [f"{path}{field.name}" for field in new]
        return [*fields, *new]

    def relax(self, field: SchemaField, path: str) -> SchemaField:
        if field.mode != "REQUIRED" or field.name.lower() in _AUDIT_NAMES:
            return field
        self.relaxed.append(f"{path}{field.name}")
        return SchemaField.from_api_repr(field.to_api_repr() | {"mode": "NULLABLE"})

    def merge_field(self, existing: SchemaField, column: Column, path: str) -> SchemaField:
        if column.kind is Kind.NULL:
            return existing
        wanted = field_of(column)
        if not fits(existing, column, in_array=bool(self._in_array)):
            raise self._error(existing, wanted, path)
        have, want = _standard_name(existing), wanted.field_type
        if have == want == "STRUCT":
            self._in_array += existing.mode == "REPEATED"
            fields = self.merge(existing.fields, column.fields, f"{path}{existing.name}.")
            self._in_array -= existing.mode == "REPEATED"
            # Through the API's form, so that the descriptions and policy tags of the table stay.
            return SchemaField.from_api_repr(
                existing.to_api_repr() | {"fields": [field.to_api_repr() for field in fields]}
            )
        widest = _widest(have, want) or have
        if widest != have or _is_limited(existing):
            self._wider[f"{path}{existing.name}"] = Kind(widest)
        return existing

    def widened_columns(self, fields: Sequence[SchemaField]) -> list[Column]:
        """Return the columns of the table that get a wider type, whole: BigQuery changes no nested field alone."""
        tops = {path.partition(".")[0] for path in self._wider}
        return [self._widen(column_of(field), "") for field in fields if field.name in tops]

    def _widen(self, column: Column, path: str) -> Column:
        here = f"{path}{column.name}"
        fields = tuple(self._widen(field, f"{here}.") for field in column.fields)
        return replace(column, kind=self._wider.get(here, column.kind), fields=fields)

    def _error(self, existing: SchemaField, wanted: SchemaField, path: str) -> PluginError:
        return PluginError(
            f"{self._table}: the column `{path}{existing.name}` is {_describe(existing)}, but the stream has "
            f"{_describe(wanted)}. BigQuery cannot convert between these types: rename the column, set "
            "`on_type_change` to `new_column`, or map the property to another name with a stream map."
        )


def _widest(have: str, want: str) -> str | None:
    """Return the type that holds the values of both, or nothing when BigQuery cannot change the first type to it."""
    if have == want or have in _WIDENINGS.get(want, ()) or (have, want) == ("STRING", "BYTES"):
        return have  # text holds bytes as base64
    return want if want in _WIDENINGS.get(have, ()) else None


def _is_limited(field: SchemaField) -> bool:
    """Whether a column takes only some values of its type, as a STRING(10) or NUMERIC(8, 2) does."""
    return field.max_length is not None or field.precision is not None


def _describe(field: SchemaField) -> str:
    name = _standard_name(field)
    return f"ARRAY<{name}>" if field.mode == "REPEATED" else name
