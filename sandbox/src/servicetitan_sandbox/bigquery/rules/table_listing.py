"""The list of a dataset's tables, `__TABLES__`, is filled in when a statement runs.

The emulator writes the list into the statement as constants, so that it has to be translated anew each time. Here the
translation has a mark in its place, and can be kept (`known_statements`): each run of the target asks for the list.
"""

from __future__ import annotations

import functools
import json
import re
import threading
from typing import TYPE_CHECKING

from local_bigquery.catalog import datasets, names
from local_bigquery.errors import not_found
from local_bigquery.jobs import query
from local_bigquery.sql.rules import STATEMENT_RULES, information_schema
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_bigquery.sql.translate import Context

    Translate = Callable[[exp.Expression, Context], tuple[str, dict[str, object]]]

VIEW = "__TABLES__"

COLUMNS = (
    ("project_id", "STRING"),
    ("dataset_id", "STRING"),
    ("table_id", "STRING"),
    ("creation_time", "INT64"),
    ("last_modified_time", "INT64"),
    ("row_count", "INT64"),
    ("size_bytes", "INT64"),
    ("type", "INT64"),
)
"""The columns of the list, each with its type."""

_MARK = "the tables of "
_MARKED = re.compile(rf"""'{_MARK}"([^"']+)"\."([^"']+)"\."{VIEW}"'""")
_ROWS = json.dumps([{name: "VARCHAR" if kind == "STRING" else "BIGINT" for name, kind in COLUMNS}])

_thread = threading.local()


def install() -> None:
    """Let a mark stand for the list, which is filled in before the statement runs."""
    query.translate = _fill_in(query.translate)
    STATEMENT_RULES.insert(0, _mark)


def _fill_in(translate: Translate) -> Translate:
    @functools.wraps(translate)
    def translate_and_fill_in(tree: exp.Expression, context: Context) -> tuple[str, dict[str, object]]:
        _thread.marks = True
        try:
            sql, bound = translate(tree, context)
        finally:
            _thread.marks = False
        return _MARKED.sub(lambda found: _list(found[1], found[2]), sql), bound

    return translate_and_fill_in


def _mark(tree: exp.Expression, context: Context) -> exp.Expression:
    """Replace the list by a mark, where somebody fills it in afterwards."""
    if not getattr(_thread, "marks", False):
        return tree
    for table in list(tree.find_all(exp.Table)):
        if table.name != VIEW or not table.db:
            continue
        name = exp.to_identifier(table.alias or VIEW)
        project = table.catalog or context.project_id
        table.replace(exp.Subquery(this=_rows(project, table.db), alias=exp.TableAlias(this=name)))
    return tree


def _rows(project: str, dataset: str) -> exp.Expression:
    """Return the query for the rows of the list."""
    mark = exp.Literal.string(f'{_MARK}"{project}"."{dataset}"."{VIEW}"')
    parsed = exp.Anonymous(this="from_json", expressions=[mark, exp.Literal.string(_ROWS)])
    rows = exp.select(exp.alias_(exp.Anonymous(this="unnest", expressions=[parsed]), "v")).subquery()
    cells = (exp.cast(exp.column(name, table="v"), kind, dialect="bigquery") for name, kind in COLUMNS)
    columns = (exp.alias_(cell, name) for cell, (name, _) in zip(cells, COLUMNS, strict=True))
    return exp.select(*columns).from_(rows)


def _list(project: str, dataset: str) -> str:
    """Return the literal of the list.

    Raises:
        BigQueryError: If there is no such dataset.
    """
    if not datasets.exists(project, dataset):
        raise not_found("Dataset", names.label(project, dataset))
    _, rows = information_schema.VIEWS[VIEW](project, dataset)
    fields = [name for name, _ in COLUMNS]
    text = json.dumps([dict(zip(fields, row, strict=True)) for row in rows])
    return "'" + text.replace("'", "''") + "'"
