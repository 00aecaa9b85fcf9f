"""Every statement that the target sends: its text, kept as a file, and the judgement of the GoogleSQL analyzer.

`UPDATE_SNAPSHOTS=1 .venv/bin/pytest tests/target/unit/test_sql.py` writes the files anew.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from support.googlesql import GoogleSQL
from target_bigquery_softdelete.audit.quarantine import REJECTED_FIELDS
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.records.arrow import DELETED, SEQUENCE
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns
from target_bigquery_softdelete.schema.naming import OPERATION, SYNCED, VALID_FROM, VALID_TO
from target_bigquery_softdelete.sql import merge as sql
from target_bigquery_softdelete.sql.identifiers import TableId, column
from target_bigquery_softdelete.sql.merge import Source

SNAPSHOTS = Path(__file__).parent / "sql"

TARGET = TableId("co-1", "bronze", "jobs")
REJECTED = TableId("co-1", "management", "etl_rejected_records")
HISTORY = TableId("co-1", "bronze", "jobs_history")
LIVE = TableId("co-1", "bronze", "jobs_live")
STAGING = TableId("co-1", "staging", "jobs__r1_3")
EARLIER = (TableId("co-1", "staging", "jobs__r1_1"), TableId("co-1", "staging", "jobs__r1_2"))


def col(name: str, kind: Kind, *fields: Column, repeated: bool = False) -> Column:
    return Column(name, name, kind, repeated, fields)


ID = col("id", Kind.INT64)

ADDRESS = (col("street", Kind.STRING), col("unit", Kind.INT64))

NESTED = (
    ID,
    col("address", Kind.STRUCT, *ADDRESS),
    col("custom", Kind.JSON),
    col("tags", Kind.STRING, repeated=True),
    col(
        "items",
        Kind.STRUCT,
        col("price", Kind.NUMERIC),
        col("extra", Kind.JSON),
        col("parts", Kind.STRUCT, col("note", Kind.JSON), repeated=True),
        repeated=True,
    ),
)


def source(
    columns: tuple[Column, ...],
    key: tuple[str, ...] = ("id",),
    in_table: tuple[Column, ...] = (),
    also_present: tuple[TableId, ...] = (),
) -> Source:
    """Return what is merged; `in_table` holds the columns that are not the same in the table."""
    table_columns = {one.name: one for one in columns} | {one.name.lower(): one for one in in_table}
    return Source(STAGING, TableColumns(columns, key), table_columns, also_present)


PLAIN = source(
    (
        ID,
        col("name", Kind.STRING),
        col("active", Kind.BOOL),
        col("price", Kind.NUMERIC),
        col("rate", Kind.BIGNUMERIC),
        col("distance", Kind.FLOAT64),
        col("modified_on", Kind.TIMESTAMP),
        col("day", Kind.DATE),
        col("end", Kind.TIME),
    )
)

SHAPES = {
    "plain": PLAIN,
    "key_only": source((ID,)),
    "composite_key": source(
        (col("day", Kind.DATE), col("group", Kind.STRING), col("weight", Kind.FLOAT64), col("name", Kind.STRING)),
        key=("group", "day", "weight"),
    ),
    "nested": source(NESTED),
    "other_field_order": source(
        (
            ID,
            col("address", Kind.STRUCT, *ADDRESS),
            col("items", Kind.STRUCT, *ADDRESS, repeated=True),
        ),
        in_table=(
            col("address", Kind.STRUCT, col("lines", Kind.STRING, repeated=True), *reversed(ADDRESS)),
            col("items", Kind.STRUCT, col("Unit", Kind.INT64), col("gone", Kind.DATE), ADDRESS[0], repeated=True),
        ),
    ),
    "wider_types": source(
        (
            ID,
            col("amount", Kind.INT64),
            col("rate", Kind.NUMERIC),
            col("counts", Kind.INT64, repeated=True),
            col("address", Kind.STRUCT, *ADDRESS),
        ),
        in_table=(
            col("id", Kind.NUMERIC),
            col("amount", Kind.FLOAT64),
            col("rate", Kind.BIGNUMERIC),
            col("counts", Kind.NUMERIC, repeated=True),
            col("address", Kind.STRUCT, ADDRESS[0], col("unit", Kind.FLOAT64)),
        ),
    ),
    "only_in_table": source(
        (
            ID,
            col("address", Kind.STRUCT, *ADDRESS, col("geo", Kind.STRUCT, col("lat", Kind.FLOAT64))),
            col("items", Kind.STRUCT, *ADDRESS, repeated=True),
        ),
        in_table=(
            col(
                "address",
                Kind.STRUCT,
                *ADDRESS,
                col("lines", Kind.STRING, repeated=True),
                col("geo", Kind.STRUCT, col("LAT", Kind.FLOAT64), replace(ID, foreign="BYTES")),
                replace(ID, name="since", foreign="DATETIME"),
            ),
            col(
                "items",
                Kind.STRUCT,
                col("spans", Kind.STRUCT, replace(ID, foreign="GEOGRAPHY")),
                *ADDRESS,
                repeated=True,
            ),
        ),
    ),
    "also_present": source(NESTED, also_present=EARLIER),
}

KEYLESS = replace(SHAPES["nested"], columns=TableColumns(NESTED, ()))

STATEMENTS = {
    **{f"merge_{name}": sql.merge(TARGET, shape, sweep=False) for name, shape in SHAPES.items()},
    **{f"measure_{name}": sql.measure(TARGET, shape) for name, shape in SHAPES.items()},
    **{f"measure_{name}_compare": sql.measure(TARGET, shape, compare=True) for name, shape in SHAPES.items()},
    "merge_plain_sweep": sql.merge(TARGET, PLAIN, sweep=True),
    "merge_also_present_sweep": sql.merge(TARGET, SHAPES["also_present"], sweep=True),
    "merge_plain_partition_sweep": sql.merge(TARGET, PLAIN, sweep=True, partition="day"),
    "measure_plain_partition": sql.measure(TARGET, PLAIN, partition="day"),
    "merge_composite_key_within": sql.merge(
        TARGET, SHAPES["composite_key"], sweep=False, partition="day", within="day"
    ),
    "measure_composite_key_within": sql.measure(TARGET, SHAPES["composite_key"], within="day"),
    "replace_partition": sql.replace(TARGET, [KEYLESS], partition="_PARTITIONTIME"),
    "adopt_partition": sql.adopt(TARGET, partition="_PARTITIONTIME"),
    "sweep_all_partition": sql.sweep_all(TARGET, partition="_PARTITIONTIME"),
    "count_live_partition": sql.count_live(TARGET, partition="_PARTITIONTIME"),
    "append": sql.append(TARGET, KEYLESS),
    "replace": sql.replace(TARGET, [KEYLESS, KEYLESS]),
    "adopt": sql.adopt(TARGET),
    "widen": sql.widen(TARGET, [col("amount", Kind.NUMERIC), col("end", Kind.FLOAT64)]),
    "widen_fields": sql.widen(TARGET, [col("items", Kind.STRUCT, *ADDRESS, col("price", Kind.NUMERIC))]),
    "sweep_all": sql.sweep_all(TARGET),
    "count_live": sql.count_live(TARGET),
    "follow_nested": sql.follow(HISTORY, TARGET, key=["id"], columns=[one.name for one in NESTED]),
    "follow_composite_key_partition": sql.follow(
        HISTORY, TARGET, key=["group", "day", "weight"], columns=["day", "group", "weight", "name"], partition="day"
    ),
    "live_view": sql.live_view(LIVE, sql.live_rows(TARGET, [one.name for one in NESTED])),
    "open_rejects": sql.open_rejects(REJECTED),
    "close_rejects": sql.close_rejects(REJECTED),
}


PARAMETERS = {
    "synced": "TIMESTAMP",
    "first": "DATE",
    "last": "DATE",
    "table_name": "STRING",
    "record_keys": "ARRAY<STRING>",
}
REJECTED_COLUMNS = [(one.name, one.field_type) for one in REJECTED_FIELDS]

WIDENED = source(
    (
        ID,
        col("amount", Kind.INT64),
        col("end", Kind.NUMERIC),
        col("items", Kind.STRUCT, *ADDRESS, col("price", Kind.INT64)),
    )
)


def shape_of(name: str) -> str:
    """Return the name of the shape that a statement was made for."""
    shape = name.partition("_")[2]
    shape = re.sub("(_sweep|_partition|_within|_compare)*$", "", shape)
    return shape if shape in SHAPES else "widen" if name.startswith("widen") else "keyless"


@cache
def analyzer(shape: str) -> GoogleSQL:
    """Return the analyzer with the tables that the statements of a shape see."""
    tables = catalog({**SHAPES, "widen": WIDENED}.get(shape, KEYLESS))
    parameters = {
        "synced": "TIMESTAMP",
        "first": "DATE",
        "last": "DATE",
        "table_name": "STRING",
        "record_keys": "ARRAY<STRING>",
    }
    return GoogleSQL({**tables, str(REJECTED): REJECTED_COLUMNS}, parameters)


def staged(one: Column) -> Column:
    """Return a column as it is in the staging table: JSON is text there."""
    kind = Kind.STRING if one.kind is Kind.JSON else one.kind
    return replace(one, kind=kind, fields=tuple(map(staged, one.fields)))


def catalog(shape: Source) -> dict[str, list[tuple[str, str]]]:
    """Return the tables that a statement sees, with the types that they have in BigQuery."""
    staging = [(one.name, staged(one).sql_type) for one in shape.columns.columns]
    staging += [(SEQUENCE, "INT64"), (DELETED, "BOOL")]
    target = [(one.name, one.sql_type) for one in shape.table_columns.values()]
    target += [(OPERATION, "STRING"), (SYNCED, "TIMESTAMP"), ("_PARTITIONTIME", "TIMESTAMP")]
    history = [*target, (VALID_FROM, "TIMESTAMP"), (VALID_TO, "TIMESTAMP")]
    return {str(TARGET): target, str(HISTORY): history, **{str(table): staging for table in (STAGING, *EARLIER)}}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_statement_is_the_one_that_was_reviewed(name: str) -> None:
    path = SNAPSHOTS / f"{name}.sql"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(f"{STATEMENTS[name]}\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == f"{STATEMENTS[name]}\n"


def test_every_snapshot_belongs_to_a_statement() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == set(STATEMENTS)


@pytest.mark.parametrize("name", STATEMENTS)
def test_bigquery_accepts_the_statement(name: str) -> None:
    analyzer(shape_of(name)).check(STATEMENTS[name])


def test_a_sweep_leaves_no_partition_out() -> None:
    with pytest.raises(ValueError, match="would be marked deleted"):
        sql.merge(TARGET, SHAPES["composite_key"], sweep=True, within="day")


ROWS: dict[TableId, list[tuple[object, ...]]] = {
    # Live: 1 to 4 and 6. Key 6 is in the table and nowhere in the run.
    TARGET: [(1, "INSERT"), (2, "UPDATE"), (3, "INSERT"), (4, "UPDATE"), (5, "DELETE"), (6, "INSERT")],
    # Key, position, deleted. Key 1 is in all three; key 4 was deleted before, and came back later.
    EARLIER[0]: [(1, 0, False), (2, 1, False), (4, 2, True), (4, 3, False)],
    EARLIER[1]: [(1, 0, False), (2, 1, False)],
    STAGING: [(1, 0, True), (1, 1, False), (3, 2, False), (3, 3, True), (5, 4, False), (7, 5, True), (8, 6, False)],
}


def with_rows(query: str) -> str:
    """Return the query with rows in place of tables, for the reference implementation of GoogleSQL."""
    tables = []
    for table, rows in ROWS.items():
        names = ("id", OPERATION) if table == TARGET else ("id", SEQUENCE, DELETED)
        values = [", ".join(f"{value!r} AS {name}" for value, name in zip(row, names, strict=True)) for row in rows]
        tables.append(f"{table.quoted} AS ({' UNION ALL '.join(f'SELECT {row}' for row in values)})")
    return f"WITH {', '.join(tables)}\n{query}"


@pytest.mark.parametrize(
    ("also_present", "counts"),
    [
        # staged, live, missing, restored, marked, born deleted, differ
        ((), (5, 5, 3, 1, 1, 1, 4)),
        (EARLIER, (5, 5, 1, 1, 1, 1, 4)),
    ],
)
def test_the_measurement_counts_each_row_once(also_present: tuple[TableId, ...], counts: tuple[int, ...]) -> None:
    for compare in (True, False):
        query = sql.measure(TARGET, source((ID,), also_present=also_present), compare=compare)
        assert GoogleSQL({}).rows(with_rows(query)) == [counts if compare else counts[:-1]]


def test_rows_without_an_operation_are_live() -> None:
    query = f"WITH {TARGET.quoted} AS (SELECT 'DELETE' AS {OPERATION} UNION ALL SELECT NULL)\n{sql.count_live(TARGET)}"
    assert GoogleSQL({}).rows(query) == [(1,)]


def staged_value(statement: str, name: str, value: str) -> str:
    """Return the expression of a column of the staged rows, with a value in place of the column."""
    line = next(line for line in statement.splitlines() if line.endswith(f" AS `{name}`,"))
    return line.strip().removesuffix(f" AS `{name}`,").replace(f"s.`{name}`", value)


def test_json_takes_numbers_that_have_no_short_decimal_form() -> None:
    expression = staged_value(STATEMENTS["merge_nested"], "custom", "'[1e23, 0.1, 18446744073709551615]'")
    assert GoogleSQL({}).rows(f"SELECT {expression}") == [("[9.999999999999999e+22,0.1,18446744073709551615]",)]


def keeping(statement: str, name: str, staged: str, stored: str) -> str:
    """Return the expression that an UPDATE gives to a column, with values in place of the columns."""
    line = next(line for line in statement.splitlines() if line.startswith(f"    `{name}` = "))
    expression = line.partition(" = ")[2].removesuffix(",")
    return expression.replace(f"s.`{name}`", f"({staged})").replace(f"t.`{name}`", f"({stored})")


STORED = """STRUCT('old' AS street, 1 AS unit, ['a'] AS `lines`, STRUCT(0.5 AS LAT, b"point" AS id) AS geo,
    DATETIME '2024-01-02 03:04:05' AS since)"""
STAGED = """STRUCT('new' AS street, 2 AS unit, ARRAY<STRING>[] AS `lines`,
    STRUCT(CAST({lat} AS FLOAT64) AS LAT, CAST(NULL AS BYTES) AS id) AS geo, CAST(NULL AS DATETIME) AS since)"""


def test_an_update_keeps_the_nested_fields_that_only_the_table_has() -> None:
    value = keeping(STATEMENTS["merge_only_in_table"], "address", STAGED.format(lat=1.5), STORED)
    ((street, lines, lat, point, since),) = GoogleSQL({}).rows(
        f"SELECT a.street, a.`lines`, a.geo.LAT, a.geo.id, CAST(a.since AS STRING) FROM (SELECT {value} AS a)"
    )
    assert (street, lines, lat, point, since) == ("new", ["a"], 1.5, b"point", "2024-01-02 03:04:05")


def test_an_array_that_the_stream_does_not_have_is_empty_and_not_null() -> None:
    value = "STRUCT('High Street' AS street, 7 AS unit)"
    expression = staged_value(STATEMENTS["merge_other_field_order"], "address", value)
    stored = "STRUCT(ARRAY<STRING>[] AS `lines`, 7 AS unit, 'High Street' AS street)"
    assert GoogleSQL({}).rows(f"SELECT TO_JSON_STRING({expression}) = TO_JSON_STRING({stored})") == [(True,)]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a`b",
        "a` OR TRUE --",
        "a;DROP TABLE x",
        "a/*",
        "a b",
        "a.b",
        "a\n",
        "a\\",
        "\uff41",
        "ид",
        "é",
        "1a",
        "a" * 301,
    ],
)
def test_a_name_that_is_no_column_name_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match="is not a valid BigQuery column name"):
        column(name)


@pytest.mark.parametrize(
    "table", ["", "jobs`", "jobs; DROP TABLE x", "jobs -- x", "jobs.x", "j\u043ebs", "jobs\n", "a" * 1025]
)
def test_a_name_that_is_no_table_name_is_refused(table: str) -> None:
    with pytest.raises(PluginError, match="is not a valid BigQuery table name"):
        TableId("co-1", "bronze", table)


@pytest.mark.parametrize(
    ("project", "dataset", "message"),
    [
        ("co-1`", "bronze", "project"),
        ("Co-1", "bronze", "project"),
        ("co-1.other", "bronze", "project"),
        ("", "bronze", "project"),
        ("co-1", "bronze`.`x", "dataset"),
        ("co-1", "", "dataset"),
    ],
)
def test_a_name_that_is_no_place_is_refused(project: str, dataset: str, message: str) -> None:
    with pytest.raises(PluginError, match=f"is not a valid BigQuery {message} name"):
        TableId(project, dataset, "jobs")


def test_a_project_of_a_domain_is_allowed() -> None:
    assert TableId("example.com:co-1", "bronze", "jobs").quoted == "`example.com:co-1.bronze.jobs`"


def test_no_statement_is_made_with_a_hostile_column() -> None:
    hostile = source((ID, col("x` = 1 --", Kind.STRING)))
    with pytest.raises(PluginError):
        sql.merge(TARGET, hostile, sweep=False)
    with pytest.raises(PluginError):
        sql.append(TARGET, hostile)
