"""Singer input that breaks loaders, and the rows that it becomes."""

from __future__ import annotations

import gzip
import json
import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.singer import INTEGER, STRING, TIMESTAMP, activate, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

NUMBER = {"type": ["number", "null"]}
JOBS = schema("jobs", {"id": INTEGER, "name": STRING, "at": TIMESTAMP})
CREWS = schema("crews", {"id": INTEGER})


def batch(*paths: Path, version: int | None = None, form: str = "jsonl", compression: str | None = None) -> Any:  # noqa: ANN401
    """Return a BATCH message of the stream `jobs`."""
    return {
        "type": "BATCH",
        "stream": "jobs",
        "encoding": {"format": form, "compression": compression},
        "manifest": [path.as_uri() for path in paths],
        **({} if version is None else {"version": version}),
    }


def written(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write a batch file of JSON lines."""
    path.write_bytes(gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rows)))
    return path


def test_batches_are_records(target: TargetRunner, project: Project, tmp_path: Path) -> None:
    lines = [written(tmp_path / f"{i}.gz", [{"id": n, "name": f"file {i}"} for n in range(i, i + 3)]) for i in range(2)]
    columns = tmp_path / "jobs.parquet"
    at = pa.array([1_714_550_400_123_456_789], pa.timestamp("ns"))
    pq.write_table(pa.table({"id": [9], "name": ["parquet"], "at": at}), columns)
    messages = [
        JOBS,
        record("jobs", {"id": 0, "name": "first"}),
        batch(*lines, compression="gzip"),
        record("jobs", {"id": 3, "name": "last"}),
        batch(columns, form="parquet"),
        state({"bookmarks": {"jobs": 1}}),
    ]

    result = target(*messages)

    assert result.code == 0, result.log
    assert result.states == [{"bookmarks": {"jobs": 1}}]
    rows = project.rows("jobs")
    assert {key: row["name"] for key, row in rows.items()} == {
        0: "file 0",
        1: "file 1",
        2: "file 1",
        3: "last",
        9: "parquet",
    }
    assert rows[9]["at"].isoformat() == "2024-05-01T08:00:00.123456+00:00"
    assert project.log("jobs")[-1]["rows_read"] == 9

    assert target(*messages).code == 0
    assert project.rows("jobs") == rows

    # A snapshot is complete when the batch carries its version. One without a version proves nothing.
    some = written(tmp_path / "some.gz", [{"id": n, "name": "left"} for n in range(3)])
    unversioned = target(JOBS, batch(some, compression="gzip"), activate("jobs", 1))
    assert "no row was marked deleted" in unversioned.log
    assert "DELETE" not in project.operations("jobs").values()
    target(JOBS, batch(some, compression="gzip", version=2), activate("jobs", 2))
    assert project.operations("jobs") == {**dict.fromkeys(range(3), "UPDATE"), 3: "DELETE", 9: "DELETE"}


def test_a_batch_file_that_cannot_be_read_ends_its_stream_only(
    target: TargetRunner, project: Project, tmp_path: Path
) -> None:
    good = written(tmp_path / "good.gz", [{"id": 1}])
    bad = tmp_path / "bad.gz"
    bad.write_bytes(good.read_bytes()[:-9])

    result = target(
        *(JOBS, CREWS, batch(good, bad, compression="gzip"), record("crews", {"id": 1})),
        state({"bookmarks": {"jobs": 1, "crews": 1}}),
    )

    assert result.code == 1
    (error,) = result.errors
    assert "jobs: the batch file" in error
    assert "bad.gz" in error
    assert "Traceback" not in result.log
    assert result.states == [{"bookmarks": {"crews": 1}}]
    assert project.tables("bronze") == ["crews"]


def test_values_that_json_does_not_have(target: TargetRunner, project: Project) -> None:
    rows = schema("rows", {"id": INTEGER, "ratio": NUMBER, "name": STRING, "any": {}})
    messages = [
        rows,
        record("rows", {"id": 1, "ratio": math.nan, "name": "NaN"}),
        record("rows", {"id": 2, "ratio": math.inf, "name": "nul \0 half \ud800 whole \U0001f600"}),
        record("rows", {"id": 3, "ratio": -math.inf, "name": "x" * (16 << 20)}),
        record("rows", {"id": 4, "any": json.loads("[" * 499 + "]" * 499)}),
    ]

    assert target(*messages, activate("rows", 1)).code == 0
    before = project.rows("rows")
    assert target(*messages).code == 0

    assert [str(before[key]["ratio"]) for key in (1, 2, 3, 4)] == ["nan", "inf", "-inf", "None"]
    assert before[2]["name"] == "nul \0 half \ufffd whole \U0001f600"
    assert before[3]["name"] == "x" * (16 << 20)
    assert project.log("rows")[-1]["rows_unchanged"] == 4

    mapped = target(rows, record("rows", {"id": 5, "ratio": math.nan}), stream_maps={"rows": {"name": "'mapped'"}})
    assert mapped.code == 0, mapped.log
    assert project.query(f"SELECT IS_NAN(ratio) AS nan, name FROM `{project.name}.bronze.rows` WHERE id = 5") == [
        {"nan": True, "name": "mapped"}
    ]


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"id": 2, "name": math.nan}, ["rows", "id=2", "`name`", "a string", "NaN or Infinity"]),
        ({"id": 2, "any": [math.inf]}, ["rows", "id=2", "`any`", "JSON"]),
        ({"id": math.nan}, ["rows", "`id`", "key"]),
        ({"id": 2**63}, ["rows", "`id`", "64 bits"]),
        ({"id": 2, "count": 1e40}, ["rows", "id=2", "`count`", "64 bits"]),
        ({"id": 2, "any": json.loads("[" * 501 + "]" * 501)}, ["rows", "id=2", "`any`", "500 levels"]),
    ],
)
def test_values_that_no_column_takes(
    values: dict[str, Any], parts: list[str], target: TargetRunner, project: Project
) -> None:
    rows = schema("rows", {"id": INTEGER, "name": STRING, "any": {}, "count": INTEGER})

    result = target(rows, record("rows", {"id": 1}), record("rows", values), state({"x": 1}))

    assert (result.code, result.states, len(result.errors)) == (1, [], 1), result.log
    for part in parts:
        assert part in result.errors[0]
    assert project.tables("bronze") == []


def test_what_json_does_not_have_can_be_rejected(target: TargetRunner, project: Project) -> None:
    result = target(
        *(JOBS, record("jobs", {"id": 1}), record("jobs", {"id": 2, "name": math.nan}), state({"x": 1})),
        on_invalid_record="quarantine",
    )

    assert (result.code, result.states) == (0, [{"x": 1}]), result.log
    assert project.operations("jobs") == {1: "INSERT"}
    (rejected,) = project.query(f"SELECT * FROM `{project.name}.management.etl_rejected_records`")
    assert rejected["record"] == '{"id": 2, "name": NaN}'


KEYS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "floats": ({"type": "number"}, 0.1, -0.0),
    "decimals": ({"type": "number", "format": "decimal"}, 12.10, 1),
    "booleans": ({"type": "boolean"}, True, False),
    "dates": ({"type": "string", "format": "date"}, "2024-05-01", "0001-01-01"),
    "times": ({"type": "string", "format": "time"}, "08:00:00.123456", "00:00"),
    "timestamps": ({"type": "string", "format": "date-time"}, "2024-05-01T08:00:00Z", "0001-01-01T00:00:00"),
    "strings": ({"type": "string"}, "a.b`c'd\"e\\", ""),
}
"""For each stream: the schema of its key, a key that stays, and one that goes."""


@pytest.mark.long
def test_a_key_may_be_of_any_scalar_type(target: TargetRunner, project: Project) -> None:
    def messages(name: str, version: int, *keys: object) -> list[dict[str, Any]]:
        properties = {"key": KEYS[name][0], "part": {"type": "string", "format": "time"}, "version": INTEGER}
        records = [record(name, {"key": key, "part": "01:02", "version": version}, version) for key in keys]
        return [schema(name, properties, ["part", "key"]), *records, activate(name, version)]

    first = [message for name, (_, stays, goes) in KEYS.items() for message in messages(name, 1, stays, goes)]
    zero = record("floats", {"key": 0, "part": "01:02", "version": 1}, 1)  # the same key as -0.0
    result = target(*first[:2], zero, *first[2:])
    assert result.code == 0, result.log
    result = target(*(message for name, (_, stays, _) in KEYS.items() for message in messages(name, 2, stays, stays)))
    assert result.code == 0, result.log

    for name in KEYS:
        rows = project.query(f"SELECT version, _etl_operation FROM `{project.name}.bronze.{name}` ORDER BY version")
        assert [tuple(row.values()) for row in rows] == [(1, "DELETE"), (2, "UPDATE")], name


def test_messages_come_in_any_order(target: TargetRunner, project: Project) -> None:
    wider = schema("jobs", {"id": INTEGER, "name": STRING, "note": STRING})
    result = target(
        *(state({"bookmarks": {"nobody": 1}}), JOBS, CREWS, b"\r", record("jobs", {"id": 1}, 5)),
        *(record("crews", {"id": 1}, 9), record("jobs", {"id": 2}, 5), activate("crews", 9), b" "),
        *(wider, record("jobs", {"id": 3, "note": "new"}, 4), record("crews", {"id": 2}, 8), activate("jobs", 4)),
        *(JOBS, record("jobs", {"id": 2, "name": "last"}, 4), state({"bookmarks": {"nobody": 2}}), activate("jobs", 5)),
    )

    assert result.code == 0, result.log
    assert result.states[-1] == {"bookmarks": {"nobody": 2}}
    rows = project.rows("jobs")
    assert {key: (row["name"], row["note"]) for key, row in rows.items()} == {
        1: (None, None),
        2: ("last", None),
        3: (None, "new"),
    }
    assert project.operations("crews") == {1: "INSERT", 2: "INSERT"}
    assert "DELETE" not in project.operations("jobs").values()


def test_properties_that_the_schema_does_not_list_are_kept_when_asked_for(
    target: TargetRunner, project: Project
) -> None:
    first = [
        CREWS,
        *(record("crews", {"id": 1, "b": [1, 2.5], "a": {"y": None, "x": "é"}}), record("crews", {"id": 2})),
    ]
    target(*first)
    assert "_etl_extra" not in project.rows("crews")[1]
    keep = {"additional_properties": "keep"}

    assert target(*first, **keep).code == 0
    before = project.rows("crews")
    again = (
        b'{"type":"RECORD","stream":"crews","record":{"a":{"x":"\\u00e9", "y":null},"_sdc_x":1,"b":[1,2.50],"id":1}}'
    )
    assert target(CREWS, again, record("crews", {"id": 2}), **keep).code == 0

    assert before[1]["_etl_extra"] == {"a": {"x": "é", "y": None}, "b": [1, 2.5]}
    assert {key: row["_etl_operation"] for key, row in before.items()} == {1: "UPDATE", 2: "INSERT"}
    assert project.rows("crews") == before

    listed = schema("crews", {"id": INTEGER, "b": {"type": "array", "items": {"type": "number"}}})
    target(listed, record("crews", {"id": 1, "b": [1, 2.5]}), **keep)
    row = project.rows("crews")[1]
    assert (row["b"], row["_etl_extra"], row["_etl_operation"]) == ([1, 2.5], None, "UPDATE")
