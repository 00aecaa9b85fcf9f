"""Runs a MERGE as one MERGE of DuckDB's.

`local-bigquery` takes a MERGE apart into eight statements, and translates each of them: that was most of the time that
a MERGE of a few rows took. DuckDB has a MERGE with the same clauses. What it lacks is done here: BigQuery's refusal of
two source rows for one row of the target, and how many rows were inserted and how many updated. (DuckDB 1.5.5 can tell
by `RETURNING merge_action`, and crashes now and then when it does so on more than one thread.)
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
from local_bigquery.errors import BigQueryError
from local_bigquery.models import JobStatistics2
from local_bigquery.sql import translate
from local_bigquery.sql.dialect import DuckDBDialect
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[[duckdb.DuckDBPyConnection, exp.Merge, translate.Context], JobStatistics2]

_SOURCE = "__merge_source"


def in_one(run: Run) -> Run:
    """Return the emulator's function that runs a MERGE, but one that leaves to DuckDB what DuckDB can do."""

    def merged(cursor: duckdb.DuckDBPyConnection, tree: exp.Merge, context: translate.Context) -> JobStatistics2:
        if not all(_is_plain(when.args["then"], tree.this.alias_or_name) for when in _whens(tree)):
            return run(cursor, tree, context)
        with _transaction(cursor):
            inserted, updated = _merge(cursor, tree, context)
        counts = {"insertedRowCount": inserted, "updatedRowCount": updated, "deletedRowCount": 0}
        return JobStatistics2(
            numDmlAffectedRows=str(inserted + updated), dmlStats={name: str(count) for name, count in counts.items()}
        )

    return merged


def _is_plain(action: exp.Expression, target: str) -> bool:
    """Return whether a clause neither inserts a whole ROW, nor changes a field of a column, nor deletes."""
    if isinstance(action, exp.Update):
        return all(isinstance(one.this, exp.Column) and one.this.table in {"", target} for one in action.expressions)
    return isinstance(action, exp.Insert) and not isinstance(action.this, exp.Var)


@contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Make a transaction of what is done, or a part of the one that a session has begun."""
    try:
        cursor.begin()
    except duckdb.TransactionException:
        yield
        return
    try:
        yield
    except BaseException:
        cursor.rollback()
        raise
    cursor.commit()


def _merge(cursor: duckdb.DuckDBPyConnection, tree: exp.Merge, context: translate.Context) -> tuple[int, int]:
    """Merge, and return how many rows were inserted and updated."""
    merge = _translated(tree, context)
    bound = {name: context.values[name] for name in context.used}
    rows = merge.args["using"]
    create = f"CREATE OR REPLACE TEMP TABLE {_SOURCE} AS SELECT * FROM {_sql(rows)}"  # noqa: S608 - made of syntax trees
    cursor.execute(create, _used(rows, bound))
    merge.set("using", exp.alias_(exp.to_table(_SOURCE), rows.alias_or_name, table=True))
    if any(when.args.get("matched") for when in _whens(merge)):
        _refuse_several(cursor, merge, bound)
    before = _count(cursor, merge.this)
    [changed] = cursor.execute(_sql(merge), _used(merge, bound)).fetchall()
    inserted = _count(cursor, merge.this) - before
    cursor.execute(f"DROP TABLE temp.{_SOURCE}")
    return inserted, changed[0] - inserted


def _count(cursor: duckdb.DuckDBPyConnection, table: exp.Table) -> int:
    [(rows,)] = cursor.execute(f"SELECT count(*) FROM {_sql(table)}").fetchall()  # noqa: S608 - made of syntax trees
    return int(rows)


def _translated(tree: exp.Merge, context: translate.Context) -> exp.Merge:
    """Return a MERGE in DuckDB's SQL.

    The emulator translates queries. So all that is in the MERGE goes through one, of the same two tables.
    """
    merge = tree.copy()
    places = []
    query = exp.Select(from_=exp.From(this=merge.this), joins=[exp.Join(this=merge.args["using"])])
    for number, part in enumerate(list(_parts(merge))):
        places.append(exp.Placeholder())
        part.replace(places[-1])
        query.append("expressions", exp.alias_(part, f"part_{number}", copy=False))
    context.used.clear()
    for rule in translate.STATEMENT_RULES:
        query = rule(query, context)
    query = translate._rewrite(query, context)  # noqa: SLF001 - there is no other way in
    for place, done in zip(places, query.expressions, strict=True):
        place.replace(done.unalias())
    for update in merge.find_all(exp.Update):
        for assignment in update.expressions:
            assignment.set("this", exp.column(assignment.this.this))  # DuckDB takes no name of a table there
    merge.set("this", query.args["from_"].this)
    merge.set("using", query.args["joins"][0].this)
    return merge


def _parts(merge: exp.Merge) -> Iterator[exp.Expression]:
    """Yield the expressions of a MERGE: the condition of the join, and of each clause its condition and its values."""
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


def _refuse_several(cursor: duckdb.DuckDBPyConnection, merge: exp.Merge, bound: dict[str, object]) -> None:
    target, source, on = merge.this, merge.args["using"], merge.args["on"]
    row = exp.column("rowid", table=target.alias_or_name)
    pairs = f"FROM {_sql(target)} JOIN {_sql(source)} ON {_sql(on)}"
    several = f"SELECT 1 {pairs} GROUP BY {_sql(row)} HAVING count(*) > 1 LIMIT 1"
    if cursor.execute(several, _used(on, bound)).fetchone():
        raise BigQueryError("invalidQuery", "UPDATE/MERGE must match at most one source row for each target row")


def _sql(tree: exp.Expression) -> str:
    return tree.sql(dialect=DuckDBDialect, copy=False)


def _used(statement: exp.Expression, bound: dict[str, object]) -> dict[str, object]:
    """Return the parameters that a statement has: DuckDB takes no others."""
    return {one.name: bound[one.name] for one in statement.find_all(exp.Placeholder)}
