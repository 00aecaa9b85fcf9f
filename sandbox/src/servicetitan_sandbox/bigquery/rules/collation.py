"""Text that is compared without regard to case: https://cloud.google.com/bigquery/docs/reference/standard-sql/collation-concepts.

A table inherits the default of its dataset, and a STRING column that of its table. Only columns of tables that
`tables.insert` creates compare so; fields of STRUCTs, and columns that are added later, only say that they do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_bigquery.catalog import datasets, metadata, tables
from local_bigquery.engine import database, types
from local_bigquery.models import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local_bigquery.models import TableFieldSchema

IGNORES_CASE = "und:ci"


def install() -> None:
    """Add the rules to the emulator."""
    tables.create = _inherit(tables.create)
    tables.update = _inherit_in_new_fields(tables.update)
    types.column = _compare_so(types.column)


def _inherit(create: Callable[..., Table]) -> Callable[..., Table]:
    def create_collated(project: str, dataset: str, body: Table, translate: object) -> Table:
        # A text that is empty is a choice, too.
        inherited = datasets.get(project, dataset).defaultCollation
        collation = inherited if body.defaultCollation is None else body.defaultCollation
        return create(project, dataset, _collated(body, collation), translate)

    return create_collated


def _inherit_in_new_fields(update: Callable[..., Table]) -> Callable[..., Table]:
    def update_collated(project: str, dataset: str, table: str, body: Table, *rest: object) -> Table:
        stored = metadata.load(Table, project, dataset, table)
        if stored is not None and tables.fields(body):
            known = {field.name.casefold() for field in tables.fields(stored)}
            body = _collated(body, stored.defaultCollation, known)
        return update(project, dataset, table, body, *rest)

    return update_collated


def _collated(body: Table, collation: str | None, known: set[str] | None = None) -> Table:
    """Return what was sent about a table, with a collation of those STRING fields that are new and have none."""
    if not collation:
        return body
    fields = [
        field if field.name.casefold() in (known or set()) else _with_collation(field, collation)
        for field in tables.fields(body)
    ]
    schema = {"schema": {"fields": [field.dump() for field in fields]}} if fields else {}
    return Table.model_validate({**body.given(), "defaultCollation": collation, **schema})


def _with_collation(field: TableFieldSchema, collation: str) -> TableFieldSchema:
    inner: Sequence[TableFieldSchema] = field.fields or []
    if inner:
        return field.replace(fields=[_with_collation(each, collation).dump() for each in inner])
    return field.replace(collation=collation) if field.type == "STRING" and field.collation is None else field


def _compare_so(column: Callable[..., str]) -> Callable[..., str]:
    def column_collated(field: TableFieldSchema, nested: bool = False) -> str:  # noqa: FBT001,FBT002 - the emulator's
        sql = column(field, nested)
        if nested or field.collation != IGNORES_CASE or field.type != "STRING" or field.mode == "REPEATED":
            return sql
        plain = f"{database.quote(field.name)} VARCHAR"
        return f"{plain} COLLATE NOCASE{sql.removeprefix(plain)}"

    return column_collated
