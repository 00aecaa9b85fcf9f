"""Every statement that the target sends: its text, kept in a file, checked by the GoogleSQL analyzer.

`UPDATE_SNAPSHOTS=1 .venv/bin/pytest tests/target/unit/sql/test_statements.py` updates the files.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from servicetitan_sandbox.bigquery.googlesql.analyzer import GoogleSQL
from target_bigquery_softdelete.audit.etl_log import LOG_FIELDS
from target_bigquery_softdelete.audit.quarantine import REJECTED_FIELDS
from target_bigquery_softdelete.bigquery.table_schema import column_of
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns
from target_bigquery_softdelete.schema.system_columns import (
    ABSENT,
    DELETED,
    DELETED_AT,
    OPERATION,
    SEQUENCE,
    SYNCED,
    VALID_FROM,
    VALID_TO,
)
from target_bigquery_softdelete.sql import history, merge, table_states, tables
from target_bigquery_softdelete.sql.fused import fuse
from target_bigquery_softdelete.sql.identifiers import TableId
from target_bigquery_softdelete.sql.ranges import RowRanges, bound_name
from target_bigquery_softdelete.sql.source import Source
from target_bigquery_softdelete.sql.table_states import ADDED_COLUMNS

SNAPSHOTS = Path(__file__).parent / "snapshots"

TARGET = TableId("co-1", "bronze", "jobs")
LOG = TableId("co-1", "management", "etl_logs")
REJECTED = TableId("co-1", "management", "etl_rejected_records")
HISTORY = TableId("co-1", "bronze", "jobs_history")
AS_OF = TableId("co-1", "bronze", "jobs_as_of")
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
    seen_key_tables: tuple[TableId, ...] = (),
) -> Source:
    """Return a source; `in_table` holds the columns that differ in the table."""
    table_columns = {column.name: column for column in columns} | {column.name.lower(): column for column in in_table}
    return Source(STAGING, TableColumns(columns, key), table_columns, seen_key_tables)


def keeping_absent(shape: Source) -> Source:
    """Return a source in which absent properties keep their values."""
    return replace(shape, columns=replace(shape.columns, keeps_absent=True))


def without(name: str, shape: Source) -> Source:
    """Return a source whose table lacks a column."""
    return replace(
        shape, table_columns={other: column for other, column in shape.table_columns.items() if other != name}
    )


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
    # Named like aliases that a statement may have. None may be hidden by one.
    "names_of_aliases": source(
        (
            col("t", Kind.INT64),
            col("s", Kind.STRING),
            col("h", Kind.STRING),
            col("c", Kind.STRUCT, *ADDRESS),
            col("later", Kind.JSON),
            col("live", Kind.STRING),
            col("staged", Kind.STRING),
            col("item_1", Kind.STRUCT, col("item_1", Kind.JSON), repeated=True),
            col("position_1", Kind.INT64),
        ),
        key=("t", "s"),
        seen_key_tables=EARLIER,
    ),
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
    "seen_key_tables": source(NESTED, seen_key_tables=EARLIER),
    "bytes": source(
        (
            ID,
            col("file", Kind.BYTES),
            col("text", Kind.BYTES),
            col("parts", Kind.BYTES, repeated=True),
            col("doc", Kind.STRUCT, col("file", Kind.BYTES)),
        ),
        in_table=(col("text", Kind.STRING),),
    ),
    # Absent properties keep their values.
    "absent": keeping_absent(
        source(
            NESTED,
            in_table=(col("address", Kind.STRUCT, *reversed(ADDRESS), col("lines", Kind.STRING, repeated=True)),),
            seen_key_tables=EARLIER,
        )
    ),
    "absent_composite_key": keeping_absent(
        source(
            (col("day", Kind.DATE), col("group", Kind.STRING), col("weight", Kind.FLOAT64), col("name", Kind.STRING)),
            key=("group", "weight"),
        )
    ),
    # What can only be NULL: columns that the table has with a type, and others that it lacks.
    "only_null": without(
        "gone",
        source(
            (
                ID,
                col("gone", Kind.NULL),
                col("name", Kind.NULL),
                col("tags", Kind.NULL),
                col("geo", Kind.NULL),
                col("address", Kind.STRUCT, *ADDRESS, col("unknown", Kind.NULL), col("since", Kind.NULL)),
            ),
            in_table=(
                col("name", Kind.STRING),
                col("tags", Kind.STRING, repeated=True),
                col("geo", Kind.STRUCT, *ADDRESS),
                col("address", Kind.STRUCT, *ADDRESS, col("since", Kind.DATE)),
            ),
            seen_key_tables=EARLIER,
        ),
    ),
}

GROUPS = RowRanges("group", ((False, True), (True, True), (True, False), (False, False)))
TIMES = RowRanges("modified_on", ((False, True), (True, True)), are_times=True)
BOUNDS = {"composite_key": "STRING", "plain": "TIMESTAMP"}
"""The type of the bounds in the statements of a shape."""

KEYLESS = replace(SHAPES["nested"], columns=TableColumns(NESTED, ()))

INLINE = {
    name: replace(SHAPES[name], inline="[]")
    for name in ("plain", "composite_key", "nested", "other_field_order", "wider_types", "only_null", "absent", "bytes")
}

LOG_COLUMN_LIST = [*map(column_of, LOG_FIELDS)]
STATE_COLUMNS = [col(name, Kind.INT64) for name in ADDED_COLUMNS]

STATEMENTS = {
    **{f"merge_{name}": merge.merge(TARGET, shape, mark_missing_deleted=False) for name, shape in SHAPES.items()},
    **{f"preview_merge_{name}": merge.preview_merge(TARGET, shape) for name, shape in SHAPES.items()},
    **{
        f"preview_merge_{name}_compare": merge.preview_merge(TARGET, shape, compare=True)
        for name, shape in SHAPES.items()
    },
    "merge_plain_mark_missing_deleted": merge.merge(TARGET, PLAIN, mark_missing_deleted=True),
    "merge_plain_marks_refused": merge.merge(TARGET, PLAIN, mark_missing_deleted=False, mark_deleted=False),
    "merge_seen_key_tables_marks_refused": merge.merge(
        TARGET, SHAPES["seen_key_tables"], mark_missing_deleted=False, mark_deleted=False
    ),
    "merge_composite_key_within_marks_refused": merge.merge(
        TARGET, SHAPES["composite_key"], mark_missing_deleted=False, mark_deleted=False, within="day"
    ),
    "merge_seen_key_tables_mark_missing_deleted": merge.merge(
        TARGET, SHAPES["seen_key_tables"], mark_missing_deleted=True
    ),
    "merge_plain_partition_mark_missing_deleted": merge.merge(
        TARGET, PLAIN, mark_missing_deleted=True, partition="day"
    ),
    "preview_merge_plain_partition": merge.preview_merge(TARGET, PLAIN, partition="day"),
    "merge_composite_key_within": merge.merge(
        TARGET, SHAPES["composite_key"], mark_missing_deleted=False, partition="day", within="day"
    ),
    "merge_composite_key_piece": merge.merge(TARGET, SHAPES["composite_key"], mark_missing_deleted=False, piece="day"),
    "merge_absent_composite_key_piece": merge.merge(
        TARGET, SHAPES["absent_composite_key"], mark_missing_deleted=False, piece="day"
    ),
    "pieces": merge.pieces(SHAPES["composite_key"], "day", "TIMESTAMP_TRUNC(TIMESTAMP(`day`), DAY)"),
    "preview_merge_composite_key_within": merge.preview_merge(TARGET, SHAPES["composite_key"], within="day"),
    "replace_partition": merge.replace(TARGET, [KEYLESS], partition="_PARTITIONTIME"),
    "adopt_partition": tables.adopt(TARGET, partition="_PARTITIONTIME"),
    "mark_all_deleted_partition": merge.mark_all_deleted(TARGET, partition="_PARTITIONTIME"),
    "count_live_partition": merge.count_live(TARGET, partition="_PARTITIONTIME"),
    "append": merge.append(TARGET, KEYLESS),
    "replace": merge.replace(TARGET, [KEYLESS, KEYLESS]),
    "replace_by_nothing": merge.replace(TARGET, []),
    "adopt": tables.adopt(TARGET),
    "adopt_deletion_times": tables.adopt(TARGET, has_deletion_times=True),
    "count_deleted": merge.count_deleted(TARGET),
    "earlier_marks": tables.earlier_marks(LOG, has_marked=True, has_allowed=True),
    "earlier_marks_of_old_log": tables.earlier_marks(LOG, has_marked=False, has_allowed=False),
    "merge_composite_key_mark_missing_deleted_ranges": merge.merge(
        TARGET, SHAPES["composite_key"], mark_missing_deleted=True, ranges=GROUPS, partition="day"
    ),
    "preview_merge_composite_key_ranges": merge.preview_merge(TARGET, SHAPES["composite_key"], ranges=GROUPS),
    "merge_plain_mark_missing_deleted_ranges": merge.merge(
        TARGET, PLAIN, mark_missing_deleted=True, ranges=TIMES, spare_taken=True
    ),
    "preview_merge_plain_ranges": merge.preview_merge(TARGET, PLAIN, compare=True, ranges=TIMES, spare_taken=True),
    "merge_plain_mark_missing_deleted_spared": merge.merge(
        TARGET, SHAPES["plain"], mark_missing_deleted=True, spare_taken=True
    ),
    "preview_merge_plain_spared": merge.preview_merge(TARGET, SHAPES["plain"], spare_taken=True),
    "widen": tables.widen(TARGET, [col("amount", Kind.NUMERIC), col("end", Kind.FLOAT64)]),
    "widen_fields": tables.widen(TARGET, [col("items", Kind.STRUCT, *ADDRESS, col("price", Kind.NUMERIC))]),
    "widen_key": tables.change_columns(TARGET, [col("amount", Kind.NUMERIC)], drops_key=True, key=["id", "amount"]),
    "widen_key_to_double": tables.change_columns(TARGET, [col("amount", Kind.FLOAT64)], drops_key=True, key=()),
    "count_values": tables.count_values(TARGET, ["custom", "tags"], partition="_PARTITIONTIME"),
    "drop_columns": tables.drop_columns(TARGET, ["custom", "address"]),
    "count_lost_keys": tables.count_lost_keys(TARGET.quoted, [ID]),
    "count_lost_keys_partition": tables.count_lost_keys(TARGET.quoted, [ID], partition="_PARTITIONTIME"),
    "mark_all_deleted": merge.mark_all_deleted(TARGET),
    "count_live": merge.count_live(TARGET),
    "append_versions_nested": tables.append_versions(
        HISTORY, TARGET, key=["id"], columns=[column.name for column in NESTED]
    ),
    "append_versions_names_of_aliases": tables.append_versions(
        HISTORY, TARGET, key=["t", "s"], columns=["t", "s", "h", "c", "later"]
    ),
    "append_versions_composite_key_partition": tables.append_versions(
        HISTORY, TARGET, key=["group", "day", "weight"], columns=["day", "group", "weight", "name"], partition="day"
    ),
    "as_of": history.as_of_function(AS_OF, HISTORY, ["id", "address", SYNCED]),
    "preview_merge_composite_key_unversioned": history.with_unversioned(
        merge.preview_merge(TARGET, SHAPES["composite_key"], partition="day"),
        HISTORY,
        TARGET,
        key=["group", "day", "weight"],
        partition="day",
    ),
    "live_view": tables.live_view(LIVE, tables.live_rows(TARGET, [column.name for column in NESTED])),
    **{f"fill_{name}": merge.fill(TARGET, shape) for name, shape in SHAPES.items() if not shape.seen_key_tables},
    "fill_composite_key_partition": merge.fill(TARGET, SHAPES["composite_key"], partition="day"),
    **{
        f"merge_{name}_mark_missing_deleted_inline": merge.merge(TARGET, shape, mark_missing_deleted=True)
        for name, shape in INLINE.items()
    },
    **{
        f"preview_merge_{name}_compare_inline": merge.preview_merge(TARGET, shape, compare=True)
        for name, shape in INLINE.items()
    },
    **{f"fill_{name}_inline": merge.fill(TARGET, shape) for name, shape in INLINE.items()},
    "append_inline": merge.append(TARGET, replace(KEYLESS, inline="[]")),
    "replace_inline": merge.replace(TARGET, [KEYLESS, replace(KEYLESS, inline="[]")]),
    "pieces_inline": merge.pieces(INLINE["composite_key"], "day", "TIMESTAMP_TRUNC(TIMESTAMP(`day`), DAY)"),
    "count_lost_keys_inline": tables.count_lost_keys(INLINE["plain"].rows_sql, [ID]),
    "preview_merge_composite_key_within_fused": fuse(
        [
            (merge.preview_merge(TARGET, shape, within="day"), merge.PREVIEW_COUNTS)
            for shape in (SHAPES["composite_key"], INLINE["composite_key"])
        ]
    ),
    "known_fingerprints": table_states.known_fingerprints(TARGET, LOG, [field.name for field in LOG_FIELDS]),
    "log_rows": table_states.log_rows(LOG_COLUMN_LIST),
    "log_rows_with_states": table_states.log_rows_with_states([*LOG_COLUMN_LIST, *STATE_COLUMNS], TARGET),
    "open_rejects": tables.open_rejects(REJECTED),
    "close_rejects": tables.close_rejects(REJECTED),
}


PARAMETERS = {
    "synced": "TIMESTAMP",
    "lease_until": "TIMESTAMP",
    "began": "TIMESTAMP",
    "own_times": "ARRAY<TIMESTAMP>",
    "first": "DATE",
    "piece_first": "DATE",
    "piece_last": "DATE",
    "piece_null": "BOOL",
    "most": "INT64",
    "last": "DATE",
    "entries": "ARRAY<STRING>",
    "since": "TIMESTAMP",
    "spared": "ARRAY<TIMESTAMP>",
    "rows": "STRING",
    "rows_1": "STRING",
    **{f"{name}_{number}": "DATE" for name in ("first", "last") for number in (0, 1)},
}
TABLES_COLUMNS = [
    ("project_id", "STRING"),
    ("dataset_id", "STRING"),
    ("table_id", "STRING"),
    ("last_modified_time", "INT64"),
    ("row_count", "INT64"),
    ("size_bytes", "INT64"),
]
LOG_COLUMNS = [(field.name, field.field_type) for field in LOG_FIELDS]
REJECTED_COLUMNS = [(column.name, column.field_type) for column in REJECTED_FIELDS]

WIDENED = source(
    (
        ID,
        col("amount", Kind.INT64),
        col("end", Kind.NUMERIC),
        col("items", Kind.STRUCT, *ADDRESS, col("price", Kind.INT64)),
    )
)


def shape_of(name: str) -> str:
    """Return the name of the shape that a statement is for."""
    shape = re.sub("^(merge|preview_merge|append_versions|fill)_", "", name)
    endings = ["mark_missing_deleted", "marks_refused", "partition", "within", "piece", "compare", "spared", "ranges"]
    endings += ["inline", "fused"]
    shape = re.sub(f"(_({'|'.join(endings)}|unversioned))*$", "", shape)
    if name.startswith("pieces"):
        return "composite_key"
    if name == "count_lost_keys_inline":
        return "plain"
    return shape if shape in SHAPES else "widen" if name.startswith("widen") else "keyless"


@cache
def analyzer(shape: str) -> GoogleSQL:
    """Return the analyzer with the tables that the statements of a shape read and write."""
    seen = catalog({**SHAPES, "widen": WIDENED}.get(shape, KEYLESS))
    seen[f"{TARGET.project}.{TARGET.dataset}.__TABLES__"] = TABLES_COLUMNS
    bounds = {
        bound_name(number, is_upper=upper): BOUNDS.get(shape, "INT64") for number in range(3) for upper in (False, True)
    }
    return GoogleSQL({**seen, str(REJECTED): REJECTED_COLUMNS, str(LOG): LOG_COLUMNS}, {**PARAMETERS, **bounds})


def staged(column: Column) -> Column:
    """Return a column as it is in the staging table: JSON is text there."""
    kind = Kind.STRING if column.kind in {Kind.JSON, Kind.BYTES, Kind.NULL} else column.kind
    return replace(column, kind=kind, fields=tuple(map(staged, column.fields)))


def catalog(shape: Source) -> dict[str, list[tuple[str, str]]]:
    """Return the tables that a statement uses, with the types of their columns in BigQuery."""
    staging = [(column.name, staged(column).sql_type) for column in shape.columns.columns]
    staging += [(SEQUENCE, "INT64"), (DELETED, "BOOL"), *([(ABSENT, "STRING")] if shape.columns.keeps_absent else [])]
    target = [(column.name, column.sql_type) for column in shape.table_columns.values()]
    target += [(OPERATION, "STRING"), (SYNCED, "TIMESTAMP"), ("_PARTITIONTIME", "TIMESTAMP")]
    target += [(DELETED_AT, "STRING")]
    history = [*target, (VALID_FROM, "TIMESTAMP"), (VALID_TO, "TIMESTAMP")]
    return {str(TARGET): target, str(HISTORY): history, **{str(table): staging for table in (STAGING, *EARLIER)}}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_matches_its_snapshot(name: str) -> None:
    path = SNAPSHOTS / f"{name}.sql"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(f"{STATEMENTS[name]}\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == f"{STATEMENTS[name]}\n"


def test_every_snapshot_belongs_to_a_statement() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == set(STATEMENTS)


@pytest.mark.parametrize("name", STATEMENTS)
def test_bigquery_accepts_the_statement(name: str) -> None:
    analyzer(shape_of(name)).check(STATEMENTS[name])


def test_marking_missing_rows_leaves_no_partition_out() -> None:
    with pytest.raises(ValueError, match="would be marked deleted"):
        merge.merge(TARGET, SHAPES["composite_key"], mark_missing_deleted=True, within="day")


ROWS: dict[TableId, list[tuple[object, ...]]] = {
    # Live: 1 to 4 and 6. Key 6 is only in the table.
    TARGET: [
        (1, "INSERT", 0),
        (2, "UPDATE", 0),
        (3, "INSERT", 0),
        (4, "UPDATE", 0),
        (5, "DELETE", 0),
        (6, "INSERT", 0),
    ],
    # Key, position, deleted. Key 1 is in all three; key 4 was deleted before, and came back later.
    EARLIER[0]: [(1, 0, False), (2, 1, False), (4, 2, True), (4, 3, False)],
    EARLIER[1]: [(1, 0, False), (2, 1, False)],
    STAGING: [(1, 0, True), (1, 1, False), (3, 2, False), (3, 3, True), (5, 4, False), (7, 5, True), (8, 6, False)],
}


def with_rows(query: str) -> str:
    """Return the query with rows in place of tables, for the reference implementation of GoogleSQL."""
    queries = []
    for table, rows in ROWS.items():
        names = ("id", OPERATION, SYNCED) if table == TARGET else ("id", SEQUENCE, DELETED)
        values = [", ".join(f"{value!r} AS {name}" for value, name in zip(row, names, strict=True)) for row in rows]
        queries.append(f"{table.quoted} AS ({' UNION ALL '.join(f'SELECT {row}' for row in values)})")
    return f"WITH {', '.join(queries)}\n{query}"


@pytest.mark.parametrize(
    ("seen_key_tables", "counts"),
    [
        # staged, live, missing, restored, marked, born deleted, unlabelled, differ
        ((), (5, 5, 3, 1, 1, 1, 0, 4)),
        (EARLIER, (5, 5, 1, 1, 1, 1, 0, 4)),
    ],
)
def test_the_preview_counts_each_row_once(seen_key_tables: tuple[TableId, ...], counts: tuple[int, ...]) -> None:
    for compare in (True, False):
        query = merge.preview_merge(TARGET, source((ID,), seen_key_tables=seen_key_tables), compare=compare)
        assert GoogleSQL({}).rows(with_rows(query)) == [counts if compare else counts[:-1]]


def test_rows_without_an_operation_are_live() -> None:
    query = (
        f"WITH {TARGET.quoted} AS (SELECT 'DELETE' AS {OPERATION} UNION ALL SELECT NULL)\n{merge.count_live(TARGET)}"
    )
    assert GoogleSQL({}).rows(query) == [(1,)]


def staged_value(statement: str, name: str, value: str) -> str:
    """Return the expression of a column of the staged rows, with a value in place of the column."""
    line = next(line.rstrip(",") for line in statement.splitlines() if line.rstrip(",").endswith(f" AS `{name}`"))
    return line.strip().removesuffix(f" AS `{name}`").replace(f"_etl_s.`{name}`", value)


def test_json_takes_numbers_that_have_no_short_decimal_form() -> None:
    expression = staged_value(STATEMENTS["merge_nested"], "custom", "'[1e23, 0.1, 18446744073709551615]'")
    assert GoogleSQL({}).rows(f"SELECT {expression}") == [("[9.999999999999999e+22,0.1,18446744073709551615]",)]


def keeping(statement: str, name: str, staged: str, stored: str) -> str:
    """Return the expression that an UPDATE gives to a column, with values in place of the columns."""
    line = next(line for line in statement.splitlines() if line.startswith(f"    `{name}` = "))
    expression = line.partition(" = ")[2].removesuffix(",")
    return expression.replace(f"_etl_s.`{name}`", f"({staged})").replace(f"_etl_t.`{name}`", f"({stored})")


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


def test_no_statement_is_made_with_a_hostile_column() -> None:
    hostile = source((ID, col("x` = 1 --", Kind.STRING)))
    with pytest.raises(PluginError):
        merge.merge(TARGET, hostile, mark_missing_deleted=False)
    with pytest.raises(PluginError):
        merge.append(TARGET, hostile)
