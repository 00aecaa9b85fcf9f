"""What BigQuery refuses about primary keys, clustering and partitioning columns, and how many columns a table may have.

- A primary key has at most 16 columns, of types that have it; a clustering at most 4
  (https://cloud.google.com/bigquery/docs/primary-foreign-keys and /creating-clustered-tables).
- A foreign key refers to the whole primary key of a table that exists, with columns of the same types (the same page).
- While a column is part of the primary key or partitions the table, its type does not change. A clustering column may
  only become another type to cluster by. None of them can be renamed or dropped.
- A table with a primary key cannot be renamed.
- A table has at most 10,000 columns, nested ones included (https://cloud.google.com/bigquery/quotas#standard_tables).

The words of BigQuery's refusals are not documented; these are our own.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_bigquery.catalog import ddl, metadata, names, tables
from local_bigquery.errors import BigQueryError
from local_bigquery.models import Table
from local_bigquery.sql.dialect import BigQueryDialect, DropPrimaryKey
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from local_bigquery.models import TableFieldSchema

KEY_TYPES = frozenset({"BIGNUMERIC", "BOOL", "DATE", "DATETIME", "INT64", "NUMERIC", "STRING", "TIMESTAMP"})
CLUSTERING_TYPES = KEY_TYPES | {"GEOGRAPHY", "RANGE"}
MOST_KEY_COLUMNS, MOST_CLUSTERING_COLUMNS, MOST_COLUMNS = 16, 4, 10_000

_STANDARD_NAMES = {
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
    "BIGDECIMAL": "BIGNUMERIC",
}


def install() -> None:
    """Check tables when they are created, and changed by a request or by a statement."""
    tables.create = _with_checked_body(tables.create)
    tables.update = _with_checked_body(tables.update)
    ddl.check_references = _with_checked_statement(ddl.check_references)
    ddl.apply = _with_checked_result(ddl.apply)


@dataclass(frozen=True)
class _Layout:
    """The columns that a table is organized by, in lower case."""

    key: tuple[str, ...]
    clustering: tuple[str, ...]
    partitioning: str


def _layout(table: Table) -> _Layout:
    constraints, partitioning = table.tableConstraints, table.timePartitioning or table.rangePartitioning
    key = constraints.primaryKey.columns if constraints and constraints.primaryKey else []
    clustering = table.clustering.fields if table.clustering else []
    return _Layout(
        tuple(name.lower() for name in key or []),
        tuple(name.lower() for name in clustering or []),
        ((partitioning and partitioning.field) or "").lower(),
    )


def _with_checked_body(change: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the emulator's function that creates or changes a table by a request."""

    @functools.wraps(change)
    def change_checked(project: str, dataset: str, *rest: Any) -> Any:  # noqa: ANN401 - the emulator's
        body = next(argument for argument in rest if isinstance(argument, Table))
        table_id = rest[0] if isinstance(rest[0], str) else ""
        stored = metadata.load(Table, project, dataset, table_id) if table_id else None
        fields = tables.fields(body) or (tables.fields(tables.load(project, dataset, table_id)) if stored else [])
        _check_table((stored or Table()).merged(body) if stored else body, fields)
        _check_foreign_keys(body, {field.name.lower(): _kind(field) for field in fields})
        return change(project, dataset, *rest)

    return change_checked


def _check_table(table: Table, fields: Sequence[TableFieldSchema]) -> None:
    """Check the columns of a table, and those that it is organized by.

    Raises:
        BigQueryError: If BigQuery would refuse them.
    """
    if _count(fields) > MOST_COLUMNS:
        raise BigQueryError("invalid", f"Too many fields: the schema has more than {MOST_COLUMNS} fields.")
    kinds = {field.name.lower(): _kind(field) for field in fields}
    layout = _layout(table)
    _check_columns("primary key", layout.key, kinds, KEY_TYPES, MOST_KEY_COLUMNS)
    _check_columns("clustering", layout.clustering, kinds, CLUSTERING_TYPES, MOST_CLUSTERING_COLUMNS)


def _check_foreign_keys(body: Table, kinds: dict[str, str]) -> None:
    """Check the foreign keys that a request declares.

    Raises:
        BigQueryError: If BigQuery would refuse one of them.
    """
    for key in (body.tableConstraints and body.tableConstraints.foreignKeys) or []:
        to = key.referencedTable
        stored = metadata.load(Table, to.projectId, to.datasetId, to.tableId) if to else None
        referred = tables.load(to.projectId, to.datasetId, to.tableId) if to and stored else Table()
        pairs = [(pair.referencingColumn or "", pair.referencedColumn or "") for pair in key.columnReferences or []]
        referred_kinds = {field.name.lower(): _kind(field) for field in tables.fields(referred)}
        same = all(kinds.get(mine.lower()) == referred_kinds.get(theirs.lower(), "") for mine, theirs in pairs)
        if not pairs or not same or _layout(referred).key != tuple(theirs.lower() for _, theirs in pairs):
            raise BigQueryError("invalid", f"The foreign key {key.name} does not refer to the primary key of a table.")


def _check_columns(what: str, names_: Sequence[str], kinds: dict[str, str], allowed: frozenset[str], most: int) -> None:
    if len(names_) > most:
        raise BigQueryError("invalid", f"Too many {what} columns: at most {most} are supported.")
    for name in names_:
        if name not in kinds:
            raise BigQueryError("invalid", f"The field specified for {what} cannot be found in the schema: {name}")
        if kinds[name] not in allowed:
            raise BigQueryError("invalid", f"Field {name} has type {kinds[name]}, which is not supported in a {what}.")


def _count(fields: Iterable[TableFieldSchema]) -> int:
    return sum(1 + _count(field.fields or []) for field in fields)


def _kind(field: TableFieldSchema) -> str:
    kind = (field.type or "STRING").upper()
    return "ARRAY" if field.mode == "REPEATED" else _STANDARD_NAMES.get(kind, kind)


def _with_checked_statement(check: Callable[..., None]) -> Callable[..., None]:
    """Wrap the first check of the emulator on a statement of DDL."""

    @functools.wraps(check)
    def check_changes(tree: exp.Expression, project: str, dataset: str | None) -> None:
        check(tree, project, dataset)
        target = tree.find(exp.Table)
        if isinstance(tree, exp.Alter) and target is not None and (tree.args.get("kind") or "").upper() == "TABLE":
            stored = metadata.load(Table, *names.reference(target, project, dataset))
            for action in tree.args.get("actions") or [] if stored else []:
                _check_action(action, _layout(stored), stored)

    return check_changes


def _check_action(action: exp.Expression, layout: _Layout, table: Table) -> None:
    """Check one action of an ALTER TABLE.

    Raises:
        BigQueryError: If BigQuery would refuse it.
    """
    if isinstance(action, exp.AlterRename) and layout.key:
        raise BigQueryError("invalidQuery", "ALTER TABLE RENAME TO is not supported for a table with a primary key.")
    if isinstance(action, exp.AddConstraint) and action.find(exp.PrimaryKey) and layout.key:
        raise BigQueryError("invalidQuery", f"Table {table.id} already has a primary key.")
    if isinstance(action, exp.AlterColumn) and (kind := action.args.get("dtype")):
        _check_type_change(action.this.name, kind.sql(dialect=BigQueryDialect).partition("(")[0], layout)
    if isinstance(action, exp.RenameColumn):
        _check_column_stays(action.this.name, "renamed", layout)
    if isinstance(action, exp.Drop) and action.args.get("kind") == "COLUMN":
        _check_column_stays(next(action.find_all(exp.Identifier)).name, "dropped", layout)


def _check_type_change(name: str, kind: str, layout: _Layout) -> None:
    column = name.lower()
    if column in layout.key or column == layout.partitioning:
        role = "primary key" if column in layout.key else "partitioning"
        raise BigQueryError(
            "invalidQuery", f"ALTER TABLE ALTER COLUMN SET DATA TYPE: {role} column {name} cannot change."
        )
    if column in layout.clustering and kind not in CLUSTERING_TYPES:
        message = f"ALTER TABLE ALTER COLUMN SET DATA TYPE: clustering column {name} cannot become {kind}."
        raise BigQueryError("invalidQuery", message)


def _check_column_stays(name: str, change: str, layout: _Layout) -> None:
    roles = {"primary key": layout.key, "clustering": layout.clustering, "partitioning": (layout.partitioning,)}
    for role, columns in roles.items():
        if name.lower() in columns:
            raise BigQueryError("invalidQuery", f"The {role} column {name} cannot be {change}.")


def _with_checked_result(apply: Callable[..., None]) -> Callable[..., None]:
    """Wrap the emulator's function that records what a statement of DDL has changed: a wrong key is taken back."""

    @functools.wraps(apply)
    def apply_checked(tree: exp.Expression, project: str, dataset: str, *rest: Any) -> None:  # noqa: ANN401
        target = tree.find(exp.Table)
        kind = (tree.args.get("kind") or "").upper()
        apply(tree, project, dataset, *rest)
        if kind != "TABLE" or target is None or not _declares_layout(tree):
            return
        reference = names.reference(target, project, dataset)
        table = tables.load(*reference)
        try:
            _check_table(table, tables.fields(table))
        except BigQueryError as error:
            if isinstance(tree, exp.Create):
                tables.delete(*reference)
            else:
                tables.record(
                    *reference, table.merged(Table.model_validate({"tableConstraints": {"primaryKey": None}}))
                )
            error.reason = "invalidQuery"
            raise

    return apply_checked


def _declares_layout(tree: exp.Expression) -> bool:
    kinds = (exp.PrimaryKey, exp.PrimaryKeyColumnConstraint, exp.ClusterProperty)
    return not isinstance(tree, exp.Drop) and tree.find(*kinds) is not None and tree.find(DropPrimaryKey) is None
