"""Turns the JSON Schema of a stream into the columns of its table. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import DECIMAL_KINDS, Column, Kind, TableColumns, walk
from target_bigquery_softdelete.schema.decimals import (
    EXACT_FORMATS,
    decimal_kind,
    declared_decimals,
    exceeds_int64,
    is_exact,
)
from target_bigquery_softdelete.schema.descriptions import column_text
from target_bigquery_softdelete.schema.json_schema import JsonSchema, allows_only_null, simplify, types_of
from target_bigquery_softdelete.schema.naming import ColumnNaming, check_distinct, column_name, table_name, unique_names
from target_bigquery_softdelete.schema.system_columns import EXTRA, SDK_PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Sequence

DEEPEST_NESTING = 15
"""Levels of STRUCT that BigQuery allows (https://cloud.google.com/bigquery/docs/nested-repeated#limitations)."""

MOST_COLUMNS = 10_000
"""Columns that a BigQuery table may have (https://cloud.google.com/bigquery/quotas#standard_tables)."""

REFERENCES = "x-references"
"""Annotation of a property: the properties, as `stream.property`, of which its value is one."""


@dataclass(frozen=True)
class ColumnRules:
    """What the settings say about the columns of every stream."""

    naming: ColumnNaming = "snake_case"
    """How to make column names from property names."""
    keep_extra: bool = False
    """Whether to add a column for the properties that the schema does not list."""
    keep_absent: bool = False
    """Whether properties that a record lacks keep the values that its row has. Only with a key."""
    parse_json_text: bool = True
    """Whether a text in the column of an object without properties is parsed if it is itself JSON."""
    round_noise: bool = True
    """Whether digits of decimals that are a double's noise are rounded to those that the schema declares."""
    binary_as_text: bool = False
    """Whether binary values stay text, as they are in the records."""
    times_as_text: bool = False
    """Whether times of day are text, so that durations fit, too."""


def table_columns(
    schema: JsonSchema,
    key_properties: Sequence[str],
    *,
    stream: str,
    rules: ColumnRules | None = None,
) -> TableColumns:
    """Return the columns of a stream.

    Args:
        schema: The JSON Schema of the SCHEMA message.
        key_properties: Source names of the key.
        stream: Name of the stream, for errors.
        rules: What the settings say about it.

    Raises:
        PluginError: If the schema is not that of an object, if two names collide, if the columns exceed BigQuery's
            limits, or if a key property is missing or not a scalar.
    """
    if not isinstance(schema.get("properties"), dict):
        raise PluginError(f"{stream}: the schema has no `properties` object, so the table has no columns.")
    rules = rules or ColumnRules()
    reader = _SchemaReader(schema, rules, stream)
    columns = reader.fields(schema["properties"], stream, ())
    if rules.keep_extra or lists_nothing(schema):
        columns = (*columns, _extra_column(columns))
    if sum(1 for _ in walk(columns)) > MOST_COLUMNS:
        raise PluginError(f"{stream}: the schema has more than {MOST_COLUMNS} columns. Deselect some in the tap.")
    key = tuple(_key_column(name, columns, stream).name for name in key_properties)
    columns = tuple(_as_key(column) if column.name in key else column for column in columns)
    return TableColumns(columns, key, rules.keep_absent and bool(key), _description(schema))


def lists_nothing(schema: JsonSchema) -> bool:
    """Return whether a schema lists no property, and allows any. Of its records nothing would be left."""
    return not schema["properties"] and schema.get("additionalProperties") is not False


def suffixed(columns: Sequence[Column]) -> list[str]:
    """Return which properties have a suffix in their column's name, each as a text that says both."""
    return [
        f"`{each.source}` is `{each.name}`"
        for each in walk(columns)
        if each.name not in {EXTRA, column_name(each.source, "unique")}
    ]


def _extra_column(columns: Sequence[Column]) -> Column:
    source, taken = EXTRA, {column.source for column in columns}
    while source in taken:
        source += "_"
    return Column(source, EXTRA, Kind.JSON)


def _key_column(source: str, columns: Sequence[Column], stream: str) -> Column:
    for column in columns:
        if column.source == source:
            if column.comparable:
                return column
            if column.kind is Kind.NULL:
                raise PluginError(f"{stream}: the key property `{source}` can only be null. A key must have a value.")
            raise PluginError(f"{stream}: the key property `{source}` is {column.sql_type}. A key must be a scalar.")
    if source in SDK_PROPERTIES:
        raise PluginError(
            f"{stream}: the key property `{source}` says how a tap has read a record, and has no column. Give it "
            "another name with a stream map, or set another key with `__key_properties__`."
        )
    raise PluginError(f"{stream}: the key property `{source}` is not in the schema.")


def _as_key(column: Column) -> Column:
    """Return a column of the key. It is never rounded or decoded: two keys could become one."""
    return replace(column, decimals=None, kind=Kind.STRING if column.kind is Kind.BYTES else column.kind)


_Properties = dict[str, Any]
"""The `properties` of an object."""


class _SchemaReader:
    """Reads one schema. It holds what all levels share: the definitions and the rules."""

    def __init__(self, root: JsonSchema, rules: ColumnRules, stream: str) -> None:
        self._root = root
        self._rules = rules
        self._stream = stream
        times, binary = {Kind.TIME} if rules.times_as_text else set(), {Kind.BYTES} if rules.binary_as_text else set()
        self._as_text = times | binary

    def fields(self, properties: _Properties, place: str, above: tuple[_Properties, ...]) -> tuple[Column, ...]:
        path = (*above, properties)
        columns = tuple(self.column(name, schema, place, path) for name, schema in properties.items())
        if self._rules.naming == "unique":
            names = unique_names(properties)
            columns = tuple(replace(column, name=names[column.source]) for column in columns)
        check_distinct(((column.source, column.name) for column in columns), place)
        return columns

    def column(self, source: str, schema: object, place: str, path: tuple[_Properties, ...]) -> Column:
        resolved = simplify(schema, self._root)
        column = self.typed_column(source, resolved, place, path)
        references = self.references(schema) or self.references(resolved)
        own_path = f"{place}.{source}".removeprefix(f"{self._stream}.")
        text = column_text(_description(schema) or _description(resolved), references, own_path)
        return replace(column, description=text, references=references)

    def references(self, schema: object) -> tuple[tuple[str, str], ...]:
        """Return the columns that a property refers to, each with its table."""
        named = schema.get(REFERENCES) if isinstance(schema, dict) else None
        pairs = [text.rpartition(".") for text in named or () if isinstance(text, str)]
        return tuple((table_name(stream), column_name(name, self._rules.naming)) for stream, dot, name in pairs if dot)

    def typed_column(self, source: str, schema: JsonSchema, place: str, path: tuple[_Properties, ...]) -> Column:
        name = column_name(source, self._rules.naming)
        if "array" not in types_of(schema):
            kind, fields = self.scalar_or_struct(schema, f"{place}.{source}", path)
            return self.with_rules(Column(source, name, kind, fields=fields), schema)

        items = simplify(schema.get("items", {}), self._root)
        kind, fields = self.scalar_or_struct(items, f"{place}.{source}", path)
        # For an array of arrays, of anything, or of values of several types BigQuery has no type but JSON.
        if len(types_of(schema)) > 1 or kind in {Kind.JSON, Kind.NULL}:
            return self.with_rules(Column(source, name, Kind.JSON), schema)
        return self.with_rules(Column(source, name, kind, repeated=True, fields=fields), items)

    def with_rules(self, column: Column, schema: JsonSchema) -> Column:
        """Return a column with what the rules and the schema of its values say of these."""
        types = types_of(schema)
        if column.kind is Kind.JSON:
            return replace(column, parses_text=self._rules.parse_json_text and bool(types) and types <= _CONTAINERS)
        if column.kind in self._as_text:
            return replace(column, kind=Kind.STRING)
        if column.kind not in DECIMAL_KINDS:
            return column
        decimals = declared_decimals(schema) if self._rules.round_noise else None
        return replace(column, decimals=decimals, is_whole=types == {"integer"})

    def scalar_or_struct(
        self, schema: JsonSchema, place: str, path: tuple[_Properties, ...]
    ) -> tuple[Kind, tuple[Column, ...]]:
        types = types_of(schema)
        if types != {"object"}:
            return _scalar_kind(types, schema), ()
        properties = schema.get("properties")
        # An object that contains itself would nest without end: its second occurrence is JSON.
        contains_itself = any(properties is outer for outer in path)
        if not properties or contains_itself or len(path) >= DEEPEST_NESTING:
            return Kind.JSON, ()
        return Kind.STRUCT, self.fields(properties, place, path)


def _description(schema: object) -> str:
    if not isinstance(schema, dict):
        return ""
    texts = (schema.get(word) for word in ("description", "title"))
    return next((text for text in texts if isinstance(text, str)), "")


_CONTAINERS = {"object", "array"}

_TEMPORAL_KINDS = {"date-time": Kind.TIMESTAMP, "date": Kind.DATE, "time": Kind.TIME}


def _scalar_kind(types: set[str], schema: JsonSchema) -> Kind:
    if allows_only_null(schema):
        return Kind.NULL
    if len(types) != 1:
        # Some taps declare exact decimals as "a number, or a string with the format decimal".
        exact = schema.get("format") in EXACT_FORMATS and types <= {"number", "integer", "string"} and types
        return decimal_kind(schema) if exact else Kind.JSON
    (name,) = types
    if name == "string":
        return _string_kind(schema)
    if name == "number":
        return decimal_kind(schema) if is_exact(schema) else Kind.FLOAT64
    if name == "integer":
        return decimal_kind(schema) if exceeds_int64(schema) else Kind.INT64
    return Kind.BOOL if name == "boolean" else Kind.JSON


def _string_kind(schema: JsonSchema) -> Kind:
    if schema.get("format") in EXACT_FORMATS:
        return decimal_kind(schema)
    is_binary = str(schema.get("contentEncoding")).lower() == "base64"
    return _TEMPORAL_KINDS.get(str(schema.get("format")), Kind.BYTES if is_binary else Kind.STRING)
