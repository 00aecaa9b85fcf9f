"""Two runs at once on one dataset: the second refuses or waits, and the lease of a dead run ends."""

from __future__ import annotations

import contextlib
import datetime as dt
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from servicetitan_sandbox.client.bigquery_project import Project
from support.proxy import Proxy, Trap
from support.singer import INTEGER, lines, record, schema
from support.target.harness import eventually
from target_bigquery_softdelete.bigquery import lease as leases
from target_bigquery_softdelete.bigquery.lease import Lease
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.sql.identifiers import TableId

if TYPE_CHECKING:
    import subprocess

    from support.target.harness import TargetRunner

JOBS = schema("jobs", {"id": INTEGER})
ONE = [JOBS, record("jobs", {"id": 1})]
TWO = [JOBS, record("jobs", {"id": 2})]
LEASE = "lease__bronze"


def running(target: TargetRunner, project: Project) -> subprocess.Popen[bytes]:
    """Start a run that has the lease and waits for more input."""
    process = target.start(on_concurrent_run="refuse")
    assert process.stdin
    process.stdin.write(lines(ONE))
    process.stdin.flush()
    eventually(lambda: LEASE in project.tables("management"))
    return process


def expire(project: Project) -> None:
    """Let the lease expire now, as if it had not been renewed for its whole lifetime."""
    table = project.client.get_table(f"{project.name}.management.{LEASE}")
    table.expires = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    project.client.update_table(table, ["expires"])
    time.sleep(1.5)


def test_a_second_run_refuses_or_waits_and_the_lease_is_given_back(target: TargetRunner, project: Project) -> None:
    first = running(target, project)

    refused = target(*TWO, on_concurrent_run="refuse")
    assert refused.code == 1
    (error,) = refused.errors
    for part in ("Another run", LEASE, "on_concurrent_run", "UTC"):
        assert part in error
    assert project.tables("bronze") == []

    waits = target.start(on_concurrent_run="wait")
    assert waits.stdin
    assert waits.stderr
    waits.stdin.write(lines(TWO))
    waits.stdin.flush()
    while b"waiting for the lease" not in (line := waits.stderr.readline()):
        assert line
    assert first.poll() is None
    first.communicate(timeout=60)
    _, log = waits.communicate(timeout=60)

    assert (first.returncode, waits.returncode) == (0, 0), log
    assert set(project.operations("jobs")) == {1, 2}
    assert LEASE not in project.tables("management")


def test_a_run_that_fails_or_is_stopped_gives_the_lease_back_and_a_killed_ones_ends(
    target: TargetRunner, project: Project
) -> None:
    assert target(JOBS, b"oops", on_concurrent_run="refuse").code == 1
    assert LEASE not in project.tables("management")

    stopped = running(target, project)
    stopped.terminate()
    stopped.communicate(timeout=20)
    assert stopped.returncode == 128 + signal.SIGTERM
    assert LEASE not in project.tables("management")

    killed = running(target, project)
    killed.kill()
    killed.communicate()
    assert target(*TWO, on_concurrent_run="refuse").code == 1
    table = project.client.get_table(f"{project.name}.management.{LEASE}")
    assert dt.timedelta(seconds=30) < table.expires - dt.datetime.now(dt.UTC) <= leases.LIFETIME
    expire(project)
    assert target(*TWO, on_concurrent_run="refuse").code == 0
    assert LEASE not in project.tables("management")


def lease(project: Project, run: str, api_endpoint: str = "") -> Lease:
    """Return a lease that is not taken yet."""

    def prepare() -> None:
        project.client.create_dataset(f"{project.name}.management", exists_ok=True)

    client = Project(api_endpoint or project.api_endpoint, project.name).client
    return Lease(client, TableId(project.name, "management", LEASE), run, "refuse", prepare=prepare)


def is_lost(held: Lease) -> bool:
    """Return whether a lease has noticed that it was lost."""
    try:
        held.check()
    except PluginError:
        return True
    return False


def test_of_many_runs_one_gets_the_lease(project: Project) -> None:
    got: list[Lease] = []

    def compete(wanted: Lease) -> None:
        with contextlib.suppress(PluginError):
            wanted.acquire()
            got.append(wanted)

    def one_of(runs: list[str]) -> Lease:
        threads = [threading.Thread(target=compete, args=(lease(project, run),)) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 1
        return got.pop()

    runs = [f"run_{number}" for number in range(8)]
    one_of(runs)  # and it dies: nothing renews it
    expire(project)
    one_of(runs).release()


def test_the_lease_is_renewed_and_a_run_that_lost_it_stops(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEWAL_SECONDS", 0.2)
    name = f"{project.name}.management.{LEASE}"
    with Proxy(project.api_endpoint) as proxy:
        proxy.trap(Trap(b'"expirationTime"', "fail", times=1))  # BigQuery is away for a moment
        first_lease = lease(project, "Run_1", proxy.url)
        first_lease.acquire()
        first = project.client.get_table(name).expires
        eventually(lambda: project.client.get_table(name).expires > first)
        first_lease.check()

        project.client.delete_table(name)
        other = lease(project, "run_2")
        other.acquire()
        eventually(lambda: is_lost(first_lease))
        with pytest.raises(PluginError, match="ended before it was renewed"):
            first_lease.check()
        first_lease.release()

    assert project.client.get_table(name).labels == {"run": "run_2"}
    other.release()
