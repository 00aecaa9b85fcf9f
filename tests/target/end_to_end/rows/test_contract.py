"""What each Singer event does to a row: one test for each line of the contract table in the README."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import DECIMAL, INTEGER, STRING, TIMESTAMP, activate, record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner

pytestmark = pytest.mark.bigquery

JOBS = schema(
    "jobs",
    {
        "id": INTEGER,
        "jobName": STRING,
        "amount": DECIMAL,
        "startsOn": TIMESTAMP,
        "customFields": {"type": ["object", "null"]},
        "tags": {"type": "array", "items": STRING},
        "address": {"type": ["object", "null"], "properties": {"street": STRING, "zipCode": STRING}},
    },
)


def job(number: int, name: str = "repair", **values: Any) -> dict[str, Any]:  # noqa: ANN401 - any column
    return record("jobs", {"id": number, "jobName": name, **values}, values.pop("version", None))


def snapshot(target: TargetRunner, *jobs: dict[str, Any], version: int = 1, **settings: Any) -> Result:  # noqa: ANN401
    """Run a complete snapshot of the stream."""
    versioned = [{**message, "version": version} for message in jobs]
    return target(JOBS, *versioned, activate("jobs", version), **settings)


def test_a_key_that_is_seen_for_the_first_time_is_inserted(target: TargetRunner, project: Project) -> None:
    result = target(JOBS, job(1, amount=12.5, startsOn="2024-05-01T08:00:00.1234567Z", address={"zipCode": "0123"}))

    assert result.code == 0, result.log
    (row,) = project.rows("jobs").values()
    assert row["job_name"] == "repair"
    assert str(row["amount"]) == "12.5"
    assert row["starts_on"].isoformat() == "2024-05-01T08:00:00.123456+00:00"
    assert row["address"] == {"street": None, "zip_code": "0123"}
    assert row["_etl_operation"] == "INSERT"
    assert row["_etl_synced"].tzinfo is not None


def test_a_row_that_did_not_change_is_not_written(target: TargetRunner, project: Project) -> None:
    values: dict[str, Any] = {
        "amount": 0.1,
        "startsOn": "2024-05-01T08:00:00",
        "customFields": {"b": [1, 2.50], "a": None},
        "tags": ["x", "y"],
        "address": {"street": "Main"},
    }
    target(JOBS, job(1, **values), job(2))
    before = project.rows("jobs")

    # The same values, written in another way: key order, spaces, a zone, trailing zeros.
    again = b"""
      {"type": "RECORD", "stream": "jobs", "record": {"tags": ["x", "y"], "customFields": {"a": null, "b": [1, 2.5]},
       "address": {"zipCode": null, "street": "Main"}, "startsOn": "2024-05-01T10:00:00+02:00", "amount": 0.100,
       "jobName": "repair", "id": 1}}""".replace(b"\n", b"")
    result = target(JOBS, again, job(2))

    assert result.code == 0, result.log
    assert project.rows("jobs") == before
    assert project.log("jobs")[-1]["rows_unchanged"] == 2


def test_a_row_that_changed_is_updated_and_no_other(target: TargetRunner, project: Project) -> None:
    target(JOBS, job(1), job(2), job(3))
    before = project.rows("jobs")

    target(JOBS, job(1), job(2, name="install", tags=["new"]), job(3))

    after = project.rows("jobs")
    assert after[2]["job_name"] == "install"
    assert after[2]["tags"] == ["new"]
    assert after[2]["_etl_operation"] == "UPDATE"
    assert after[2]["_etl_synced"] > before[2]["_etl_synced"]
    assert {1: after[1], 3: after[3]} == {1: before[1], 3: before[3]}


def test_a_value_that_becomes_null_is_a_change(target: TargetRunner, project: Project) -> None:
    target(JOBS, job(1, amount=1, tags=["x"], address={"street": "Main"}, customFields={"a": 1}))

    target(JOBS, job(1))

    row = project.rows("jobs")[1]
    assert (row["amount"], row["tags"], row["address"], row["custom_fields"]) == (None, [], None, None)
    assert row["_etl_operation"] == "UPDATE"


def test_a_row_that_a_complete_snapshot_lacks_is_marked_and_keeps_its_columns(
    target: TargetRunner, project: Project
) -> None:
    snapshot(target, job(1), job(2, name="gone"))
    before = project.rows("jobs")

    snapshot(target, job(1), version=2)

    after = project.rows("jobs")
    assert after[2] == {**before[2], "_etl_operation": "DELETE", "_etl_synced": after[2]["_etl_synced"]}
    assert after[2]["_etl_synced"] > before[2]["_etl_synced"]
    assert after[1] == before[1]


def test_a_row_that_is_still_missing_is_not_written_again(target: TargetRunner, project: Project) -> None:
    snapshot(target, job(1), job(2))
    snapshot(target, job(1), version=2)
    before = project.rows("jobs")

    snapshot(target, job(1), version=3)

    assert project.rows("jobs") == before


def test_a_deletion_record_marks_its_row(target: TargetRunner, project: Project) -> None:
    target(JOBS, job(1), job(2, name="gone"))
    deleted = record("jobs", {"id": 2, "_sdc_deleted_at": "2024-05-01T00:00:00Z"})

    target(JOBS, deleted)
    marked = project.rows("jobs")
    target(JOBS, deleted)

    assert marked[2]["_etl_operation"] == "DELETE"
    assert marked[2]["job_name"] == "gone"
    assert project.rows("jobs") == marked


def test_a_row_that_comes_back_is_updated(target: TargetRunner, project: Project) -> None:
    snapshot(target, job(1), job(2))
    snapshot(target, job(1), version=2)

    snapshot(target, job(1), job(2), version=3)

    assert project.operations("jobs") == {1: "INSERT", 2: "UPDATE"}
    log = project.log("jobs")[-1]
    assert (log["rows_restored"], log["rows_updated"], log["rows_unchanged"]) == (1, 0, 1)


def test_the_last_of_several_records_with_one_key_wins(target: TargetRunner, project: Project) -> None:
    target(JOBS, job(1, name="first"), job(1, name="second"), job(1, name="last"))

    row = project.rows("jobs")[1]
    assert (row["job_name"], row["_etl_operation"]) == ("last", "INSERT")


def test_the_last_record_wins_across_blocks(target: TargetRunner, project: Project) -> None:
    padding = "x" * 2000
    records = [job(number % 50, name=f"{number} {padding}") for number in range(400)]

    target(JOBS, *records, block_bytes=65536)

    names = {key: row["job_name"].split()[0] for key, row in project.rows("jobs").items()}
    assert names == {number: str(350 + number) for number in range(50)}


def test_all_rows_of_one_merge_carry_one_time(target: TargetRunner, project: Project) -> None:
    target(JOBS, *(job(number) for number in range(20)))

    assert len({row["_etl_synced"] for row in project.rows("jobs").values()}) == 1


def test_end_of_input_without_activation_marks_nothing(target: TargetRunner, project: Project) -> None:
    snapshot(target, job(1), job(2))

    target(JOBS, {**job(1), "version": 2})

    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT"}


def test_an_activation_before_the_records_marks_nothing_and_warns_once(target: TargetRunner, project: Project) -> None:
    snapshot(target, job(1), job(2))

    again = {**job(1), "version": 2}
    result = target(JOBS, activate("jobs", 2), again, activate("jobs", 2), again, activate("jobs", 2))

    assert result.code == 0, result.log
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT"}
    assert result.log.count("jobs: no row was marked deleted") == 1


def test_records_after_the_activation_void_it(target: TargetRunner, project: Project) -> None:
    snapshot(target, job(1), job(2), job(3))

    target(JOBS, {**job(1), "version": 2}, activate("jobs", 2), {**job(2), "version": 2})

    assert set(project.operations("jobs").values()) == {"INSERT"}


def test_versions_may_go_backwards_and_every_record_was_present(target: TargetRunner, project: Project) -> None:
    snapshot(target, job(1), job(2), job(3))

    target(JOBS, {**job(1), "version": 9}, activate("jobs", 9), {**job(2, "changed"), "version": 8})

    assert project.operations("jobs") == {1: "INSERT", 2: "UPDATE", 3: "DELETE"}


def test_a_snapshot_that_would_delete_most_rows_is_refused(target: TargetRunner, project: Project) -> None:
    snapshot(target, *(job(number) for number in range(1000)))
    before = project.rows("jobs")

    survivors = [job(number) for number in range(200)]
    result = snapshot(target, *survivors, job(5000), version=2)

    assert result.code == 1
    assert result.states == []
    (error,) = result.errors
    for part in ("jobs", "800", "1,000", "max_delete_fraction", "max_delete_rows", "allow_mass_delete"):
        assert part in error
    after = project.rows("jobs")
    assert after.pop(5000)["_etl_operation"] == "INSERT"  # the upserts have landed
    assert after == before
    assert project.log("jobs")[-1]["status"] == "deletes_refused"

    allowed = snapshot(target, *survivors, job(5000), version=3, allow_mass_delete=True)
    assert allowed.code == 0, allowed.log
    assert list(project.operations("jobs").values()).count("DELETE") == 800


def test_an_empty_snapshot_over_live_rows_is_refused(target: TargetRunner, project: Project) -> None:
    snapshot(target, job(1))

    refused = target(JOBS, activate("jobs", 2))
    assert refused.code == 1
    assert "empty" in refused.errors[0]
    assert project.operations("jobs") == {1: "INSERT"}

    allowed = target(JOBS, activate("jobs", 3), allow_mass_delete=True)
    assert allowed.code == 0, allowed.log
    assert project.operations("jobs") == {1: "DELETE"}


def test_an_empty_snapshot_over_nothing_is_fine(target: TargetRunner, project: Project) -> None:
    result = target(JOBS, activate("jobs", 1))

    assert result.code == 0, result.log
    assert project.rows("jobs") == {}


def test_a_schema_change_within_a_snapshot_keeps_it_complete(target: TargetRunner, project: Project) -> None:
    snapshot(target, job(1), job(2), job(3))
    wider = {**JOBS, "schema": {"properties": {**JOBS["schema"]["properties"], "notes": STRING}}}

    target(
        JOBS,
        {**job(1), "version": 2},
        wider,
        {**job(2, notes="new"), "version": 2},
        activate("jobs", 2),
    )

    assert project.operations("jobs") == {1: "INSERT", 2: "UPDATE", 3: "DELETE"}
    assert project.rows("jobs")[2]["notes"] == "new"


def test_a_new_column_updates_only_rows_that_have_a_value_in_it(target: TargetRunner, project: Project) -> None:
    target(JOBS, job(1), job(2))
    wider = {**JOBS, "schema": {"properties": {**JOBS["schema"]["properties"], "notes": STRING}}}

    target(wider, job(1), job(2, notes="new"))

    assert project.operations("jobs") == {1: "INSERT", 2: "UPDATE"}


def test_a_column_that_the_stream_no_longer_has_keeps_its_value(target: TargetRunner, project: Project) -> None:
    target(JOBS, job(1, tags=["x"]), job(2, tags=["y"]))
    narrower = schema("jobs", {"id": INTEGER, "jobName": STRING})

    target(narrower, job(1), job(2, name="changed"))

    rows = project.rows("jobs")
    assert [rows[1]["tags"], rows[2]["tags"]] == [["x"], ["y"]]
    assert project.operations("jobs") == {1: "INSERT", 2: "UPDATE"}


def test_decimals_keep_all_their_digits(target: TargetRunner, project: Project) -> None:
    exact = b'{"type":"RECORD","stream":"jobs","record":{"id":1,"amount":12345678901234567890.123456789}}'

    assert target(JOBS, exact).code == 0

    (row,) = project.rows("jobs").values()
    assert row["amount"] == Decimal("12345678901234567890.123456789")


def test_a_decimal_with_more_digits_makes_its_column_wider(target: TargetRunner, project: Project) -> None:
    longer = b'{"type":"RECORD","stream":"jobs","record":{"id":2,"amount":0.123456789012}}'

    assert target(JOBS, job(1, amount=1.5), longer).code == 0

    assert {key: row["amount"] for key, row in project.rows("jobs").items()} == {
        1: Decimal("1.5"),
        2: Decimal("0.123456789012"),
    }


def test_a_stream_without_a_key_is_appended_to_or_replaced(target: TargetRunner, project: Project) -> None:
    logs = schema("logs", {"id": INTEGER}, key=())
    rows = [record("logs", {"id": number}, 1) for number in (1, 2)]

    target(logs, *rows, activate("logs", 1))
    target(logs, *rows, activate("logs", 1))
    assert sorted(row["id"] for row in project.query(f"SELECT id FROM `{project.bronze}.logs`")) == [1, 1, 2, 2]

    result = target(logs, record("logs", {"id": 3}, 2), activate("logs", 2), keyless_streams="replace")
    assert result.code == 0, result.log
    assert [row["id"] for row in project.query(f"SELECT id FROM `{project.bronze}.logs`")] == [3]


def test_state_comes_out_after_the_rows_and_as_it_was(target: TargetRunner, project: Project) -> None:
    value = {"bookmarks": {"jobs": {"continue_from": "opaque==", "n": 1.5}}, "other": [1]}

    result = target(JOBS, job(1), state(value), job(2))

    assert result.states == [value]
    assert set(project.rows("jobs")) == {1, 2}


def test_long_streams_are_merged_on_the_way(target: TargetRunner, project: Project) -> None:
    result = target(
        JOBS,
        *(job(number) for number in range(3)),
        state({"bookmarks": {"jobs": 3}}),
        record("other", {"id": 1}) | {"stream": "jobs"},
        *(job(number) for number in range(3, 6)),
        state({"bookmarks": {"jobs": 6}}),
        merge_interval_rows=3,
    )

    assert result.code == 0, result.log
    assert result.states[-1] == {"bookmarks": {"jobs": 6}}
    assert len({row["_etl_synced"] for row in project.rows("jobs").values()}) > 1


def test_staging_tables_are_removed_after_a_good_run(target: TargetRunner, project: Project) -> None:
    snapshot(target, job(1))

    assert project.tables("staging") == []


def test_an_existing_table_is_adopted_with_its_rows(target: TargetRunner, project: Project) -> None:
    project.client.create_dataset(project.bronze)
    project.query(f"CREATE TABLE `{project.bronze}.jobs` (job_name STRING, id INT64, kept STRING)")
    project.query(f"INSERT INTO `{project.bronze}.jobs` VALUES ('repair', 1, 'a'), ('old', 2, 'b')")

    result = target(JOBS, job(1), job(2, name="new"), job(3), adopt_tables=["jobs"])

    assert result.code == 0, result.log
    rows = project.rows("jobs")
    assert project.operations("jobs") == {1: "INSERT", 2: "UPDATE", 3: "INSERT"}
    assert (rows[1]["kept"], rows[2]["kept"], rows[3]["kept"]) == ("a", "b", None)


def test_a_column_that_was_required_may_be_null(target: TargetRunner, project: Project) -> None:
    project.client.create_dataset(project.bronze)
    project.query(f"CREATE TABLE `{project.bronze}.jobs` (id INT64 NOT NULL, job_name STRING NOT NULL, old INT64)")

    result = target(JOBS, record("jobs", {"id": 1}))

    assert result.code == 0, result.log
    assert project.rows("jobs")[1]["job_name"] is None
