"""Streams, keys and columns may have any name: that of a keyword, of an alias, or one that BigQuery keeps to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.singer import INTEGER, STRING, activate, record, schema
from support.target.ways import INLINE, STAGED

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

NAMES = {
    **{name: name for name in ("s", "t", "h", "c", "later", "select", "end", "live", "staged", "rows", "synced")},
    "_etl_t": "x_etl_t",
    "_etl_operation": "x_etl_operation",
    "_PARTITIONTIME": "x_partitiontime",
    "_TABLE_SUFFIX": "x_table_suffix",
    "_FILE_NAME": "x_file_name",
    "_ROW_TIMESTAMP": "x_row_timestamp",
    "__ROOT__a": "x__root__a",
    "_COLIDENTIFIER_1": "x_colidentifier_1",
    "_CHANGE_TYPE": "x_change_type",
}
"""Names of properties, and of the columns that they become."""


@pytest.mark.parametrize(("stream", "key"), [("_etl_s", "t"), ("select", "_PARTITIONTIME")])
def test_names_hide_nothing(stream: str, key: str, target: TargetRunner, project: Project) -> None:
    nested = {"type": ["object", "null"], "properties": dict.fromkeys(("s", "t", "end", "_etl_s"), STRING)}
    others = [name for name in NAMES if name != key]
    columns = {key: INTEGER, **dict.fromkeys(others, STRING), "item_1": {"type": "array", "items": nested}}
    start = schema(stream, columns, [key])

    def row(number: int, version: int, value: str) -> dict[str, Any]:
        values = {**dict.fromkeys(others, value), "item_1": [{"s": value, "t": "a", "end": None}]}
        return record(stream, {key: number, **values}, version)

    runs = [
        [row(1, 1, "a"), row(2, 1, "a"), row(3, 1, "a"), activate(stream, 1)],
        [row(1, 2, "a"), row(2, 2, "b"), activate(stream, 2)],
    ]
    for messages in runs:
        result = target(start, *messages, history=["*"], live_views=True)
        assert result.code == 0, result.log

    rows = project.rows(stream, NAMES[key])
    assert {number: row["_etl_operation"] for number, row in rows.items()} == {1: "INSERT", 2: "UPDATE", 3: "DELETE"}
    for number, value in {1: "a", 2: "b", 3: "a"}.items():
        assert {rows[number][NAMES[name]] for name in others} == {value}
        assert rows[number]["item_1"] == [{"s": value, "t": "a", "end": None, "x_etl_s": None}]
    (versions,) = project.query(f"SELECT COUNT(*) AS n FROM `{project.bronze}.{stream}_history`")
    assert versions["n"] == 5
    assert len(project.query(f"SELECT * FROM `{project.bronze}.{stream}_live`")) == 2


@pytest.mark.long
def test_a_stream_with_too_many_columns_is_refused_before_anything_is_written(
    target: TargetRunner, project: Project
) -> None:
    columns = {"id": INTEGER, **dict.fromkeys((f"column_{number}" for number in range(7_000)), STRING)}
    result = target(schema("wide", columns, ["id"]), record("wide", {"id": 1}))

    assert result.code == 1
    assert "wide: its 7,001 columns, nested ones included, make a statement of" in result.log
    assert project.tables("bronze") == project.tables("staging") == []


def test_names_that_would_be_one_column_can_have_a_suffix(target: TargetRunner, project: Project) -> None:
    rules = {
        "type": "array",
        "items": {"type": "object", "properties": dict.fromkeys(("IPProtocol", "ipProtocol"), STRING)},
    }
    prices = schema("prices", {"id": INTEGER, "名称": STRING, "价格": INTEGER, "rules": rules})
    row = {"id": 1, "名称": "a", "价格": 7, "rules": [{"IPProtocol": "tcp"}, {"ipProtocol": "udp"}]}

    refused = target(prices, record("prices", row))
    assert refused.code == 1
    assert "Set `column_naming` to `unique`" in refused.errors[0]
    for _ in range(2):
        result = target(prices, record("prices", row), column_naming="unique")
        assert result.code == 0, result.log

    assert "`名称` is `__" in result.log
    (found,) = project.rows("prices").values()
    assert found["_etl_operation"] == "INSERT"
    assert sorted(str(value) for name, value in found.items() if name.startswith("__")) == ["7", "a"]
    assert [[value for value in rule.values() if value] for rule in found["rules"]] == [["tcp"], ["udp"]]


FLEXIBLE = [
    "Größe",
    "价格",
    "a b",
    "50%",
    "x=y",
    "it's",
    "<b>",
    "#1",
    "a|b",
    "k:v",
    "+1",
    "-1",
    "2nd",
    "A&B",
    "e\u0301",
]
REPLACED = {"a.b": "a_b", 'q"': "q_", "Price (€)": "Price ___", "_etl_x": "x_etl_x", " lead": " lead"}


@pytest.mark.parametrize("way", [INLINE, pytest.param(STAGED, marks=pytest.mark.long)], ids=["inline", "staged"])
def test_names_may_be_flexible(way: dict[str, Any], target: TargetRunner, project: Project) -> None:
    names = [*FLEXIBLE, *REPLACED]
    nested = {"type": ["object", "null"], "properties": dict.fromkeys(names[:5], STRING)}
    columns = {"Nº": INTEGER, **dict.fromkeys(names, STRING), "in ner": {"type": "array", "items": nested}}
    rows = schema("rows", columns, ["Nº"])

    def row(number: int, version: int, value: str) -> dict[str, Any]:
        values = dict.fromkeys(names, value)
        return record("rows", {"Nº": number, **values, "in ner": [dict.fromkeys(names[:5], value)]}, version)

    settings = {**way, "column_naming": "flexible", "history": ["*"], "live_views": True}
    for messages in (
        [row(1, 1, "a"), row(2, 1, "a"), row(3, 1, "a"), activate("rows", 1)],
        [row(1, 2, "a"), row(2, 2, "b"), activate("rows", 2)],
    ):
        result = target(rows, *messages, **settings)
        assert result.code == 0, result.log

    found = project.rows("rows", "Nº")
    assert {number: row["_etl_operation"] for number, row in found.items()} == {1: "INSERT", 2: "UPDATE", 3: "DELETE"}
    assert {name: found[2][REPLACED.get(name, name)] for name in names} == dict.fromkeys(names, "b")
    assert found[2]["in ner"] == [dict.fromkeys(names[:5], "b")]
    assert project.log("rows")[-1]["rows_unchanged"] == 1
    (versions,) = project.query(f"SELECT COUNT(*) AS n FROM `{project.bronze}.rows_history`")
    assert versions["n"] == 5
    assert len(project.query(f"SELECT * FROM `{project.bronze}.rows_live`")) == 2
