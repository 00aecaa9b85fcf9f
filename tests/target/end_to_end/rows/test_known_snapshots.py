"""A snapshot that a table is known to equal costs nothing. Whoever touches table, log or settings makes it unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.client.bigquery_control import set_conditions
from support.singer import INTEGER, STRING, schema
from support.target.watched_table import EVERYTHING, PROPERTIES, SAME, WatchedTable, known_table, snapshot
from support.target.ways import STAGED
from target_bigquery_softdelete import context

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

OTHER_ROW = (
    "INSERT INTO `{0}.jobs` (id, name, _etl_operation, _etl_synced) VALUES (9, 'two', 'INSERT', TIMESTAMP '2024-01-01')"
)


@pytest.fixture
def table(target: TargetRunner, project: Project) -> WatchedTable:
    """A table that is known to equal a snapshot."""
    return known_table(target, project)


def test_a_snapshot_is_recognised_in_any_order_and_with_repetitions(table: WatchedTable) -> None:
    result, has_touched = table.run([*snapshot({3: "three", 2: "old"})[:-2], *snapshot({2: "two", 1: "one"})[1:]])

    assert (result.code, has_touched) == (0, False), result.log
    assert table.counts == {"unchanged": 3}
    log = table.project.log("jobs")
    assert [row["rows_read"] for row in log] == [3, 3, 4]
    assert {(row["fingerprint"], row["table_state"]) for row in log} == {(log[0]["fingerprint"], log[0]["table_state"])}
    assert log[-1]["bytes_billed"] == 0


@pytest.mark.parametrize("settings", [STAGED, {"block_bytes": 65536}], ids=["staged", "blocks"])
def test_how_a_run_reaches_bigquery_does_not_matter(settings: dict[str, Any], table: WatchedTable) -> None:
    # What is staged has no fingerprint. It is compared, and what was known is then known no more.
    assert table.read(SAME, **settings) is (settings == STAGED)
    assert table.live == SAME
    assert table.counts == {"unchanged": 3}
    if settings == STAGED:
        table.assert_unknown_once(SAME)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE `{0}.jobs` SET name = 'by hand' WHERE id = 2",
        pytest.param("UPDATE `{0}.jobs` SET size = 7 WHERE id = 3", marks=pytest.mark.long),
        pytest.param("UPDATE `{0}.jobs` SET _etl_operation = 'DELETE' WHERE id = 1", marks=pytest.mark.long),
        OTHER_ROW,
        pytest.param("DELETE FROM `{0}.jobs` WHERE id = 2", marks=pytest.mark.long),
        pytest.param("DELETE FROM `{0}.jobs` WHERE TRUE", marks=pytest.mark.long),
        pytest.param("TRUNCATE TABLE `{0}.jobs`", marks=pytest.mark.long),
        f"BEGIN TRANSACTION; DELETE FROM `{{0}}.jobs` WHERE id = 2; {OTHER_ROW}; COMMIT TRANSACTION",
        pytest.param("ALTER TABLE `{0}.jobs` ADD COLUMN note STRING", marks=pytest.mark.long),
        pytest.param("ALTER TABLE `{0}.jobs` DROP COLUMN name", marks=pytest.mark.long),
        "DROP TABLE `{0}.jobs`",
        pytest.param("DELETE FROM `{log}` WHERE TRUE", marks=pytest.mark.long),
        pytest.param("UPDATE `{log}` SET fingerprint = REVERSE(fingerprint) WHERE TRUE", marks=pytest.mark.long),
        pytest.param("UPDATE `{log}` SET table_state = NULL WHERE TRUE", marks=pytest.mark.long),
        pytest.param("DROP TABLE `{log}`", marks=pytest.mark.long),
        "ALTER TABLE `{log}` DROP COLUMN fingerprint",
    ],
)
def test_what_somebody_does_by_hand_is_seen_and_put_right(statement: str, table: WatchedTable) -> None:
    table.sql(statement)

    table.assert_unknown_once(SAME)


def test_a_table_that_was_made_anew_is_compared(table: WatchedTable) -> None:
    table.sql("CREATE TABLE `{0}.copy` AS SELECT * REPLACE (IF(id = 2, 'other', name) AS name) FROM `{0}.jobs`")
    labels = table.project.client.get_table(f"{table.project.bronze}.jobs").labels
    table.sql("DROP TABLE `{0}.jobs`")
    table.sql("ALTER TABLE `{0}.copy` RENAME TO jobs")
    made = table.project.client.get_table(f"{table.project.bronze}.jobs")
    made.labels = labels
    table.project.client.update_table(made, ["labels"])

    table.assert_unknown_once(SAME)


def test_a_row_that_somebody_streams_is_seen(table: WatchedTable) -> None:
    values = {"id": 9, "name": "streamed", "_etl_operation": "INSERT", "_etl_synced": "2024-01-01T00:00:00Z"}
    assert table.project.client.insert_rows_json(f"{table.project.bronze}.jobs", [values]) == []
    # The half hour in which it cannot be changed is over at once.
    set_conditions(table.project.api_endpoint, table.project.name, pace=1e9)

    table.assert_unknown_once(SAME)
    assert table.project.operations("jobs")[9] == "DELETE"


@pytest.mark.parametrize(
    "stream",
    [
        schema("jobs", {**PROPERTIES, "note": STRING}),
        schema("jobs", {"id": INTEGER, "name": STRING}),
        schema("jobs", {"id": INTEGER, "name": {}, "size": INTEGER}),
        schema("jobs", {"id": INTEGER, "name": STRING, "size": {"type": ["number", "null"]}}),
    ],
    ids=["wider", "narrower", "another type", "a wider type"],
)
def test_another_schema_makes_it_unknown(stream: dict[str, Any], table: WatchedTable) -> None:
    result, has_touched = table.run(snapshot(SAME, stream=stream))

    is_refused = stream["schema"]["properties"]["name"] == {}
    assert (result.code, has_touched) == (int(is_refused), not is_refused), result.log
    table.assert_unknown_once(SAME)


def test_another_key_makes_it_unknown(table: WatchedTable) -> None:
    by_name = schema("jobs", PROPERTIES, ["id", "name"])

    result, has_touched = table.run(snapshot({**SAME, 2: "other"}, stream=by_name))

    assert (result.code, has_touched) == (0, True)
    rows = table.project.query(f"SELECT id, name, _etl_operation FROM `{table.project.bronze}.jobs`")
    assert {(row["id"], row["name"]): row["_etl_operation"] for row in rows} == {
        (1, "one"): "INSERT",
        (2, "two"): "DELETE",
        (2, "other"): "INSERT",
        (3, "three"): "INSERT",
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"column_naming": "preserve"},
        {"history": ["jobs"]},
        pytest.param({"live_views": True}, marks=pytest.mark.long),
        pytest.param({"additional_properties": "keep"}, marks=pytest.mark.long),
        pytest.param({"on_invalid_record": "quarantine"}, marks=pytest.mark.long),
        pytest.param({"labels": {"team": "data"}}, marks=pytest.mark.long),
    ],
    ids=lambda value: next(iter(value)),
)
def test_another_setting_makes_it_unknown(settings: dict[str, Any], table: WatchedTable) -> None:
    table.assert_unknown_once(SAME, **settings)
    table.assert_unknown_once(SAME)


def test_another_version_of_the_software_makes_it_unknown(table: WatchedTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "VERSION", "0.0.0")

    table.assert_unknown_once(SAME)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP VIEW `{0}.jobs_live`",
        pytest.param("DROP TABLE `{0}.jobs_history`", marks=pytest.mark.long),
        "DELETE FROM `{0}.jobs_history` WHERE id = 2",
        pytest.param("DELETE FROM `{0}.jobs_history` WHERE TRUE", marks=pytest.mark.long),
        pytest.param(
            "UPDATE `{0}.jobs_history` SET _valid_to = TIMESTAMP '2024-01-01' WHERE id = 1", marks=pytest.mark.long
        ),
    ],
)
def test_a_history_or_a_view_that_somebody_spoils_is_made_anew(
    statement: str, target: TargetRunner, project: Project
) -> None:
    table = WatchedTable(target, project, EVERYTHING)
    table.read({1: "old", 2: "two", 3: "three"})
    table.read(SAME)
    table.assert_known(SAME)

    table.sql(statement)

    assert table.read(SAME), "it was recognised"
    assert set(project.rows("jobs_live")) == set(SAME)
    last = project.query(f"SELECT id, name FROM `{project.bronze}.jobs_history` WHERE _valid_to IS NULL")
    assert {row["id"]: row["name"] for row in last} == SAME
    table.assert_known(SAME)
