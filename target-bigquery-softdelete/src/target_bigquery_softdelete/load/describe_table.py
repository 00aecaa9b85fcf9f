"""Lets tables say what they are: descriptions of table and columns, and foreign keys.

A new table is created with its descriptions. Whether an existing one lacks something follows from a label, so an
unchanged table costs nothing. Nothing here touches a row, and nothing that fails here fails the stream.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from google.cloud import bigquery

from target_bigquery_softdelete.bigquery import table_schema
from target_bigquery_softdelete.bigquery.table_descriptions import (
    DESCRIBED_LABEL,
    digest,
    foreign_keys,
    is_key,
    new_text,
    referring_columns,
    texts_of,
    with_descriptions,
)
from target_bigquery_softdelete.errors import WarehouseError
from target_bigquery_softdelete.runtime.about import SOFTWARE
from target_bigquery_softdelete.schema.descriptions import LONGEST_TABLE_DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from google.cloud.bigquery import SchemaField
    from google.cloud.bigquery.table import ForeignKey

    from target_bigquery_softdelete.load.stream_table import StreamTable
    from target_bigquery_softdelete.schema.columns import Column, TableColumns
    from target_bigquery_softdelete.sql.identifiers import TableId

_Candidate = tuple["Column", str, str]
"""A column that may be a foreign key, with the table and the column that it refers to."""

_NOTHING = {DESCRIBED_LABEL: "nothing"}
"""What the label says where the stream has nothing to say, if it once had."""

logger = logging.getLogger(__name__)


def table_text(stream_table: StreamTable, columns: TableColumns) -> str:
    """Return the description of a stream's table."""
    tenant_id = stream_table.warehouse.tenancy.tenant
    tenant = f" of tenant {tenant_id}" if tenant_id else ""
    own = f"Stream {stream_table.stream}{tenant}, written by {SOFTWARE}"
    if not (columns.description and stream_table.writes_descriptions):
        return own
    return f"{columns.description[: LONGEST_TABLE_DESCRIPTION - len(own) - 1]} {own}"


def description_label(
    stream_table: StreamTable, columns: TableColumns, keys: Iterable[_Candidate] = ()
) -> dict[str, str]:
    """Return the label of a table that says what its stream has to say, with these foreign keys; none if nothing."""
    texts = texts_of(columns.columns) if stream_table.writes_descriptions else []
    names = [(column.name, table, name) for column, table, name in keys]
    if not (texts or names):
        return {}
    settings = stream_table.warehouse.settings
    return {DESCRIBED_LABEL: digest(settings.descriptions, columns.description, texts, names)}


def describe_table(stream_table: StreamTable, columns: TableColumns, labels: Mapping[str, str]) -> dict[str, str]:
    """Let a table, its history and its live view say what the stream has to say, unless they do.

    Args:
        stream_table: The table.
        columns: The columns of the stream.
        labels: The labels of the table.

    Returns:
        The labels that the table has got. Empty if nothing was to be done, or BigQuery has refused it.
    """
    candidates = _candidates(stream_table, columns)
    wanted = description_label(stream_table, columns, candidates)
    if stream_table.clone or {**_NOTHING, **wanted}[DESCRIBED_LABEL] == {**_NOTHING, **labels}[DESCRIBED_LABEL]:
        return {}
    try:
        return _describe(stream_table, columns, candidates)
    except WarehouseError as error:
        logger.warning("%s: what the table says about itself stays as it is. %s", stream_table.stream, error)
        return {}


def _candidates(stream_table: StreamTable, columns: TableColumns) -> list[_Candidate]:
    """Return the foreign keys to tables that exist, as far as is known."""
    warehouse = stream_table.warehouse
    if not warehouse.settings.foreign_keys:
        return []
    found = referring_columns(columns.columns, stream_table.table_id.table)
    return [each for each in found if not warehouse.is_missing(warehouse.table_id(each[1]))]


def _describe(stream_table: StreamTable, columns: TableColumns, candidates: Sequence[_Candidate]) -> dict[str, str]:
    warehouse = stream_table.warehouse
    table = warehouse.read_table(stream_table.table_id)
    if table is None or table_schema.no_table(table):
        return {}
    changed = _set_texts(stream_table, table, columns)
    existing, keys = _foreign_keys(stream_table, candidates)
    changed += _set_foreign_keys(table, foreign_keys(table, keys))
    label = description_label(stream_table, columns, existing) or _NOTHING
    table.labels = {**table.labels, **label}
    warehouse.change_metadata(table, [*changed, "labels"])
    for other in (stream_table.history and stream_table.history.history_id, _view_id(stream_table)):
        if other and not warehouse.is_missing(other):
            _describe_like(stream_table, other, table.schema)
    return dict(table.labels)


def _set_foreign_keys(table: bigquery.Table, keys: Sequence[ForeignKey]) -> list[str]:
    """Set the foreign keys of a table, and return the names of the properties that have changed."""
    present = table.table_constraints
    if list((present and present.foreign_keys) or ()) == list(keys):
        return []
    # The client's own object leaves out an empty list, with which BigQuery is told that there are none any more.
    known = table.to_api_repr()
    constraints = {**(known.get("tableConstraints") or {}), "foreignKeys": [key.to_api_repr() for key in keys]}
    table._properties["tableConstraints"] = constraints  # noqa: SLF001
    return ["table_constraints"]


def _set_texts(stream_table: StreamTable, table: bigquery.Table, columns: TableColumns) -> list[str]:
    """Set the descriptions of a table, and return the names of the properties that have changed."""
    if not stream_table.writes_descriptions:
        return []
    replaces, changed = stream_table.warehouse.settings.descriptions == "replace", []
    fields = with_descriptions(table.schema, table_schema.table_fields(columns.columns), replaces=replaces)
    if list(fields) != list(table.schema):
        table.schema = fields
        changed.append("schema")
    text = new_text(table.description, table_text(stream_table, columns), replaces=replaces)
    if text != table.description:
        table.description = text
        changed.append("description")
    return changed


def _foreign_keys(
    stream_table: StreamTable, candidates: Sequence[_Candidate]
) -> tuple[list[_Candidate], dict[str, tuple[bigquery.TableReference, str]]]:
    """Return the candidates whose tables exist, and of these the ones that refer to a primary key."""
    warehouse, existing, keys = stream_table.warehouse, [], {}
    for column, name, referred in candidates:
        table_id = warehouse.table_id(name)
        if (table := warehouse.read_table(table_id)) is not None:
            existing.append((column, name, referred))
            if is_key(table, referred, str(column.kind)):
                keys[column.name] = (bigquery.TableReference.from_string(str(table_id)), referred)
    return existing, keys


def describe_view(stream_table: StreamTable, fields: Sequence[SchemaField]) -> None:
    """Let the columns of a live view that has just been made say what those of the table say.

    Args:
        stream_table: The table.
        fields: Its schema.
    """
    view_id = _view_id(stream_table)
    if view_id is None or not any(field.description for field in fields):
        return
    try:
        _describe_like(stream_table, view_id, fields)
    except WarehouseError as error:
        logger.warning("%s: what the live view says about itself stays as it is. %s", stream_table.stream, error)


def _describe_like(stream_table: StreamTable, table_id: TableId, source: Sequence[SchemaField]) -> None:
    """Let the columns of a history or a view say what those of the table say.

    Raises:
        WarehouseError: If BigQuery refuses.
    """
    warehouse = stream_table.warehouse
    table = warehouse.read_table(table_id)
    if table is None or not stream_table.writes_descriptions:
        return
    replaces = warehouse.settings.descriptions == "replace"
    fields = with_descriptions(table.schema, source, replaces=replaces)
    if list(fields) != list(table.schema):
        table.schema = fields
        warehouse.change_metadata(table, ["schema"])


def _view_id(stream_table: StreamTable) -> TableId | None:
    return stream_table.live_view.view_id if stream_table.live_view else None
