"""What a run does when another one has written, or may be writing, since it began to read."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import threading
from typing import TYPE_CHECKING, cast

import pytest

from support.singer import INTEGER, STRING, activate, lines, record, schema, state
from support.target.harness import COMMAND, feed, result_of, start_with_lease, wait_until_it_waits
from target_bigquery_softdelete.bigquery.client import make_client
from target_bigquery_softdelete.bigquery.server_clock import ServerClock
from target_bigquery_softdelete.bigquery.tenancy import Tenancy
from target_bigquery_softdelete.bigquery.warehouse import Warehouse
from target_bigquery_softdelete.config.settings import Settings
from target_bigquery_softdelete.errors import LeaseLostError
from target_bigquery_softdelete.load.statement_runner import StatementRunner
from target_bigquery_softdelete.sql import merge as sql

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner
    from target_bigquery_softdelete.bigquery.lease import Lease

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})
KEYLESS = schema("jobs", {"id": INTEGER, "name": STRING}, key=())
STATE = state({"bookmarks": {"jobs": {"at": 1}}})

NEWER = {1: "newer", 2: "newer", 3: "newer"}
OLDER = {1: "older", 2: "newer"}


def snapshot(rows: dict[int, str], version: int, first: dict[str, Any] = JOBS) -> list[dict[str, Any]]:
    """Return a complete snapshot."""
    records = [record("jobs", {"id": key, "name": name}, version) for key, name in rows.items()]
    return [first, *records, activate("jobs", version), STATE]


def end(process: subprocess.Popen[bytes]) -> Result:
    """Close the input of a run and return how it ended."""
    stdout, stderr = process.communicate(timeout=120)
    return result_of(process.returncode, stdout.decode(), stderr.decode())


def names(project: Project) -> dict[int, tuple[str, str]]:
    """Return name and operation of every row."""
    return {key: (row["name"], row["_etl_operation"]) for key, row in project.rows("jobs").items()}


@pytest.mark.parametrize(
    ("late", "settings"),
    [
        pytest.param(snapshot({1: "older", 2: "newer", 3: "newer"}, 1), {}, id="overwrites"),
        pytest.param(snapshot({1: "newer", 2: "newer"}, 1), {}, id="sweeps"),
        pytest.param(
            [JOBS, activate("jobs", 1), STATE], {"allow_mass_delete": True}, id="sweeps all", marks=pytest.mark.long
        ),
        pytest.param([JOBS, record("jobs", {"id": 1, "_sdc_deleted_at": "2026-01-01"}), STATE], {}, id="marks"),
    ],
)
def test_a_run_that_waited_leaves_the_newer_rows_alone_and_says_run_again(
    target: TargetRunner, project: Project, late: list[dict[str, Any]], settings: dict[str, Any]
) -> None:
    first = start_with_lease(target, snapshot(NEWER, 2))
    waits = target.start(on_concurrent_run="wait", **settings)
    feed(waits, late)
    wait_until_it_waits(waits)
    assert end(first).code == 0
    before = names(project)

    waited = end(waits)

    assert waited.code == 1
    (error,) = waited.errors
    for part in ("jobs", "another run wrote", "Run again"):
        assert part in error
    assert waited.states == []
    assert names(project) == before == dict.fromkeys(NEWER, ("newer", "INSERT"))
    assert target(*late, on_concurrent_run="refuse", **settings).code == 0


@pytest.mark.long
def test_a_run_that_waited_and_finds_its_rows_as_they_are_ends_well(target: TargetRunner, project: Project) -> None:
    first = start_with_lease(target, snapshot(NEWER, 1))
    waits = target.start(on_concurrent_run="wait")
    feed(waits, snapshot(NEWER, 2))
    wait_until_it_waits(waits)
    assert end(first).code == 0
    waited = end(waits)
    assert (waited.code, len(waited.states)) == (0, 1)
    assert names(project) == dict.fromkeys(NEWER, ("newer", "INSERT"))


def test_a_run_that_waited_does_not_undo_what_left_no_trace_in_the_rows(target: TargetRunner, project: Project) -> None:
    target(*snapshot(NEWER, 1))
    first = start_with_lease(target, snapshot(NEWER, 2))  # as they were: the older values have come and gone
    waits = target.start(on_concurrent_run="wait")
    feed(waits, snapshot({1: "older", 2: "newer", 3: "newer", 4: "came and went"}, 3))
    wait_until_it_waits(waits)
    assert end(first).code == 0

    waited = end(waits)

    assert (waited.code, waited.states) == (1, [])
    assert "another run wrote" in waited.errors[0]
    assert names(project) == dict.fromkeys(NEWER, ("newer", "INSERT"))
    assert target(*snapshot(OLDER | {3: "newer"}, 4), on_concurrent_run="refuse").code == 0


def test_a_run_that_comes_too_late_to_the_lease_has_seen_that_another_one_had_it(
    target: TargetRunner, project: Project, tmp_path: Path
) -> None:
    target(*snapshot(NEWER, 1))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def tap() -> None:
        with pipe.open("wb", buffering=0) as output:  # opened when the target has begun
            assert (
                subprocess.run(
                    [COMMAND, "--config", config, "--input", source], check=False, stdout=subprocess.DEVNULL
                ).returncode
                == 0
            )
            output.write(lines(snapshot(OLDER, 3)))

    source = tmp_path / "newer.singer"
    source.write_bytes(lines(snapshot(NEWER, 2)))
    config = tmp_path / "other.json"
    config.write_bytes(target.write_config(on_concurrent_run="refuse").read_bytes())
    thread = threading.Thread(target=tap)
    thread.start()
    assert target.run(pipe, on_concurrent_run="refuse") == 1
    thread.join()
    assert names(project) == dict.fromkeys(NEWER, ("newer", "INSERT"))


def test_a_keyless_table_is_not_replaced_by_what_was_read_before_another_run_wrote_it(
    target: TargetRunner, project: Project
) -> None:
    settings = {"keyless_streams": "replace"}
    target(*snapshot({1: "old"}, 1, KEYLESS), **settings)
    late = start_with_lease(target, snapshot(OLDER, 2, KEYLESS)[:2], **settings)
    assert target(*snapshot(NEWER, 3, KEYLESS), **settings).code == 0
    feed(late, snapshot(OLDER, 2, KEYLESS)[2:])

    overtaken = end(late)

    assert (overtaken.code, overtaken.states) == (1, [])
    assert "another run wrote" in overtaken.errors[0]
    assert names(project) == dict.fromkeys(NEWER, ("newer", "INSERT"))


class EndingLease:
    """A lease that ends while a statement is on its way. Each time it is asked, it lasts so many more seconds."""

    name = "co.bronze._etl_lease"

    def is_overtaken(self, table: str) -> bool:
        """Return that no other run came between."""
        return not table

    def __init__(self, *seconds: float) -> None:
        self._seconds = list(seconds)

    def check(self) -> None:
        """Have the lease, as far as the run knows."""

    @property
    def until(self) -> dt.datetime:
        """Until when it lasts."""
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self._seconds.pop(0))


def test_bigquery_does_not_run_a_statement_that_comes_after_the_end_of_the_lease(
    target: TargetRunner, project: Project
) -> None:
    target(*snapshot(NEWER, 1))
    settings = Settings(project_id=project.name, api_endpoint=project.api_endpoint)
    warehouse = Warehouse(make_client(settings), settings, "run_1", Tenancy(None))
    table_id = warehouse.table_id("jobs")

    def mark_all(name: str, lease: EndingLease) -> None:
        statements = StatementRunner(warehouse, "jobs", table_id, lease=cast("Lease", lease), clock=ServerClock())
        statements.write(sql.mark_all_deleted(table_id), name)

    before = names(project)
    with pytest.raises(LeaseLostError):
        mark_all("late", EndingLease(-1, -1, -1))
    assert names(project) == before

    mark_all("renewed", EndingLease(-1, 60))  # it was renewed while the statement waited
    assert set(project.operations("jobs").values()) == {"DELETE"}
