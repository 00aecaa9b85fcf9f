"""Situations of other targets' suites (docs/compatibility.md) that no other test has, with inputs of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.singer import INTEGER, STRING, record, schema
from support.target.ways import INLINE, STAGED

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

PARTS = {"id": INTEGER, "part": STRING, "name": STRING}


def part(number: int, part: str, name: str) -> dict[str, Any]:
    """Return a record of the stream `parts`."""
    return record("parts", {"id": number, "part": part, "name": name})


def test_the_key_may_change_between_runs(target: TargetRunner, project: Project) -> None:
    assert target(schema("parts", PARTS), part(1, "a", "old"), part(2, "a", "old")).code == 0

    result = target(schema("parts", PARTS, ["id", "part"]), part(1, "a", "new"), part(1, "b", "new"))

    assert result.code == 0, result.log
    rows = project.query(f"SELECT id, part, name, _etl_operation FROM `{project.bronze}.parts` ORDER BY id, part")
    assert [tuple(row.values()) for row in rows] == [
        (1, "a", "new", "UPDATE"),
        (1, "b", "new", "INSERT"),
        (2, "a", "old", "INSERT"),
    ]


def test_a_later_run_with_an_older_record_makes_the_row_older(target: TargetRunner, project: Project) -> None:
    for name in ("2024-05-02", "2024-05-01"):
        assert target(schema("parts", PARTS), part(1, "a", name)).code == 0
    assert project.rows("parts")[1]["name"] == "2024-05-01"


@pytest.mark.parametrize("way", [INLINE, pytest.param(STAGED, marks=pytest.mark.long)], ids=["inline", "staged"])
def test_texts_of_any_kind_arrive(way: dict[str, Any], target: TargetRunner, project: Project) -> None:
    texts = [
        "a\x00b",
        "😀",
        "ä\u0301",
        "\u202eright to left",
        "'; DROP TABLE parts; --",
        "`%s` {} $1 @rows",
        "x" * 300_000,
    ]
    half = b'{"type":"RECORD","stream":"parts","record":{"id":99,"name":"\\ud83d"}}'
    messages: list[dict[str, Any] | bytes] = [schema("parts", PARTS)]
    messages += [*(part(number, "a", text) for number, text in enumerate(texts)), half]
    for _ in range(2):
        result = target(*messages, **way)
        assert result.code == 0, result.log
    rows = project.rows("parts")
    assert [rows[number]["name"] for number in range(len(texts))] == texts
    assert rows[99]["name"] == "\ufffd"
    assert project.log("parts")[-1]["rows_unchanged"] == len(texts) + 1


def test_columns_come_and_go_and_come_back(target: TargetRunner, project: Project) -> None:
    tags = {"type": "array", "items": STRING}
    few = schema("parts", {"id": INTEGER})
    many = schema("parts", {"tags": tags, "name": STRING, "id": INTEGER})  # in another order, too
    messages = [
        *(few, record("parts", {"id": 1})),
        *(many, record("parts", {"id": 1, "name": "a", "tags": ["x"]}), record("parts", {"id": 2})),
        *(few, record("parts", {"id": 1}), record("parts", {"id": 3})),
        *(many, record("parts", {"id": 3, "name": "c", "tags": []})),
    ]
    result = target(*messages)
    assert result.code == 0, result.log
    rows = project.rows("parts")
    assert {key: (row["name"], row["tags"], row["_etl_operation"]) for key, row in rows.items()} == {
        1: ("a", ["x"], "UPDATE"),
        2: (None, [], "INSERT"),
        3: ("c", [], "UPDATE"),
    }
