"""Streams that the tap has read to their ends are finished while others are still read."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core.exceptions import NotFound

from support.singer import INTEGER, STRING, activate, lines, record, schema
from support.target.harness import eventually, feed, lease_holder
from target_bigquery_softdelete.run import checkpoints, early_ends
from target_bigquery_softdelete.run.finish import finish_sink
from target_bigquery_softdelete.singer import state_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner
    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.sink import BigQuerySoftDeleteSink

Message = dict[str, Any]

PATIENCE_SECONDS = 60


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no stream wait for others."""
    monkeypatch.setattr(early_ends, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(early_ends, "POLL_SECONDS", 0.05)


def telling(name: str) -> Message:
    """Return the SCHEMA message of a stream whose end will be told."""
    found = schema(name, {"id": INTEGER, "name": STRING})
    return found | {"schema": found["schema"] | {"x-tells-end": True, "x-own-bookmark": True}}


def told(bookmarks: dict[str, object], *names: str, status: str = "complete") -> Message:
    """Return a STATE message that says that streams have been read to their ends."""
    return {"type": "STATE", "value": {"bookmarks": bookmarks}, "x-read": {name: {"status": status} for name in names}}


def whole(name: str, *keys: int) -> list[Message]:
    """Return a complete snapshot of a stream."""
    rows = [record(name, {"id": key, "name": "any"}, version=7) for key in keys]
    return [telling(name), *rows, activate(name, 7)]


class Pipe:
    """A target that reads from a pipe."""

    def __init__(self, target: TargetRunner, folder: Path) -> None:
        self._target = target
        self._path = folder / "input"
        os.mkfifo(self._path)

    def run(self, write: Callable[[Callable[[Iterable[Message]], None]], None], **settings: Any) -> Result:  # noqa: ANN401
        """Run it, and let a function write its input: it is called with a function that takes messages."""
        errors: list[BaseException] = []

        def feed() -> None:
            with self._path.open("wb", buffering=0) as file:

                def send(messages: Iterable[Message]) -> None:
                    file.write(lines(messages))

                try:
                    write(send)
                except BaseException as error:  # noqa: BLE001 - raised again below
                    errors.append(error)

        thread = threading.Thread(target=feed)
        thread.start()
        result = self._target.of_pipe(self._path, **settings)
        thread.join()
        if errors:
            raise errors[0]
        return result


@pytest.fixture
def pipe(target: TargetRunner, tmp_path: Path) -> Pipe:
    """A target that reads from a pipe."""
    return Pipe(target, tmp_path)


def wait_for_rows(project: Project, table: str, count: int) -> None:
    """Wait until a table has so many rows.

    Raises:
        TimeoutError: If it does not get them.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if len(project.rows(table)) == count:
                return
        except NotFound:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{table} does not get {count} rows")


def test_a_table_is_right_and_its_state_is_out_before_the_input_ends(pipe: Pipe, project: Project) -> None:
    def write(send: Callable[[Iterable[Message]], None]) -> None:
        send([*whole("first", 1, 2), told({"first": 1}, "first"), telling("second"), record("second", {"id": 5})])
        wait_for_rows(project, "first", 2)
        send([record("second", {"id": 6}), told({"first": 1, "second": 1}, "second")])

    result = pipe.run(write)
    assert result.code == 0, result.log
    assert result.states == [{"bookmarks": {"first": 1}}, {"bookmarks": {"first": 1, "second": 1}}]
    assert set(project.rows("second")) == {5, 6}
    assert [row["status"] for name in ("first", "second") for row in project.log(name)] == ["success"] * 2


def test_a_later_snapshot_marks_what_it_lacks_before_the_input_ends(pipe: Pipe, project: Project) -> None:
    assert pipe.run(lambda send: send([*whole("first", 1, 2, 3), told({}, "first")])).code == 0

    def write(send: Callable[[Iterable[Message]], None]) -> None:
        send([*whole("first", 1, 2), told({"first": 2}, "first"), telling("second")])
        deadline = time.monotonic() + PATIENCE_SECONDS
        while project.rows("first")[3]["_etl_operation"] != "DELETE":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        send([told({"first": 2, "second": 1}, "second")])

    assert pipe.run(write).code == 0
    (_, log) = project.log("first")
    assert (log["rows_deleted"], log["rows_unchanged"]) == (1, 2)


def test_a_stream_that_goes_on_after_its_end_fails_alone(pipe: Pipe, project: Project) -> None:
    def write(send: Callable[[Iterable[Message]], None]) -> None:
        send([*whole("first", 1), told({"first": 1}, "first"), telling("second")])
        wait_for_rows(project, "first", 1)
        late = record("first", {"id": 2, "name": "late"}, version=7)
        send([late, record("second", {"id": 5}), told({"first": 2, "second": 1}, "first", "second")])

    result = pipe.run(write)
    assert result.code == 1
    assert "first: it goes on, though the tap has said that it had read it to its end. See line 6" in result.log
    assert result.states[-1] == {"bookmarks": {"first": 1, "second": 1}}
    assert (set(project.rows("first")), set(project.rows("second"))) == ({1}, {5})
    assert [row["status"] for name in ("first", "second") for row in project.log(name)] == ["failed", "success"]


def test_a_failed_stream_keeps_its_bookmark_and_holds_up_no_other(pipe: Pipe, project: Project) -> None:
    def write(send: Callable[[Iterable[Message]], None]) -> None:
        bad = record("bad", {"id": 1, "name": ["no text"]})
        send([telling("bad"), bad, *whole("first", 1), told({"bad": 1, "first": 1}, "bad", "first"), telling("second")])
        wait_for_rows(project, "first", 1)
        send([told({"bad": 1, "first": 1, "second": 1}, "second")])

    result = pipe.run(write)
    assert result.code == 1
    assert result.states[-1] == {"bookmarks": {"first": 1, "second": 1}}


def test_a_table_of_two_streams_waits_for_both(pipe: Pipe, project: Project) -> None:
    maps = {"one": {"__alias__": "both"}, "two": {"__alias__": "both"}}

    def write(send: Callable[[Iterable[Message]], None]) -> None:
        send([*whole("one", 1), told({"one": 1}, "one"), *whole("first", 1), told({"one": 1, "first": 1}, "first")])
        wait_for_rows(project, "first", 1)
        send([*whole("two", 2), told({"one": 1, "first": 1, "two": 1}, "two")])

    result = pipe.run(write, stream_maps=maps)
    assert result.code == 0, result.log
    assert set(project.rows("both")) == {1, 2}
    assert all("one" not in state["bookmarks"] for state in result.states[:-1])


FATAL = {
    "bad line": {"type": "NONSENSE"},
    "other tenant": schema("second", {"id": INTEGER}) | {"schema": {"type": "object", "x-tenant-id": "1002"}},
}
"""Messages that end a run at once."""


@pytest.mark.parametrize("fatal", FATAL.values(), ids=FATAL)
def test_the_lease_is_held_until_no_thread_writes_however_the_run_ends(
    fatal: Message, pipe: Pipe, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"on_concurrent_run": "refuse", "tenant_id": "1001"}
    assert pipe.run(lambda send: send([*whole("first", 1, 2, 3), told({}, "first")]), **settings).code == 0
    has_begun, holders = threading.Event(), []

    def finish_late(run: Run, sink: BigQuerySoftDeleteSink) -> BigQuerySoftDeleteSink:
        has_begun.set()
        time.sleep(2)  # in which the run ends
        holders.append(lease_holder(project))
        return finish_sink(run, sink)

    def write(send: Callable[[Iterable[Message]], None]) -> None:
        send([*whole("first", 1, 2), told({"first": 1}, "first")])
        assert has_begun.wait(PATIENCE_SECONDS)
        send([fatal])

    monkeypatch.setattr(early_ends, "finish_sink", finish_late)
    result = pipe.run(write, **settings)
    assert result.code == 1
    assert all(holders)
    assert not lease_holder(project)
    assert project.operations("first") == {1: "INSERT", 2: "INSERT", 3: "DELETE"}
    assert result.states == [{"bookmarks": {"first": 1}}]


def test_marks_of_a_run_that_is_killed_before_its_log_count_against_the_next(
    target: TargetRunner, project: Project
) -> None:
    settings = {"max_delete_fraction": 0.5}
    assert target(*whole("first", *range(100)), told({"first": 1}, "first"), **settings).code == 0
    process = target.start(**settings)
    feed(process, [*whole("first", *range(60)), told({"first": 2}, "first"), telling("second")])
    eventually(lambda: list(project.operations("first").values()).count("DELETE") == 40)
    process.kill()
    process.communicate()

    for _ in range(2):  # the refusal, which is in the log, is no amnesty
        third = target(*whole("first", *range(30)), told({"first": 3}, "first"), **settings)
        assert third.code == 1
        assert "together 70 of 100" in third.errors[0]
        assert list(project.operations("first").values()).count("DELETE") == 40


def test_no_state_goes_out_before_rejected_records_are_in_the_quarantine(
    pipe: Pipe, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table is finished, but not its group; then another one of the same stream is merged."""
    maps = {"both": {"__source__": "first"}, "second": {"__alias__": "both"}}
    settings: dict[str, Any] = {"stream_maps": maps, "on_invalid_record": "quarantine", "merge_interval_seconds": 1}
    is_done, goes_on = threading.Event(), threading.Event()
    are_right: list[bool] = []

    def finish(run: Run, sink: BigQuerySoftDeleteSink) -> BigQuerySoftDeleteSink:
        if sink.stream_name == "slow":
            assert goes_on.wait(PATIENCE_SECONDS)
            return finish_sink(run, sink)
        finished = finish_sink(run, sink)
        is_done.set()
        return finished

    def write_state(value: Message) -> None:
        is_in_quarantine = "etl_rejected_records" in project.tables("management") and "first" in {
            row["stream"] for row in project.query(f"SELECT stream FROM `{project.management}.etl_rejected_records`")
        }
        are_right.append(is_in_quarantine or "first" not in value["bookmarks"])
        state_writer.write_state(value)

    def write(send: Callable[[Iterable[Message]], None]) -> None:
        bad = record("first", {"id": 3, "name": ["no text"]})
        send([telling("slow"), record("slow", {"id": 1}), telling("first"), record("first", {"id": 1}), bad])
        send([telling("second"), told({"first": 1, "slow": 1}, "first", "slow")])
        assert is_done.wait(PATIENCE_SECONDS)
        for _ in range(3):
            send([record("second", {"id": 9}), told({"first": 1, "slow": 1})])
            time.sleep(1.2)
        goes_on.set()
        send([told({"first": 1, "slow": 1, "second": 1}, "second")])

    monkeypatch.setattr(early_ends, "finish_sink", finish)
    monkeypatch.setattr(checkpoints, "write_state", write_state)
    result = pipe.run(write, **settings)
    assert result.code == 0, result.log
    assert "first" in result.states[-1]["bookmarks"]
    assert all(are_right)


def test_a_table_that_a_pattern_sends_streams_to_waits_for_all(pipe: Pipe, project: Project) -> None:
    def write(send: Callable[[Iterable[Message]], None]) -> None:
        send([*whole("jobs_a", 1), *whole("first", 1), told({"jobs_a": 1, "first": 1}, "jobs_a", "first")])
        wait_for_rows(project, "first", 1)
        send([*whole("jobs_b", 2), told({"jobs_a": 1, "first": 1, "jobs_b": 1}, "jobs_b")])

    result = pipe.run(write, stream_maps={"jobs_*": {"__alias__": "jobs"}})
    assert result.code == 0, result.log
    assert set(project.rows("jobs")) == {1, 2}
