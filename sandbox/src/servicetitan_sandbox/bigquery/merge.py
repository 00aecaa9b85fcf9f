"""Runs a MERGE as a single MERGE of DuckDB.

`local-bigquery` splits a MERGE into eight statements and translates each of them, which took most of the time of a
small MERGE. DuckDB has a MERGE with the same clauses. Two things are missing there and added here: BigQuery refuses
several source rows for one target row, and it counts inserted and updated rows. (DuckDB 1.5.5 could count with
`RETURNING merge_action`, but sometimes crashes with it when it uses more than one thread.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_bigquery.errors import BigQueryError
from local_bigquery.models import JobStatistics2
from local_bigquery.sql import translate
from local_bigquery.sql.dialect import DuckDBDialect
from sqlglot import exp

from servicetitan_sandbox.bigquery import known_statements
from servicetitan_sandbox.bigquery.known_statements import Translated
from servicetitan_sandbox.bigquery.transactions import transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

    Run = Callable[[duckdb.DuckDBPyConnection, exp.Merge, translate.Context], JobStatistics2]

_SOURCE = "__merge_source"


def use_duckdb_merge(run: Run) -> Run:
    """Wrap the emulator's function that runs a MERGE, so that DuckDB runs the statements that it can."""

    def run_merge(cursor: duckdb.DuckDBPyConnection, tree: exp.Merge, context: translate.Context) -> JobStatistics2:
        if not all(_is_plain(when.args["then"], tree.this.alias_or_name) for when in _whens(tree)):
            return run(cursor, tree, context)
        with transaction(cursor):
            inserted, updated = _merge(cursor, tree, context)
        counts = {"insertedRowCount": inserted, "updatedRowCount": updated, "deletedRowCount": 0}
        return JobStatistics2(
            numDmlAffectedRows=str(inserted + updated), dmlStats={name: str(count) for name, count in counts.items()}
        )

    return run_merge


def _is_plain(action: exp.Expression, target: str) -> bool:
    """Return whether DuckDB can run a clause: it must not insert a whole ROW, change a nested field, or delete."""
    if isinstance(action, exp.Update):
        columns = [assignment.this for assignment in action.expressions]
        return all(isinstance(column, exp.Column) and column.table in {"", target} for column in columns)
    return isinstance(action, exp.Insert) and not isinstance(action.this, exp.Var)


def _merge(cursor: duckdb.DuckDBPyConnection, tree: exp.Merge, context: translate.Context) -> tuple[int, int]:
    """Run a MERGE, and return how many rows were inserted and updated.

    Raises:
        BigQueryError: If several source rows match one target row.
    """

    def run(statement: Translated) -> list[tuple[int, ...]]:
        return cursor.execute(statement.sql, statement.values(context)).fetchall()

    create, count, several, merge = known_statements.translate(context, lambda: _statements(tree, context))
    run(create)
    if several.sql and run(several):
        raise BigQueryError("invalidQuery", "UPDATE/MERGE must match at most one source row for each target row")
    [(before,)] = run(count)
    [(changed,)] = run(merge)
    [(after,)] = run(count)
    cursor.execute(f"DROP TABLE temp.{_SOURCE}")
    return after - before, changed - (after - before)


def _statements(tree: exp.Merge, context: translate.Context) -> list[Translated]:
    """Return the statements of DuckDB that a MERGE needs.

    They make a table of the source, count the rows of the target, find several source rows for one target row (an empty
    text if none is matched), and merge.
    """
    merge = _translate(tree, context)
    source, target = merge.args["using"], merge.this
    create = _translated(source, f"CREATE OR REPLACE TEMP TABLE {_SOURCE} AS SELECT * FROM {_sql(source)}")  # noqa: S608
    merge.set("using", exp.alias_(exp.to_table(_SOURCE), source.alias_or_name, table=True))
    count = _translated(target, f"SELECT count(*) FROM {_sql(target)}")  # noqa: S608
    matched = any(when.args.get("matched") for when in _whens(merge))
    return [create, count, _several_matches(merge) if matched else Translated("", ()), _translated(merge, _sql(merge))]


def _translate(tree: exp.Merge, context: translate.Context) -> exp.Merge:
    """Return a MERGE in DuckDB's SQL.

    The emulator can translate queries only. So the expressions of the MERGE are moved into a query of its two tables,
    and back after the translation.
    """
    merge = tree.copy()
    placeholders = []
    query = exp.Select(from_=exp.From(this=merge.this), joins=[exp.Join(this=merge.args["using"])])
    for number, expression in enumerate(list(_expressions(merge))):
        placeholders.append(exp.Placeholder())
        expression.replace(placeholders[-1])
        query.append("expressions", exp.alias_(expression, f"part_{number}", copy=False))
    context.used.clear()
    for rule in translate.STATEMENT_RULES:
        query = rule(query, context)
    query = translate._rewrite(query, context)  # noqa: SLF001 - there is no other way in
    for placeholder, translated in zip(placeholders, query.expressions, strict=True):
        placeholder.replace(translated.unalias())
    for update in merge.find_all(exp.Update):
        for assignment in update.expressions:
            assignment.set("this", exp.column(assignment.this.this))  # DuckDB accepts no table name there
    merge.set("this", query.args["from_"].this)
    merge.set("using", query.args["joins"][0].this)
    return merge


def _expressions(merge: exp.Merge) -> Iterator[exp.Expression]:
    """Yield the expressions of a MERGE: the join condition, and the condition and values of each clause."""
    yield merge.args["on"]
    for when in _whens(merge):
        if condition := when.args.get("condition"):
            yield condition
        action = when.args["then"]
        if isinstance(action, exp.Update):
            yield from (assignment.expression for assignment in action.expressions)
        elif isinstance(action, exp.Insert):
            yield from action.expression.expressions


def _whens(merge: exp.Merge) -> list[exp.When]:
    whens: list[exp.When] = merge.args["whens"].expressions
    return whens


def _several_matches(merge: exp.Merge) -> Translated:
    """Return the query that has a row if several source rows match one target row."""
    target, source, on = merge.this, merge.args["using"], merge.args["on"]
    row = exp.column("rowid", table=target.alias_or_name)
    pairs = f"FROM {_sql(target)} JOIN {_sql(source)} ON {_sql(on)}"
    return _translated(on, f"SELECT 1 {pairs} GROUP BY {_sql(row)} HAVING count(*) > 1 LIMIT 1")


def _sql(tree: exp.Expression) -> str:
    return tree.sql(dialect=DuckDBDialect, copy=False)


def _translated(part: exp.Expression, sql: str) -> Translated:
    """Return a statement of which one part may have parameters."""
    return Translated(sql, tuple({placeholder.name: None for placeholder in part.find_all(exp.Placeholder)}))
