"""A target that is killed at any point does no harm: after the next run the tables are the same."""

from __future__ import annotations

import re
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Literal

import pytest

from support.proxy import Proxy, Trap
from support.singer import INTEGER, STRING, activate, lines, record, schema, state
from support.target import ways
from support.target.harness import PATIENCE_SECONDS
from support.target.ways import FILLS, LOAD, MERGES, WAYS
from target_bigquery_softdelete.bigquery.lease import LEASE_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.proxy import Answer, Request
    from support.target.harness import TargetRunner
    from support.target.ways import Way

pytestmark = pytest.mark.bigquery

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})
STATE = {"bookmarks": {"jobs": {"position": 2}}}


def snapshot(version: int, **names: str) -> list[dict[str, Any]]:
    """Return a complete snapshot of jobs: `job_1="name"` and so on."""
    records = [record("jobs", {"id": int(key[4:]), "name": name}, version) for key, name in names.items()]
    return [JOBS, *records, activate("jobs", version), state(STATE)]


FIRST = snapshot(1, job_1="one", job_2="two", job_3="three")
SECOND = snapshot(2, job_1="one", job_2="changed", job_4="new")
EXPECTED = {1: ("one", "INSERT"), 2: ("changed", "UPDATE"), 3: ("three", "DELETE"), 4: ("new", "INSERT")}


AT_FIRST = {key: (name, "INSERT") for key, name in ((1, "one"), (2, "two"), (3, "three"))}


def contents(project: Project) -> dict[int, tuple[str, str]]:
    """Return the rows of the table. None if there is no table."""
    rows = project.rows("jobs") if "jobs" in project.tables("bronze") else {}
    return {key: (row["name"], row["_etl_operation"]) for key, row in rows.items()}


@pytest.fixture
def proxy(project: Project) -> Iterator[Proxy]:
    with Proxy(project.api_endpoint) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("way", "moment"),
    [
        pytest.param(way, moment, id=f"{moment.split()[1]}-{way}", marks=ways.marks(way))
        for way, moment in ((LOAD, "hold after"), *((way, "hold before") for way in WAYS))
    ],
)
def test_killed_before_the_merge_it_has_changed_nothing(
    way: Way, moment: Literal["hold before", "hold after"], target: TargetRunner, project: Project, proxy: Proxy
) -> None:
    if not way.is_into_new_table:
        target(*FIRST)
    before = contents(project)

    out = target.kill_at(Trap(way.request, moment), proxy, SECOND, **way.settings)

    assert out == b""
    assert contents(project) == before
    rerun = target(*(FIRST if way.is_into_new_table else SECOND), **way.settings)
    assert rerun.states == [STATE]
    assert contents(project) == (AT_FIRST if way.is_into_new_table else EXPECTED)


@pytest.mark.parametrize(**ways.of((*FILLS, *MERGES)))
def test_killed_between_merge_and_state_the_next_run_finds_nothing_to_do(
    way: Way, target: TargetRunner, project: Project, proxy: Proxy
) -> None:
    if not way.is_into_new_table:
        target(*FIRST)
    sent, expected = (FIRST, AT_FIRST) if way.is_into_new_table else (SECOND, EXPECTED)

    out = target.kill_at(Trap(way.request, "hold after"), proxy, sent, **way.settings)

    assert out == b""
    after_kill = project.rows("jobs")
    assert contents(project) == expected
    rerun = target(*sent, **way.settings)
    assert rerun.states == [STATE]
    assert project.rows("jobs") == after_kill
    counted = project.log("jobs")[-1]
    assert (counted["rows_unchanged"], counted["rows_inserted"], counted["rows_updated"]) == (3, 0, 0)


def test_killed_while_it_reads_it_has_written_nothing(target: TargetRunner, project: Project) -> None:
    process = target.start()
    assert process.stdin
    process.stdin.write(lines(FIRST[:-2]))
    process.stdin.flush()
    time.sleep(3)

    process.kill()
    out, _ = process.communicate()

    assert out == b""
    assert project.tables("bronze") == []


def test_a_stop_signal_lets_out_no_state_and_says_so(target: TargetRunner, project: Project) -> None:
    process = target.start()
    assert process.stdin
    assert process.stderr
    process.stdin.write(lines(FIRST))
    process.stdin.flush()
    while b"Skipping parse" not in process.stderr.readline():
        pass  # it is still starting
    time.sleep(1)

    process.terminate()
    out, log = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 128 + signal.SIGTERM
    assert out == b""
    assert b"Stopped by signal 15" in log
    assert b"Traceback" not in log
    assert project.tables("bronze") == []


def test_an_input_that_ends_while_the_run_is_being_stopped_is_not_written(
    target: TargetRunner, project: Project, proxy: Proxy
) -> None:
    has_begun, is_stopping, gives_back = threading.Event(), threading.Event(), threading.Event()

    def gate(request: Request, forward: Callable[[bytes], Answer]) -> Answer:
        if LEASE_TABLE in request.path and is_stopping.is_set():
            gives_back.set()
            time.sleep(2)  # longer than the first table of the stream would take
        answer = forward(request.body)
        has_begun.set()
        return answer

    proxy.gate = gate
    with target.start(api_endpoint=proxy.url, on_concurrent_run="refuse") as process:
        assert process.stdin
        process.stdin.write(lines(FIRST))
        process.stdin.flush()
        assert has_begun.wait(PATIENCE_SECONDS)
        time.sleep(2)

        is_stopping.set()
        process.terminate()
        assert gives_back.wait(PATIENCE_SECONDS)
        process.stdin.close()
        assert process.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM

    assert "jobs" not in project.tables("bronze")


@pytest.mark.parametrize(**ways.of(WAYS))
def test_an_error_that_passes_is_tried_again(way: Way, target: TargetRunner, project: Project, proxy: Proxy) -> None:
    if not way.is_into_new_table:
        target(*FIRST)
    trap = proxy.trap(Trap(way.request, "fail", times=1))

    result = target(*SECOND, api_endpoint=proxy.url, **way.settings)

    assert trap.seen == 1
    assert result.code == 0, result.log
    # A part of a file is sent again by Google's client, which says nothing.
    told = 0 if way == LOAD else 1
    assert len(re.findall(r"WARNING .*BigQuery: \w+ 503; retrying the call for up to", result.log)) == told
    assert result.states == [STATE]
    new = {1: ("one", "INSERT"), 2: ("changed", "INSERT"), 4: ("new", "INSERT")}
    assert contents(project) == (new if way.is_into_new_table else EXPECTED)


@pytest.mark.parametrize(**ways.of(WAYS))
def test_an_error_that_stays_loses_no_row_and_lets_out_no_state(
    way: Way, target: TargetRunner, project: Project, proxy: Proxy
) -> None:
    if not way.is_into_new_table:
        target(*FIRST)
    before = contents(project)
    proxy.trap(Trap(way.request, "fail", times=1000, status=403, reason="accessDenied"))
    other = [schema("crews", {"id": INTEGER}), record("crews", {"id": 1}), state({"bookmarks": {"crews": 1}})]

    alone = target(*SECOND, api_endpoint=proxy.url, **way.settings)
    assert alone.code == 1
    assert alone.states == []
    assert "jobs" in alone.errors[0]
    assert "Traceback" not in alone.log
    assert contents(project) == before

    proxy.traps.clear()
    proxy.trap(Trap(b"bronze.jobs` AS _etl_t", "fail", times=1000, status=403, reason="accessDenied"))
    both = {"bookmarks": {"jobs": 1, "crews": 1}}
    result = target(*SECOND[:-1], *other[:2], state(both), api_endpoint=proxy.url, **way.settings)
    assert result.code == 1
    assert result.states == [{"bookmarks": {"crews": 1}}]
    assert project.operations("crews") == {1: "INSERT"}
    assert project.log("jobs")[-1]["status"] == "failed"
