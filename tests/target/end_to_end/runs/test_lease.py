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
from support.singer import INTEGER, record, schema
from support.target.harness import eventually, feed, lease_holder, lease_table, start_with_lease, wait_until_it_waits
from target_bigquery_softdelete.bigquery.lease import LEASE_TABLE, Lease, LeaseTimes
from target_bigquery_softdelete.bigquery.server_clock import ServerClock
from target_bigquery_softdelete.bigquery.tenancy import Tenancy
from target_bigquery_softdelete.errors import LeaseLostError
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.sql.identifiers import TableId

if TYPE_CHECKING:
    from support.target.harness import TargetRunner

JOBS = schema("jobs", {"id": INTEGER})
ONE = [JOBS, record("jobs", {"id": 1})]
TWO = [JOBS, record("jobs", {"id": 2})]
LEASE = LEASE_TABLE
SHORT = LeaseTimes(renewal_seconds=0.2, poll_seconds=0.2)


def expire(project: Project) -> None:
    """Let the lease end now, as if it had not been renewed for its whole lifetime."""
    table = lease_table(project)
    table.labels = {**table.labels, "until": "0"}
    project.client.update_table(table, ["labels"])


def seconds_left(project: Project) -> float:
    """Return how much longer the lease lasts."""
    return int(lease_table(project).labels["until"]) / 1000 - time.time()


def test_a_second_run_refuses_or_waits_and_the_lease_is_given_back(target: TargetRunner, project: Project) -> None:
    first = start_with_lease(target, ONE)

    refused = target(*TWO, on_concurrent_run="refuse")
    assert refused.code == 1
    (error,) = refused.errors
    for part in ("Another run", LEASE, "on_concurrent_run", "UTC"):
        assert part in error
    assert project.tables("bronze") == [LEASE]

    waits = target.start(on_concurrent_run="wait")
    feed(waits, TWO)
    wait_until_it_waits(waits)
    assert first.poll() is None
    first.communicate(timeout=60)
    _, log = waits.communicate(timeout=60)

    assert (first.returncode, waits.returncode) == (0, 0), log
    assert set(project.operations("jobs")) == {1, 2}
    assert not lease_holder(project)


def test_a_run_that_fails_or_is_stopped_gives_the_lease_back_and_a_killed_ones_ends(
    target: TargetRunner, project: Project
) -> None:
    assert target(JOBS, b"oops", on_concurrent_run="refuse").code == 1
    assert not lease_holder(project)

    stopped = start_with_lease(target, ONE)
    stopped.terminate()
    stopped.communicate(timeout=20)
    assert stopped.returncode == 128 + signal.SIGTERM
    assert not lease_holder(project)

    killed = start_with_lease(target, ONE)
    killed.kill()
    killed.communicate()
    assert target(*TWO, on_concurrent_run="refuse").code == 1
    assert 30 < seconds_left(project) <= LeaseTimes().lifetime.total_seconds()
    expire(project)
    assert target(*TWO, on_concurrent_run="refuse").code == 0
    assert not lease_holder(project)


def lease(
    project: Project, run: str, api_endpoint: str = "", times: LeaseTimes = SHORT, clock: ServerClock | None = None
) -> Lease:
    """Return a lease that is not taken yet."""

    def prepare() -> None:
        client.create_dataset(f"{project.name}.bronze", exists_ok=True)

    client = Project(api_endpoint or project.api_endpoint, project.name).client
    clock = clock or ServerClock()
    clock.follow(client)
    table_id = TableId(project.name, "bronze", LEASE)
    return Lease(client, table_id, run, "refuse", clock=clock, tenancy=Tenancy(None), prepare=prepare, times=times)


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


def test_the_lease_is_renewed_and_a_run_that_lost_it_stops_and_gives_back_only_its_own(project: Project) -> None:
    with Proxy(project.api_endpoint) as proxy:
        proxy.trap(Trap(b'"expirationTime"', "fail", times=1))  # BigQuery is away for a moment
        first_lease = lease(project, "Run_1", proxy.url)
        first_lease.acquire()
        first = seconds_left(project)
        eventually(lambda: seconds_left(project) > first)
        first_lease.check()

        project.client.delete_table(f"{project.name}.bronze.{LEASE}")
        other = lease(project, "run_2")
        other.acquire()
        eventually(lambda: is_lost(first_lease))
        with pytest.raises(LeaseLostError, match="ended before it was renewed"):
            first_lease.check()
        first_lease.release()

    assert lease_holder(project) == "run_2"
    other.check()
    other.release()
    assert not lease_holder(project)


def test_a_lease_ends_with_its_last_renewal_that_succeeded(project: Project) -> None:
    times = LeaseTimes(lifetime=dt.timedelta(seconds=3), margin=dt.timedelta(seconds=1), renewal_seconds=0.3)
    with Proxy(project.api_endpoint) as proxy:
        held = lease(project, "run_1", proxy.url, times)
        held.acquire()
        proxy.trap(Trap(b'"expirationTime"', "fail", times=1000))
        eventually(lambda: is_lost(held), seconds=10)
        proxy.traps.clear()
        held.release()


def test_a_lease_that_was_lost_without_notice_is_not_given_back(project: Project) -> None:
    never = LeaseTimes(renewal_seconds=1000)
    suspended = lease(project, "run_1", times=never)
    suspended.acquire()
    expire(project)
    successor = lease(project, "run_2")
    successor.acquire()

    suspended.release()

    assert lease_holder(project) == "run_2"
    assert not is_lost(successor)
    successor.release()


@pytest.mark.parametrize("minutes", [-3, 3])
def test_a_clock_that_is_minutes_wrong_has_no_effect(project: Project, minutes: int) -> None:
    wrong = ServerClock(local=lambda: dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes))
    held = lease(project, "run_1", clock=wrong, times=LeaseTimes())
    held.acquire()
    assert 110 < seconds_left(project) < 125

    late = ServerClock(local=lambda: dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes))
    with pytest.raises(PluginError, match="Another run"):
        lease(project, "run_2", clock=late).acquire()
    held.release()
    lease(project, "run_3", clock=late).acquire()
