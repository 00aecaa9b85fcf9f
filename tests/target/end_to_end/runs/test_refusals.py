"""Bad input, a bad setting, a refused credential: one clear line, a non-zero exit code, nothing written, no secret."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import INTEGER, STRING, activate, record, schema, state
from support.target.harness import COMMAND, result_of

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})
JOB = record("jobs", {"id": 1, "name": "one"})
BATCH = {"type": "BATCH", "stream": "jobs", "encoding": {"format": "jsonl"}, "manifest": []}
STATE = state({"bookmarks": {"jobs": 1}})


def assert_one_line(result: Result, *parts: str) -> None:
    """Check how a refusal looks."""
    assert result.code == 1
    assert result.states == []
    assert "Traceback" not in result.log
    assert len(result.errors) == 1, result.log
    for part in parts:
        assert part in result.errors[0]


@pytest.mark.parametrize(
    ("messages", "parts"),
    [
        pytest.param(
            [JOBS, JOB, b'{"type": "RECORD", oops}', STATE],
            ["Line 3", "not a Singer message", "column 20"],
            id="bad-json",
        ),
        pytest.param([JOB, STATE], ["jobs", "SCHEMA", "line 1"], id="record-before-schema"),
        pytest.param([JOBS, {"type": "RECORD", "stream": "jobs"}], ["Line 2", "RECORD", "record"], id="no-record"),
        pytest.param([{**BATCH, "stream": "crews"}, STATE], ["crews", "SCHEMA", "line 1"], id="batch-before-schema"),
        pytest.param([JOBS, {**BATCH, "encoding": 1}], ["jobs", "BATCH", "encoding"], id="malformed-batch"),
        pytest.param([JOBS, JOB, record("jobs", {"name": "x"}), STATE], ["jobs", "`id`", "key"], id="missing-key"),
        pytest.param(
            [JOBS, JOB, record("jobs", {"id": 2, "name": ["private"]}), STATE],
            ["jobs", "id=2", "`name`", "a string", "an array"],
            id="wrong-type",
        ),
        pytest.param(
            [schema("jobs", {"id": INTEGER}, key=["other"]), STATE], ["jobs", "`other`"], id="key-not-in-schema"
        ),
        pytest.param([{"type": "SCHEMA", "stream": "jobs", "schema": {}}], ["properties"], id="no-properties"),
        pytest.param(
            [schema("jobs", {"id": INTEGER, "userName": STRING, "user_name": STRING})],
            ["jobs", "userName", "user_name"],
            id="colliding-names",
        ),
        pytest.param([JOBS, JOB, b"", {"type": "GREETING"}], ["Line 4", "GREETING"], id="unknown-message"),
    ],
)
def test_bad_input(
    messages: list[dict[str, Any] | bytes], parts: list[str], target: TargetRunner, project: Project
) -> None:
    result = target(*messages)

    assert_one_line(result, *parts)
    assert "private" not in result.log
    assert project.tables("bronze") == []


def test_a_line_that_a_crash_cut_off_is_named_and_what_came_before_is_kept(
    target: TargetRunner, project: Project
) -> None:
    process = target.start()
    text = b"".join(json.dumps(message).encode() + b"\n" for message in (JOBS, JOB, STATE))
    out, log = process.communicate(text + b'{"type":"RECORD","stream":"jobs","rec', timeout=60)

    assert process.returncode == 1
    assert b"Line 4" in log
    assert json.loads(out) == STATE["value"]
    assert project.operations("jobs") == {1: "INSERT"}


def test_a_line_without_an_end_stops_the_run_before_it_fills_the_memory(target: TargetRunner, project: Project) -> None:
    endless = record("jobs", {"id": 2, "name": "x" * (32 << 20)})

    result = target(JOBS, JOB, endless, STATE, max_line_bytes=1 << 20)

    assert_one_line(result, "Line 3 of the input is longer than 1048576 bytes", "`max_line_bytes`")
    assert project.tables("bronze") == []


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        pytest.param("/dev/zero", ["/dev/zero", "not a regular file"], id="device"),
        pytest.param("pipe", ["/pipe", "not a regular file"], id="pipe"),
        pytest.param("https://user:private@127.0.0.1:9/a?sig=private", ["https://127.0.0.1:9/a", "allowed"], id="web"),
    ],
)
def test_a_batch_file_that_may_not_be_read_stops_only_its_stream(
    address: str, parts: list[str], target: TargetRunner, project: Project, tmp_path: Path
) -> None:
    if address == "pipe":
        address = str(tmp_path / address)
        os.mkfifo(address)
    crews = [schema("crews", {"id": INTEGER}), record("crews", {"id": 1})]

    result = target(JOBS, JOB, {**BATCH, "manifest": [address]}, *crews)

    assert_one_line(result, "jobs: the batch file", *parts)
    assert "private" not in result.log
    assert project.tables("bronze") == ["crews"]
    assert project.operations("crews") == {1: "INSERT"}


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        pytest.param({"project_id": None}, ["missing setting `project_id`"], id="missing"),
        pytest.param({"project_id": "Not A Project"}, ["Not A Project", "project"], id="bad-project"),
        pytest.param({"max_delete_fractoin": 1}, ["max_delete_fractoin", "`max_delete_fraction`"], id="misspelt"),
        pytest.param({"max_delete_fraction": 2}, ["`max_delete_fraction`", "at most 1"], id="out-of-range"),
        pytest.param({"allow_mass_delete": "yes"}, ["`allow_mass_delete`", "boolean"], id="wrong-type"),
        pytest.param({"column_naming": "CamelCase"}, ["`column_naming`", "snake_case"], id="not-one-of"),
        pytest.param({"labels": {"Bad Name": "x"}}, ["`labels`", "Bad Name"], id="bad-label"),
        pytest.param({"labels": {"filled": "x"}}, ["`labels`", "filled"], id="own-label"),
        pytest.param({"tenant_id": ""}, ["`tenant_id`"], id="empty"),
        pytest.param({"max_line_bytes": 1000}, ["`max_line_bytes`", "1048576"], id="short-line"),
        pytest.param({"batch_schemes": ["S3://"]}, ["`batch_schemes"], id="bad-scheme"),
    ],
)
def test_a_bad_setting(settings: dict[str, Any], parts: list[str], target: TargetRunner, project: Project) -> None:
    result = target(JOBS, JOB, **settings)

    assert_one_line(result, *parts)
    assert project.tables("bronze") == []


@pytest.mark.parametrize(
    ("content", "parts"),
    [('{"project_id": "p",\n oops}', ["not JSON", "line 2, column 2"]), (None, ["cannot be read: No such file"])],
)
def test_a_configuration_file_that_cannot_be_used_is_named(
    content: str | None, parts: list[str], target: TargetRunner
) -> None:
    path = target.folder / "other.json"
    if content:
        path.write_text(content)

    process = subprocess.run([COMMAND, "--config", str(path)], input=b"", capture_output=True, check=False)

    assert_one_line(result_of(process.returncode, "", process.stderr.decode()), str(path), *parts)
    assert b"unexpected" not in process.stderr


def test_another_tenants_table_stops_the_run_before_its_first_write(target: TargetRunner, project: Project) -> None:
    target(JOBS, JOB, tenant_id="1001")
    before = project.rows("jobs")

    other = schema("crews", {"id": INTEGER})
    for settings in ({"tenant_id": "2002"}, {}):
        result = target(other, record("crews", {"id": 1}), JOBS, record("jobs", {"id": 2}), STATE, **settings)
        assert_one_line(result, "bronze", "1001", "tenant_id", "project_id")

    assert project.tables("bronze") == ["jobs"]
    assert project.rows("jobs") == before
    assert target(JOBS, JOB, tenant_id="1001").code == 0


SECRET = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            json.dumps({"type": "service_account", "private_key": SECRET, "client_email": "a@b.c"}), id="bad-key"
        ),
        pytest.param('{"type": "service_account", "private_key": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', id="cut-off"),
        pytest.param("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", id="not-json"),
    ],
)
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_bad_credentials_are_refused_without_showing_them(
    text: str, level: str, target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGLEVEL", level)

    result = target.command([JOBS, JOB, STATE], credentials_json=text)

    assert result.code == 1
    assert "credentials_json" in result.errors[0]
    for part in ("MIIEvQ", "BEGIN PRIVATE"):
        assert part not in result.log
    assert project.tables("bronze") == []


def test_a_credentials_file_that_is_not_there_is_named(target: TargetRunner, tmp_path: Path) -> None:
    path = tmp_path / "missing.json"

    assert_one_line(target(JOBS, JOB, credentials_path=str(path)), str(path), "credentials_path")


def test_a_table_that_is_a_view_is_refused(target: TargetRunner, project: Project) -> None:
    project.client.create_dataset(f"{project.name}.bronze")
    project.query(f"CREATE VIEW `{project.name}.bronze.jobs` AS SELECT 1 AS id")

    assert_one_line(target(JOBS, JOB, STATE), "jobs: `", "bronze.jobs", "a view", "__alias__")


def test_a_column_that_cannot_become_what_it_must_is_named(target: TargetRunner, project: Project) -> None:
    target(JOBS, JOB)

    result = target(schema("jobs", {"id": INTEGER, "name": INTEGER}), record("jobs", {"id": 1, "name": 2}), STATE)

    assert_one_line(result, "bronze.jobs", "`name`", "STRING", "INT64")
    assert project.rows("jobs")[1]["name"] == "one"


def test_one_bad_stream_does_not_stop_the_others(target: TargetRunner, project: Project) -> None:
    crews = schema("crews", {"id": INTEGER})

    result = target(
        JOBS,
        record("jobs", {"id": 1, "name": {}}, 1),
        activate("jobs", 1),
        crews,
        record("crews", {"id": 1}),
        state({"bookmarks": {"jobs": 1, "crews": 1}}),
    )

    assert result.code == 1
    assert len(result.errors) == 1
    assert project.operations("crews") == {1: "INSERT"}
    assert project.tables("bronze") == ["crews"]
    assert result.states == [{"bookmarks": {"crews": 1}}]
    assert project.log("jobs")[-1]["error"] == result.errors[0]


@pytest.mark.parametrize(
    ("stream", "settings"), [("_etl_lease", {}), ("/etl_lease", {}), ("etl_logs", {"log_dataset": "bronze"})]
)
def test_a_stream_does_not_get_a_table_that_the_target_needs_for_itself(
    target: TargetRunner, project: Project, stream: str, settings: dict[str, Any]
) -> None:
    mine = [schema(stream, {"id": INTEGER}), record(stream, {"id": 1}), STATE]
    assert_one_line(target(*mine, on_concurrent_run="refuse", **settings), stream, "`__alias__`")
    # The log says what happened, and has no column of the stream.
    ours = {"_etl_lease", "etl_logs", "freshness"} if settings else {"_etl_lease"}
    assert set(project.tables("bronze")) <= ours
    if "etl_logs" in project.tables("bronze"):
        log = project.client.get_table(f"{project.bronze}.etl_logs")
        assert (log.num_rows, "id" in {field.name for field in log.schema}) == (1, False)


def test_a_table_that_only_has_the_name_of_a_lease_is_left_alone(target: TargetRunner, project: Project) -> None:
    project.client.create_dataset("bronze")
    project.query(f"CREATE TABLE `{project.name}.bronze._etl_lease` AS SELECT 1 AS x")
    assert_one_line(target(JOBS, JOB, on_concurrent_run="refuse"), "_etl_lease", "not a lease")
    assert project.query(f"SELECT x FROM `{project.name}.bronze._etl_lease`") == [{"x": 1}]
    assert project.client.get_table(f"{project.name}.bronze._etl_lease").expires is None


def test_a_stream_without_a_name_is_refused(target: TargetRunner, project: Project) -> None:
    assert_one_line(target(schema("", {"id": INTEGER}), record("", {"id": 1})), "SCHEMA", "without a name")
    assert project.tables("bronze") == []


def test_an_expression_of_a_stream_map_that_fails_ends_its_stream_and_shows_no_value(
    target: TargetRunner, project: Project
) -> None:
    people = schema("people", {"id": INTEGER, "ssn": {"type": "string"}})
    bad = record("people", {"id": 1, "ssn": "078-05-1120"})
    result = target(people, bad, JOBS, JOB, STATE, stream_maps={"people": {"n": "int(ssn)"}})
    assert_one_line(result, "people", "`stream_maps`", "ValueError")
    assert "078-05" not in result.log
    assert project.operations("jobs") == {1: "INSERT"}
