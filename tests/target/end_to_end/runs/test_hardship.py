"""A full disk, a bad temporary folder, an output without a reader, a silent tap, a signal: one clear line each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import Proxy, Trap
from support.singer import INTEGER, STRING, lines, record, schema, state
from support.target import ways
from support.target.harness import COMMAND, eventually, lease_holder, lease_table
from support.target.ways import FILLS, MERGES, STAGED
from target_bigquery_softdelete.bigquery.lease import LeaseTimes

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner
    from support.target.ways import Way

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})
CREWS = schema("crews", {"id": INTEGER})
MESSAGES = [JOBS, record("jobs", {"id": 1, "name": "one"}), state({"bookmarks": {"jobs": 1}})]


def errors(log: bytes) -> list[str]:
    assert b"Traceback" not in log
    assert b"Exception ignored" not in log
    return [line for line in log.decode().splitlines() if "| ERROR " in line]


def test_a_full_disk_ends_the_stream_that_met_it(target: TargetRunner, project: Project) -> None:
    jobs = [record("jobs", {"id": i, "name": os.urandom(500).hex()}) for i in range(200)]
    crews = [CREWS, record("crews", {"id": 1})]
    text = lines([JOBS, *jobs, *crews, state({"bookmarks": {"jobs": 1, "crews": 1}})])

    # The largest file that the process may write, in blocks of 1,024 bytes: an error of the disk that needs no rights.
    command = f"ulimit -f 64; exec {COMMAND} --config {target.write_config(block_bytes=65536, **STAGED)}"
    done = subprocess.run(["bash", "-c", command], input=text, capture_output=True, check=False)

    assert done.returncode == 1
    (line,) = errors(done.stderr)
    assert "jobs: cannot write to the temporary folder `" in line
    assert "TMPDIR" in line
    assert json.loads(done.stdout) == {"bookmarks": {"crews": 1}}
    assert project.tables("bronze") == ["crews"]


@pytest.mark.parametrize("place", ["/dev/null", "/proc/self"])
def test_a_temporary_folder_that_cannot_be_used_is_named(
    place: str, target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", place)

    result = target(*MESSAGES)

    assert result.code == 1
    assert result.states == []
    assert len(result.errors) == 1
    assert f"`{place}`" in result.errors[0]
    assert "TMPDIR" in result.errors[0]
    assert project.tables("bronze") == []


@pytest.mark.parametrize("output", [">&-", "| true"], ids=["closed", "stopped"])
def test_an_output_that_takes_no_state_loses_no_row(output: str, target: TargetRunner, project: Project) -> None:
    command = f"set -o pipefail; {COMMAND} --config {target.write_config()} {output}"
    done = subprocess.run(["bash", "-c", command], input=lines(MESSAGES), capture_output=True, check=False)

    assert done.returncode == 1
    (line,) = errors(done.stderr)
    assert "STATE cannot be written to the standard output" in line
    assert project.operations("jobs") == {1: "INSERT"}
    assert project.log("jobs")[-1]["status"] == "success"


def test_while_the_tap_is_silent_rows_are_merged_and_state_goes_out_and_the_lease_is_renewed(
    target: TargetRunner,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(target.plugin, "lease_times", LeaseTimes(renewal_seconds=0.2))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    said: list[str] = []

    def has_said(text: str) -> bool:
        said.append(capfd.readouterr().out)
        return text in "".join(said)

    def tap() -> None:
        with pipe.open("wb", buffering=0) as output:
            output.write(lines(MESSAGES))
            eventually(lambda: "jobs" in project.tables("bronze") and project.operations("jobs"))
            eventually(lambda: has_said('"jobs":1'))
            until = lease_table(project).labels["until"]
            eventually(lambda: lease_table(project).labels["until"] > until)
            output.write(lines([record("jobs", {"id": 2}), state({"bookmarks": {"jobs": 2}})]))

    thread = threading.Thread(target=tap)
    thread.start()
    code = target.run(pipe, merge_interval_seconds=1, on_concurrent_run="refuse")
    thread.join()

    assert code == 0
    assert json.loads("".join(said)) == {"bookmarks": {"jobs": 1}}
    assert json.loads(capfd.readouterr().out) == {"bookmarks": {"jobs": 2}}
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT"}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of the processes that a test starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_a_stream_that_has_failed_leaves_its_room_to_the_others(
    target: TargetRunner, project: Project, tmp_path: Path, temporary: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def tap() -> None:
        with pipe.open("wb", buffering=0) as output:
            output.write(lines([JOBS, *(record("jobs", {"id": i, "name": "x" * 500}) for i in range(200))]))
            eventually(lambda: list(temporary.glob("*/jobs__*.parquet")))
            output.write(lines([record("jobs", {"id": "none"}), *(record("jobs", {"id": i}) for i in range(9000))]))
            eventually(lambda: not list(temporary.glob("*/*")))
            output.write(lines([CREWS, record("crews", {"id": 1})]))

    thread = threading.Thread(target=tap)
    thread.start()
    code = target.run(pipe, block_bytes=65536, **STAGED)
    thread.join()

    assert code == 1
    assert project.tables("bronze") == ["crews"]


def stopped_at(
    target: TargetRunner,
    project: Project,
    number: signal.Signals,
    *traps: Trap,
    **settings: Any,  # noqa: ANN401 - any setting
) -> str:
    """Send a signal to a run at the first trap, with the other traps set by then. Return the one line that it logs."""
    with Proxy(project.api_endpoint) as proxy:
        proxy.trap(traps[0])
        with target.start(api_endpoint=proxy.url, **{"on_concurrent_run": "refuse", **settings}) as process:
            assert process.stdin
            process.stdin.write(lines(MESSAGES))
            process.stdin.close()
            process.stdin = None
            assert traps[0].reached.wait(60)
            proxy.traps.extend(traps[1:])
            process.send_signal(number)
            out, log = process.communicate(timeout=30)

    assert process.returncode == 128 + number
    assert out == b""
    (line,) = errors(log)
    assert f"Stopped by signal {number} before the end of the run." in line
    assert line.endswith("The next run continues from the last state.")
    return line


@pytest.mark.parametrize(**ways.of((*FILLS, *MERGES)))
def test_a_signal_cancels_the_jobs_and_gives_the_lease_back(
    way: Way, target: TargetRunner, project: Project, temporary: Path
) -> None:
    if not way.is_into_new_table:
        assert target.command([JOBS, record("jobs", {"id": 1, "name": "old"})]).code == 0
    job, cancelled = way.job("jobs").encode(), Trap(b"/cancel", "hold after")
    # Its second request: that for its result.
    waits = Trap(job, "hold before", skip=1)

    line = stopped_at(target, project, signal.SIGTERM, waits, cancelled, **way.settings)

    assert cancelled.seen == 1
    assert "jobs: 1 row read, 0 merged. Cancelled the jobs" in line
    assert f"{way.job('jobs')}-1-1" in line
    assert list(temporary.iterdir()) == []
    assert not lease_holder(project)
    assert target(*MESSAGES, on_concurrent_run="refuse").code == 0
    assert {key: row["name"] for key, row in project.rows("jobs").items()} == {1: "one"}


@pytest.mark.parametrize(**ways.of((*FILLS, *MERGES)))
def test_a_signal_ends_a_run_that_waits_for_the_answer_to_a_statement(
    way: Way, target: TargetRunner, project: Project, temporary: Path
) -> None:
    if not way.is_into_new_table:
        assert target.command([JOBS, record("jobs", {"id": 1, "name": "old"})]).code == 0

    line = stopped_at_hung(target, project, way.request, **way.settings)

    for part in ("jobs: 1 row read, 0 merged", "did not confirm in time", f"{way.job('jobs')}-1-1", "lease"):
        assert part in line
    assert list(temporary.iterdir()) == []


def test_a_signal_ends_a_run_that_waits_for_its_first_answer(
    target: TargetRunner, project: Project, temporary: Path
) -> None:
    line = stopped_at_hung(target, project, b"/datasets/bronze")

    assert "No stream was read. No job was running. The next" in line
    assert list(temporary.iterdir()) == []


def stopped_at_hung(target: TargetRunner, project: Project, hung: bytes, **settings: Any) -> str:  # noqa: ANN401
    """Stop a run to which BigQuery answers nothing any more from a request on. Return the one line that it logs."""
    traps = (Trap(hung, "hold before"), Trap(b"/bigquery", "hold before", times=99))
    return stopped_at(target, project, signal.SIGINT, *traps, **settings)
