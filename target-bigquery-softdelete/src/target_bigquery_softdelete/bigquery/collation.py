"""Columns that ignore the case of their text: https://cloud.google.com/bigquery/docs/reference/standard-sql/collation-concepts.

With them the keys `A` and `a` are one, and a change from `a` to `A` is none. Pure functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.cloud import bigquery

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_bigquery_softdelete.sql.identifiers import TableId


def plain_table(table_id: TableId, fields: Sequence[bigquery.SchemaField]) -> bigquery.Table:
    """Return a table to create whose text is compared exactly, whatever the default of its dataset."""
    reference = {"projectId": table_id.project, "datasetId": table_id.dataset, "tableId": table_id.table}
    table = bigquery.Table.from_api_repr({"tableReference": reference, "defaultCollation": ""})
    table.schema = list(fields)
    return table


def collated_columns(fields: Sequence[bigquery.SchemaField], names: Collection[str]) -> list[str]:
    """Return those of some columns that ignore case, or have a field that does.

    Args:
        fields: The schema of a table.
        names: The columns, in lower case.
    """
    return [field.name for field in fields if field.name.lower() in names and _is_collated(field)]


def _is_collated(field: bigquery.SchemaField) -> bool:
    return bool(field.to_api_repr().get("collation")) or any(map(_is_collated, field.fields))
