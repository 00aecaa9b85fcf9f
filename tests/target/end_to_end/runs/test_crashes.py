"""A target that is killed at any point does no harm: after the next run the tables are the same."""

from __future__ import annotations

import re
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import Proxy, Trap
from support.singer import INTEGER, STRING, activate, lines, record, schema, state
from support.target.harness import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

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


def contents(project: Project) -> dict[int, tuple[str, str]]:
    return {key: (row["name"], row["_etl_operation"]) for key, row in project.rows("jobs").items()}


@pytest.fixture
def proxy(project: Project) -> Iterator[Proxy]:
    with Proxy(project.api_endpoint) as proxy:
        yield proxy


@pytest.mark.parametrize(
    "trap",
    [
        pytest.param(Trap(b"/upload/bigquery", "hold before"), id="before-load"),
        pytest.param(Trap(b"/upload/bigquery", "hold after"), id="after-load"),
        pytest.param(Trap(b"MERGE `", "hold before"), id="before-merge"),
    ],
)
def test_killed_before_the_merge_it_has_changed_nothing(
    trap: Trap, target: TargetRunner, project: Project, proxy: Proxy
) -> None:
    target(*FIRST)
    before = project.rows("jobs")

    out = target.kill_at(trap, proxy, SECOND)

    assert out == b""
    assert project.rows("jobs") == before
    rerun = target(*SECOND)
    assert rerun.states == [STATE]
    assert contents(project) == EXPECTED


def test_killed_between_merge_and_state_the_next_run_finds_nothing_to_do(
    target: TargetRunner, project: Project, proxy: Proxy
) -> None:
    target(*FIRST)

    out = target.kill_at(Trap(b"MERGE `", "hold after"), proxy, SECOND)

    assert out == b""
    after_kill = project.rows("jobs")
    assert contents(project) == EXPECTED
    rerun = target(*SECOND)
    assert rerun.states == [STATE]
    assert project.rows("jobs") == after_kill


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


# A part of a file is sent again by Google's client, which says nothing.
@pytest.mark.parametrize(("text", "told"), [(b"/upload/bigquery", 0), (b"MERGE `", 1)], ids=["load", "merge"])
def test_an_error_that_passes_is_tried_again(
    text: bytes, told: int, target: TargetRunner, project: Project, proxy: Proxy
) -> None:
    trap = proxy.trap(Trap(text, "fail", times=1))

    result = target(*FIRST, api_endpoint=proxy.url)

    assert trap.seen == 1
    assert result.code == 0, result.log
    assert len(re.findall(r"WARNING .*BigQuery: \w+ 503; retrying the call for up to", result.log)) == told
    assert result.states == [STATE]
    assert set(project.operations("jobs").values()) == {"INSERT"}


@pytest.mark.parametrize("text", [b"/upload/bigquery", b"MERGE `"], ids=["load", "merge"])
def test_an_error_that_stays_loses_no_row_and_lets_out_no_state(
    text: bytes, target: TargetRunner, project: Project, proxy: Proxy
) -> None:
    proxy.trap(Trap(text, "fail", times=1000, status=403, reason="accessDenied"))
    other = [schema("crews", {"id": INTEGER}), record("crews", {"id": 1}), state({"bookmarks": {"crews": 1}})]

    alone = target(*FIRST, api_endpoint=proxy.url)
    assert alone.code == 1
    assert alone.states == []
    assert "jobs" in alone.errors[0]
    assert "Traceback" not in alone.log

    proxy.traps.clear()
    proxy.trap(Trap(b"bronze.jobs` AS _etl_t", "fail", times=1000, status=403, reason="accessDenied"))
    both = {"bookmarks": {"jobs": 1, "crews": 1}}
    result = target(*FIRST[:-1], *other[:2], state(both), api_endpoint=proxy.url)
    assert result.code == 1
    assert result.states == [{"bookmarks": {"crews": 1}}]
    assert project.operations("crews") == {1: "INSERT"}
    assert project.log("jobs")[-1]["status"] == "failed"
