"""The statements that this target sends, as text. Pure functions.

Every name passes :mod:`~target_bigquery_softdelete.identifiers`; every value is a query parameter. No statement is
built from data.

Aliases: `t` is the target table, `s` the staged rows.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_bigquery_softdelete.records.arrow import DELETED, SEQUENCE
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns
from target_bigquery_softdelete.schema.naming import OPERATION, SYNCED, VALID_FROM, VALID_TO
from target_bigquery_softdelete.sql.identifiers import TableId, column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

PRESENT_ONLY = "_etl_present_only"
"""Column of the staged rows: the key was seen in this run, but the row is not to be written."""

_IS_NEW = "_etl_is_new"
"""Column of what goes into a history: a new version, or the end of an old one. No column of a stream has its prefix."""

_OPERATION, _SYNCED, _DELETED = column(OPERATION), column(SYNCED), column(DELETED)
_LIVE = f"t.{_OPERATION} IS DISTINCT FROM 'DELETE'"
_IN_TABLE, _IN_RUN = column("_etl_in_table"), column("_etl_in_run")


@dataclass(frozen=True)
class Source:
    """What is merged: one staging table, and the shape that its rows must take."""

    staging: TableId
    columns: TableColumns
    """The columns of the stream, as staged."""
    table_columns: Mapping[str, Column]
    """The same columns, by name, as the target table has them."""
    also_present: tuple[TableId, ...] = ()
    """Staging tables whose keys were seen earlier in this run and whose rows are written already."""


def merge(target: TableId, source: Source, *, sweep: bool, partition: str = "", within: str = "") -> str:
    """Return the one statement that brings the target table up to date. Parameter: `synced` TIMESTAMP.

    Args:
        target: The table.
        source: The staged rows.
        sweep: Whether to mark the rows deleted whose keys are not staged: only for a complete snapshot.
        partition: The column that the table wants every statement to filter by, where it does.
        within: A column of the key that the table is partitioned by: only the partitions of its values between the
            parameters `first` and `last` are read. Not for a sweep, which is about the rows of all partitions.

    Raises:
        ValueError: If a sweep is to leave partitions out.
    """
    if sweep and within:
        raise ValueError("rows outside of the partitions that are read would be marked deleted")
    names = [column(one.name) for one in source.columns.columns]
    return "\n".join(
        [
            f"MERGE {target.quoted} AS t",
            "USING (",
            _indented(_staged_rows(source)),
            ") AS s",
            f"ON {_same_key(source.columns)}{_in_partitions(' AND ', partition, within)}",
            f"WHEN MATCHED AND {_writable('s.' + _DELETED, source)} AND {_LIVE} THEN",
            f"  UPDATE SET {_OPERATION} = 'DELETE', {_SYNCED} = @synced",
            f"WHEN MATCHED AND {_writable('NOT s.' + _DELETED, source)} AND (",
            _indented(_differs(source)),
            ") THEN",
            "  UPDATE SET",
            *(f"    {column(one.name)} = {_updated(one, source)}," for one in source.columns.other_columns()),
            f"    {_OPERATION} = 'UPDATE',",
            f"    {_SYNCED} = @synced",
            f"WHEN NOT MATCHED BY TARGET{_and_not_present_only(source)} THEN",
            f"  INSERT ({', '.join([*names, _OPERATION, _SYNCED])})",
            f"  VALUES ({', '.join([*(f's.{name}' for name in names), _first_operation(), '@synced'])})",
            *(_sweep(partition) if sweep else ()),
        ]
    )


def measure(target: TableId, source: Source, *, compare: bool = False, partition: str = "", within: str = "") -> str:
    """Return the query that counts, before the MERGE, what it is going to find.

    Columns of its one row, all INT64: `staged` keys, `live` rows of the table, `missing` live rows whose key is not
    staged, `restored` rows that a record brings back, `marked` live rows that a record says are deleted, and
    `born_deleted` keys that are new and deleted at once. With `within`, as for a MERGE, `live` and `missing` are those
    of the partitions that are read.

    Args:
        target: The table.
        source: The staged rows.
        compare: Whether to read all columns and tell in `differ` how many staged keys the MERGE would write.
        partition: As for a MERGE.
        within: As for a MERGE.
    """
    columns = source.columns.columns if compare else source.columns.key_columns()
    names = ", ".join(column(one.name) for one in columns)
    counts = {
        "staged": f"s.{_IN_RUN}{_and_not_present_only(source)}",
        "live": f"t.{_IN_TABLE} AND {_LIVE}",
        "missing": f"t.{_IN_TABLE} AND {_LIVE} AND s.{_IN_RUN} IS NULL",
        "restored": f"t.{_OPERATION} = 'DELETE' AND {_writable('NOT s.' + _DELETED, source)}",
        "marked": f"t.{_IN_TABLE} AND {_LIVE} AND {_writable('s.' + _DELETED, source)}",
        "born_deleted": f"t.{_IN_TABLE} IS NULL AND {_writable('s.' + _DELETED, source)}",
        **({"differ": _written(source)} if compare else {}),
    }
    return "\n".join(
        [
            "SELECT",
            ",\n".join(f"  COUNTIF({condition}) AS {name}" for name, condition in counts.items()),
            f"FROM (SELECT {names}, {_OPERATION}, TRUE AS {_IN_TABLE}",
            f"  FROM {target.quoted} AS t{_in_partitions(' WHERE ', partition, within)}) AS t",
            "FULL JOIN (",
            f"  SELECT *, TRUE AS {_IN_RUN} FROM (",
            _indented(_staged_rows(source, only_key=not compare), 4),
            "  )",
            ") AS s",
            f"ON {_same_key(source.columns)}",
        ]
    )


def count_live(target: TableId, *, partition: str = "") -> str:
    """Return the query that counts the rows that are not marked deleted, as `live` INT64."""
    return f"SELECT COUNTIF({_LIVE}) AS live FROM {target.quoted} AS t{_anywhere(' WHERE ', partition)}"


def sweep_all(target: TableId, *, partition: str = "") -> str:
    """Return the statement that marks every live row deleted: an empty snapshot, allowed. Parameter: `synced`."""
    return (
        f"UPDATE {target.quoted} AS t\nSET {_OPERATION} = 'DELETE', {_SYNCED} = @synced\n"
        f"WHERE {_LIVE}{_anywhere(' AND ', partition)}"
    )


def append(target: TableId, source: Source) -> str:
    """Return the statement that adds the staged rows of a stream without a key. Parameter: `synced` TIMESTAMP."""
    names = [column(one.name) for one in source.columns.columns]
    return "\n".join(
        [
            f"INSERT INTO {target.quoted} ({', '.join([*names, _OPERATION, _SYNCED])})",
            f"SELECT {', '.join([*names, _first_operation(), '@synced'])}",
            "FROM (",
            _indented(_staged_rows(source)),
            ") AS s",
        ]
    )


def replace(target: TableId, sources: Sequence[Source], *, partition: str = "") -> str:
    """Return the script that replaces all rows of a table without a key. Parameter: `synced` TIMESTAMP.

    It is one transaction: a reader sees all rows of before or all rows of after.
    """
    statements = [
        "BEGIN TRANSACTION",
        f"DELETE FROM {target.quoted} AS t WHERE TRUE{_anywhere(' AND ', partition)}",
        *(append(target, source) for source in sources),
        "COMMIT TRANSACTION",
    ]
    return ";\n".join(statements) + ";"


def adopt(target: TableId, *, partition: str = "") -> str:
    """Return the statement that gives the rows of a table that was made by something else their first operation.

    Parameter: `synced` TIMESTAMP.
    """
    return (
        f"UPDATE {target.quoted} AS t\n"
        f"SET {_OPERATION} = IFNULL({_OPERATION}, 'INSERT'), {_SYNCED} = IFNULL({_SYNCED}, @synced)\n"
        f"WHERE ({_OPERATION} IS NULL OR {_SYNCED} IS NULL){_anywhere(' AND ', partition)}"
    )


def widen(target: TableId, columns: Iterable[Column]) -> str:
    """Return the statement that gives columns a wider type."""
    changes = ",\n".join(f"  ALTER COLUMN {column(one.name)} SET DATA TYPE {one.sql_type}" for one in columns)
    return f"ALTER TABLE {target.quoted}\n{changes}"


def follow(
    history: TableId, target: TableId, *, key: Sequence[str], columns: Sequence[str], partition: str = ""
) -> str:
    """Return the statement that adds to a history the versions of rows that only the table has.

    A row that is new or was written since comes twice: once to close its current version, once as the new version.

    Args:
        history: The history.
        target: The table.
        key: Columns of the key.
        columns: Columns that the history keeps, besides the audit columns.
        partition: The column that the table wants every statement to filter by, where it does.
    """
    names = [column(name) for name in (*columns, OPERATION, SYNCED)]
    valid_from, valid_to, is_new = column(VALID_FROM), column(VALID_TO), column(_IS_NEW)
    current = " AND ".join(f"t.{column(name)} = c.{column(name)}" for name in key)
    same = " AND ".join(f"h.{column(name)} = s.{column(name)}" for name in key)
    return "\n".join(
        [
            f"MERGE {history.quoted} AS h",
            "USING (",
            "  SELECT",
            *(f"    t.{name}," for name in names),
            f"    {is_new}",
            f"  FROM {target.quoted} AS t",
            f"  LEFT JOIN {history.quoted} AS c ON {current} AND c.{valid_to} IS NULL",
            f"  CROSS JOIN UNNEST([FALSE, TRUE]) AS {is_new}",
            f"  WHERE c.{valid_from} IS DISTINCT FROM t.{_SYNCED}{_anywhere(' AND ', partition)}",
            ") AS s",
            f"ON {same} AND h.{valid_to} IS NULL AND NOT s.{is_new}",
            "WHEN MATCHED THEN",
            f"  UPDATE SET {valid_to} = s.{_SYNCED}",
            f"WHEN NOT MATCHED BY TARGET AND s.{is_new} THEN",
            f"  INSERT ({', '.join([*names, valid_from, valid_to])})",
            f"  VALUES ({', '.join([*(f's.{name}' for name in names), f's.{_SYNCED}', 'CAST(NULL AS TIMESTAMP)'])})",
        ]
    )


LIVE_VIEW_DESCRIPTION = "Rows that are not deleted, written by target-bigquery-softdelete"
"""Description of the views of live rows. It tells them from what somebody else made."""


def live_rows(target: TableId, columns: Sequence[str]) -> str:
    """Return the query for the rows of a table that are not deleted."""
    names = ",\n".join(f"  {column(name, of='t')}" for name in columns)
    return f"SELECT\n{names}\nFROM {target.quoted} AS t\nWHERE {_LIVE}"


def live_view(view: TableId, query: str) -> str:
    """Return the statement that creates or replaces the view of live rows."""
    return f"CREATE OR REPLACE VIEW {view.quoted}\nOPTIONS (description = '{LIVE_VIEW_DESCRIPTION}') AS\n{query}"


def open_rejects(table: TableId) -> str:
    """Return the query for the keys of rejected records of which no later good version is known, table by table."""
    return f"SELECT DISTINCT table_name, record_key\nFROM {table.quoted}\nWHERE open AND record_key IS NOT NULL"


def close_rejects(table: TableId) -> str:
    """Return the statement that closes the entries of rejected records.

    Parameters: `table_name` STRING, `record_keys` ARRAY<STRING>.
    """
    return (
        f"UPDATE {table.quoted}\nSET open = FALSE\n"
        "WHERE open AND table_name = @table_name AND record_key IN UNNEST(@record_keys)"
    )


def _staged_rows(source: Source, *, only_key: bool = False) -> str:
    """Return the query for the last staged row of each key, in the types of the table."""
    columns = source.columns.key_columns() if only_key else source.columns.columns
    fields = [f"{_as_in_table(one, source.table_columns[one.name], 's')} AS {column(one.name)}" for one in columns]
    lines = ["SELECT", *(f"  {field}," for field in fields), f"  s.{_DELETED}"]
    if source.also_present:
        lines[-1] += f",\n  FALSE AS {column(PRESENT_ONLY)}"
    lines.append(f"FROM {source.staging.quoted} AS s")
    if source.columns.key:
        lines += ["WHERE TRUE", f"QUALIFY {_rank(source.columns)} = 1"]
    for i, other in enumerate(source.also_present, 1):
        later = (*source.also_present[i:], source.staging)
        lines += ["UNION ALL", _present_keys(other, later, source, columns)]
    return "\n".join(lines)


def _present_keys(other: TableId, later: Sequence[TableId], source: Source, columns: Sequence[Column]) -> str:
    """Return the query for the keys of an earlier staging table that no later one holds."""
    fields = [
        _as_in_table(one, source.table_columns[one.name], "s")
        if one.name in source.columns.key
        else f"CAST(NULL AS {source.table_columns[one.name].sql_type})"
        for one in columns
    ]
    named = [f"{field} AS {column(one.name)}" for field, one in zip(fields, columns, strict=True)]
    same = " AND ".join(f"later.{column(name)} = s.{column(name)}" for name in source.columns.key)
    absent = "\nAND ".join(f"NOT EXISTS (SELECT 1 FROM {one.quoted} AS later WHERE {same})" for one in later)
    return "\n".join(
        [
            "SELECT",
            *(f"  {field}," for field in named),
            f"  FALSE AS {_DELETED},",
            f"  TRUE AS {column(PRESENT_ONLY)}",
            f"FROM {other.quoted} AS s",
            f"WHERE {absent}",
            f"QUALIFY {_rank(source.columns)} = 1",
        ]
    )


def _rank(columns: TableColumns) -> str:
    parts = ", ".join(_groupable(one) for one in columns.key_columns())
    return f"ROW_NUMBER() OVER (PARTITION BY {parts} ORDER BY s.{column(SEQUENCE)} DESC)"


def _groupable(one: Column) -> str:
    name = column(one.name, of="s")
    # GoogleSQL does not partition by FLOAT64. As text, -0 would not be the 0 that it equals: so 0 is added.
    return f"CAST({name} + 0 AS STRING)" if one.kind is Kind.FLOAT64 else name


def _as_in_table(staged: Column, wanted: Column, place: str) -> str:
    return _projected(column(staged.name, of=place), staged, wanted, depth=1)


def _projected(expression: str, staged: Column, wanted: Column, depth: int) -> str:
    """Return the expression that turns a staged value into the type of the table's column."""
    if not _changes(staged, wanted):
        return expression
    if not staged.repeated:
        return _projected_item(expression, staged, wanted, depth)
    return _for_each(expression, lambda item: _projected_item(item, staged, wanted, depth + 1), depth)


def _for_each(array: str, value_of: Callable[[str], str], depth: int) -> str:
    item, position = f"item_{depth}", f"position_{depth}"
    value = value_of(item)
    return f"ARRAY(SELECT {value} FROM UNNEST({array}) AS {item} WITH OFFSET AS {position} ORDER BY {position})"


def _projected_item(expression: str, staged: Column, wanted: Column, depth: int) -> str:
    if staged.kind is Kind.STRUCT:
        values = [
            _projected(f"{expression}.{column(one.name)}", have, one, depth) if have else _absent(one)
            for have, one in _fields(staged, wanted)
        ]
        named = [f"{value} AS {column(one.name)}" for value, one in zip(values, wanted.fields, strict=True)]
        return f"IF({expression} IS NULL, NULL, STRUCT({', '.join(named)}))"
    if staged.kind is Kind.JSON:
        # A double that has no short decimal form, such as 1e23, is not an error.
        return f"PARSE_JSON({expression}, wide_number_mode => 'round')"
    return f"CAST({expression} AS {wanted.kind})"


def _absent(wanted: Column) -> str:
    # BigQuery stores a NULL array as an empty one, so a NULL would differ from what it becomes, run after run.
    return f"{wanted.sql_type}[]" if wanted.repeated else f"CAST(NULL AS {wanted.sql_type})"


def _changes(staged: Column, wanted: Column) -> bool:
    """Whether a staged value must be rebuilt: JSON is staged as text, and fields may stand in another order."""
    if staged.kind is Kind.JSON or staged.kind is not wanted.kind or len(staged.fields) != len(wanted.fields):
        return True
    pairs = zip(staged.fields, wanted.fields, strict=True)
    return any(one.name.lower() != other.name.lower() or _changes(one, other) for one, other in pairs)


def _same_key(columns: TableColumns) -> str:
    # Plain equality, so that BigQuery can prune by cluster.
    return " AND ".join(f"t.{column(name)} = s.{column(name)}" for name in columns.key)


def _differs(source: Source) -> str:
    changes = [
        f"OR {_comparable('t', one, source)} IS DISTINCT FROM {_comparable('s', one, source)}"
        for one in source.columns.other_columns()
    ]
    return "\n".join([f"t.{_OPERATION} = 'DELETE'", *changes])


def _written(source: Source) -> str:
    """Return the condition for a staged key that a MERGE writes: the one that says what its clauses say one by one."""
    is_new = f"t.{_IN_TABLE} IS NULL"
    is_marked = f"s.{_DELETED} AND {_LIVE}"
    is_changed = f"NOT s.{_DELETED} AND (\n{_indented(_differs(source), 6)}\n    )"
    return f"{_writable(f's.{_IN_RUN}', source)} AND (\n    {is_new} OR {is_marked} OR {is_changed}\n  )"


def _comparable(alias: str, one: Column, source: Source) -> str:
    """Return what stands for a value in a comparison: of a nested one, the fields that the stream has."""
    name, wanted = column(one.name, of=alias), source.table_columns[one.name]
    if one.comparable:
        return name
    # ARRAY, STRUCT and JSON have no equality in BigQuery: their JSON texts are equal when they are.
    if _lacks(one, wanted):
        return f"TO_JSON_STRING({_restricted(name, one, wanted, depth=1)})"
    # A row that is older than an array column has no array in it, which is the same as an empty one.
    return f"TO_JSON_STRING(IFNULL({name}, []))" if one.repeated else f"TO_JSON_STRING({name})"


def _lacks(staged: Column, wanted: Column) -> bool:
    """Whether the table has a nested field that the stream does not have."""
    return any(have is None or _lacks(have, one) for have, one in _fields(staged, wanted))


def _fields(staged: Column, wanted: Column) -> list[tuple[Column | None, Column]]:
    """Return the fields of a STRUCT of the table, each with the stream's own where there is one."""
    have = {one.name.lower(): one for one in staged.fields}
    return [(have.get(one.name.lower()), one) for one in wanted.fields]


def _restricted(expression: str, staged: Column, wanted: Column, depth: int) -> str:
    """Return the expression that leaves in a nested value of the table only the fields that the stream has."""
    if not _lacks(staged, wanted):
        return expression
    if not staged.repeated:
        return _restricted_item(expression, staged, wanted, depth)
    return _for_each(expression, lambda item: _restricted_item(item, staged, wanted, depth + 1), depth)


def _restricted_item(expression: str, staged: Column, wanted: Column, depth: int) -> str:
    fields = [
        f"{_restricted(f'{expression}.{column(one.name)}', have, one, depth)} AS {column(one.name)}"
        for have, one in _fields(staged, wanted)
        if have
    ]
    return f"IF({expression} IS NULL, NULL, STRUCT({', '.join(fields)}))"


def _updated(one: Column, source: Source) -> str:
    name = column(one.name)
    return _kept(f"s.{name}", f"t.{name}", one, source.table_columns[one.name])


def _kept(staged_value: str, table_value: str, staged: Column, wanted: Column) -> str:
    """Return what a column becomes: the staged value, and of a STRUCT what only the table has.

    An array is replaced whole, since nothing says which of its elements is which.
    """
    if staged.repeated or not _lacks(staged, wanted):
        return staged_value
    values = [
        _kept(f"{staged_value}.{name}", f"{table_value}.{name}", have, one) if have else f"{table_value}.{name}"
        for have, one, name in ((have, one, column(one.name)) for have, one in _fields(staged, wanted))
    ]
    named = [f"{value} AS {column(one.name)}" for value, one in zip(values, wanted.fields, strict=True)]
    return f"IF({staged_value} IS NULL, NULL, STRUCT({', '.join(named)}))"


def _in_partitions(word: str, partition: str, within: str) -> str:
    """Return a filter that lets BigQuery leave out the partitions that hold no staged key, where it is known."""
    return f"{word}{column(within, of='t')} BETWEEN @first AND @last" if within else _anywhere(word, partition)


def _anywhere(word: str, partition: str) -> str:
    """Return a filter by the partition column that lets every row pass.

    A table may refuse every statement without one. The staged rows do not say in which partition the row of a key is.
    """
    if not partition:
        return ""
    name = column(partition, of="t")
    return f"{word}({name} IS NULL OR {name} IS NOT NULL)"


def _writable(condition: str, source: Source) -> str:
    return f"{condition}{_and_not_present_only(source)}"


def _and_not_present_only(source: Source) -> str:
    return f" AND NOT s.{column(PRESENT_ONLY)}" if source.also_present else ""


def _first_operation() -> str:
    return f"IF(s.{_DELETED}, 'DELETE', 'INSERT')"


def _sweep(partition: str) -> tuple[str, ...]:
    return (
        f"WHEN NOT MATCHED BY SOURCE AND {_LIVE}{_anywhere(' AND ', partition)} THEN",
        f"  UPDATE SET {_OPERATION} = 'DELETE', {_SYNCED} = @synced",
    )


def _indented(text: str, by: int = 2) -> str:
    return textwrap.indent(text, " " * by)
