"""A record that does not fit goes to the quarantine, and the rest of its stream lands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import Proxy, Trap
from support.singer import DECIMAL, INTEGER, STRING, activate, record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})
STATE = {"bookmarks": {"jobs": 1}}
QUARANTINE = {"on_invalid_record": "quarantine", "tenant_id": "1001"}


def job(number: object, name: object = "ok", version: int | None = None) -> dict[str, Any]:
    return record("jobs", {"id": number, "name": name}, version)


def rejected(project: Project) -> list[dict[str, Any]]:
    return project.query(f"SELECT * FROM `{project.management}.etl_rejected_records` ORDER BY rejected")


def test_in_a_snapshot_a_rejected_record_was_present(target: TargetRunner, project: Project) -> None:
    target(JOBS, *(job(number, version=1) for number in (1, 2, 3, 4)), activate("jobs", 1), **QUARANTINE)
    before = project.rows("jobs")

    result = target(
        JOBS, job(1, version=2), job(2, ["private"], 2), job(4, {}, 2), job(4, "new", 2), activate("jobs", 2),
        state(STATE), **QUARANTINE,
    )  # fmt: skip

    assert (result.code, result.states, result.errors) == (0, [STATE], [])
    assert "2 records do not fit their schema" in result.log
    assert "private" not in result.log
    after = project.rows("jobs")
    assert after[2] == before[2]
    assert {key: row["_etl_operation"] for key, row in after.items()} == {
        1: "INSERT", 2: "INSERT", 3: "DELETE", 4: "UPDATE",
    }  # fmt: skip
    log = project.log("jobs")[-1]
    assert (log["rows_read"], log["rows_rejected"], log["rows_deleted"], log["rows_unchanged"]) == (4, 2, 1, 1)
    bad, mended = rejected(project)
    assert {**bad, "rejected": None} == {
        "run_id": log["run_id"],
        "company": None,
        "tenant_id": "1001",
        "stream": "jobs",
        "table_name": f"{project.bronze}.jobs",
        "record_key": '{"id":2}',
        "reason": "record id=2: `name` must be a string, but is an array.",
        "record": json.dumps({"id": 2, "name": ["private"]}),
        "rejected": None,
        "open": True,
    }
    assert (mended["record_key"], mended["open"]) == ('{"id":4}', False)
    assert project.tables("staging") == []

    # Every record of a complete snapshot is rejected: the rows that it lacks are still missing.
    target(JOBS, job(1, [], 3), job(2, [], 3), activate("jobs", 3), **QUARANTINE)
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT", 3: "DELETE", 4: "DELETE"}
    assert [(row["record_key"], row["open"]) for row in rejected(project)] == [
        ('{"id":2}', False), ('{"id":4}', False), ('{"id":1}', True), ('{"id":2}', True),
    ]  # fmt: skip

    # Good versions close the entries; another stream's records with these keys do not.
    crews = schema("crews", {"id": INTEGER})
    target(JOBS, job(1), crews, record("crews", {"id": 2}), **QUARANTINE)
    assert [row["record_key"] for row in rejected(project) if row["open"]] == ['{"id":2}']


def test_a_key_that_cannot_be_read_makes_no_snapshot_complete(target: TargetRunner, project: Project) -> None:
    target(JOBS, job(1, version=1), job(2, version=1), activate("jobs", 1))

    result = target(JOBS, job(1, "new", 2), job([], version=2), activate("jobs", 2), **QUARANTINE)

    assert result.code == 0
    assert "no row was marked deleted: a record was rejected whose key cannot be read" in result.log
    assert project.operations("jobs") == {1: "UPDATE", 2: "INSERT"}
    (entry,) = rejected(project)
    assert (entry["record_key"], entry["open"]) == (None, True)


def test_too_many_rejected_records_fail_their_stream(target: TargetRunner, project: Project) -> None:
    bad = [job(number, []) for number in (1, 2, 3)]

    result = target(JOBS, *bad, job(4), state(STATE), **QUARANTINE, max_rejected_records=2)

    assert (result.code, result.states) == (1, [])
    (error,) = result.errors
    assert error.startswith("jobs: more than `max_rejected_records` (2) records do not fit")
    assert project.tables("bronze") == []
    assert project.log("jobs")[-1]["rows_rejected"] == 3
    # The first ones can be looked at.
    assert [(entry["record_key"], entry["open"]) for entry in rejected(project)] == [
        ('{"id":1}', True),
        ('{"id":2}', True),
    ]
    # They are not there twice when they come again, and close once the records are good.
    target(JOBS, *bad, job(4), state(STATE), **QUARANTINE, max_rejected_records=2)
    assert target(JOBS, *(job(number) for number in (1, 2, 3)), state(STATE), **QUARANTINE).code == 0
    assert not any(entry["open"] for entry in rejected(project))


def test_a_key_keeps_its_digits_and_a_stream_may_have_none(target: TargetRunner, project: Project) -> None:
    jobs, runs = schema("jobs", {"id": DECIMAL, "name": STRING}), schema("runs", {"name": STRING}, key=())
    key = b"12345678901234567890.123456789"
    line = b'{"type": "RECORD", "stream": "jobs", "record": {"id": %s, "name": %s}}'

    target(jobs, line % (key, b"[]"), runs, record("runs", {"name": []}), record("runs", {"name": "a"}), **QUARANTINE)
    assert {row["record_key"] for row in rejected(project)} == {f'{{"id":{key.decode()}}}', None}
    assert len(project.query(f"SELECT 1 FROM `{project.bronze}.runs`")) == 1

    target(jobs, line % (key, b'"good"'), **QUARANTINE)
    assert [row["stream"] for row in rejected(project) if row["open"]] == ["runs"]


@pytest.mark.parametrize("text", [b"etl_rejected_records", b"-etl_rejected_records-1"], ids=["read", "written"])
def test_without_its_entry_a_rejected_record_is_not_done_with(
    text: bytes, target: TargetRunner, project: Project
) -> None:
    messages = [JOBS, job(1, []), job(2), state(STATE)]
    with Proxy(project.api_endpoint) as proxy:
        proxy.trap(Trap(text, "fail", times=1000, status=403, reason="accessDenied"))
        result = target(*messages, **QUARANTINE, api_endpoint=proxy.url)
    assert (result.code, result.states) == (1, [])
    assert "etl_rejected_records" in result.errors[0]

    assert target(*messages, **QUARANTINE).states == [STATE]
    assert [row["record_key"] for row in rejected(project)] == ['{"id":1}']
