"""Two runs at once on one dataset: the second refuses or waits, and the lease of a dead run ends."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import secrets
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import Proxy, Trap
from support.singer import INTEGER, activate, record, schema, state
from support.target import ways
from support.target.harness import (
    PATIENCE_SECONDS,
    eventually,
    feed,
    lease_holder,
    lease_table,
    start_with_lease,
    wait_until_it_waits,
)
from support.target.ways import FILLS, MERGES
from target_bigquery_softdelete.bigquery.lease import LEASE_TABLE, Lease, LeaseTimes, Owners, owner_label
from target_bigquery_softdelete.bigquery.predecessor import Predecessor
from target_bigquery_softdelete.bigquery.server_clock import ServerClock
from target_bigquery_softdelete.bigquery.tenancy import Tenancy
from target_bigquery_softdelete.errors import LeaseLostError
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.sql.identifiers import TableId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner
    from support.target.ways import Way

JOBS = schema("jobs", {"id": INTEGER})
ONE = [JOBS, record("jobs", {"id": 1})]
TWO = [JOBS, record("jobs", {"id": 2})]
LEASE = LEASE_TABLE
SHORT = LeaseTimes(renewal_seconds=0.2, poll_seconds=0.2)
NEVER = LeaseTimes(renewal_seconds=1000, poll_seconds=0.2)
"""Of a run that is killed: nothing renews its lease."""
FLEET = Owners("night/0/0/a1b2")
RETRY = Owners("night/0/1/c3d4", ("evening/0/0/e5f6", FLEET.own))


def expire(project: Project) -> None:
    """Let the lease end now, as if it had not been renewed for its whole lifetime."""
    table = lease_table(project)
    table.labels = {**table.labels, "until": "0"}
    project.client.update_table(table, ["labels"])


def seconds_left(project: Project) -> float:
    """Return how much longer the lease lasts."""
    return int(lease_table(project).labels["until"]) / 1000 - time.time()


@pytest.mark.bigquery
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
    first.communicate(timeout=PATIENCE_SECONDS)
    _, log = waits.communicate(timeout=PATIENCE_SECONDS)

    assert (first.returncode, waits.returncode) == (0, 0), log
    assert set(project.operations("jobs")) == {1, 2}
    assert not lease_holder(project)


@pytest.mark.bigquery
def test_a_run_that_fails_or_is_stopped_gives_the_lease_back_and_a_killed_ones_ends(
    target: TargetRunner, project: Project
) -> None:
    assert target(JOBS, b"oops", on_concurrent_run="refuse").code == 1
    assert not lease_holder(project)

    stopped = start_with_lease(target, ONE)
    stopped.terminate()
    stopped.communicate(timeout=PATIENCE_SECONDS)
    assert stopped.returncode == 128 + signal.SIGTERM
    assert not lease_holder(project)

    killed = start_with_lease(target, ONE)
    killed.kill()
    killed.communicate()
    refused = target(*TWO, on_concurrent_run="refuse")
    assert refused.code == 1
    told = re.search(r"UTC, (\d+) seconds from now", refused.errors[0])
    assert told
    assert seconds_left(project) <= int(told[1]) <= LeaseTimes().lifetime.total_seconds() + 3
    assert 30 < seconds_left(project) <= LeaseTimes().lifetime.total_seconds()
    waits = target.start(on_concurrent_run="wait")
    feed(waits, TWO)
    wait_until_it_waits(waits)
    expire(project)
    _, log = waits.communicate(timeout=PATIENCE_SECONDS)
    assert waits.returncode == 0, log
    assert not lease_holder(project)


MADE: list[Lease] = []
"""The leases of the present test."""


def lease(  # noqa: PLR0913, PLR0917 - what the tests vary
    project: Project,
    run: str,
    api_endpoint: str = "",
    times: LeaseTimes = SHORT,
    clock: ServerClock | None = None,
    owners: Owners | None = None,
) -> Lease:
    """Return a lease that is not taken yet."""

    def prepare() -> None:
        client.create_dataset(project.bronze, exists_ok=True)

    client = project.at(api_endpoint or project.api_endpoint).client
    clock = clock or ServerClock()
    clock.follow(client)
    table_id = TableId(project.name, project.dataset("bronze"), LEASE)
    made = Lease(
        client,
        table_id,
        run,
        "refuse",
        clock=clock,
        tenancy=Tenancy(None),
        prepare=prepare,
        owners=owners,
        times=times,
    )
    MADE.append(made)
    return made


@pytest.fixture(autouse=True)
def no_lease_is_renewed_after_its_test() -> Iterator[None]:
    """End the threads of leases that a test leaves as a dead run does, without giving them back."""
    yield
    while MADE:
        MADE.pop()._stop.set()  # noqa: SLF001 - what else ends it gives the lease back


def is_lost(held: Lease) -> bool:
    """Return whether a lease has noticed that it was lost."""
    try:
        held.check()
    except PluginError:
        return True
    return False


@pytest.mark.bigquery
def test_of_many_runs_one_gets_the_lease(project: Project) -> None:
    got: list[Lease] = []

    def compete(wanted: Lease) -> None:
        with contextlib.suppress(PluginError):
            wanted.acquire()
            got.append(wanted)

    def one_of(runs: list[str], owners: Owners) -> Lease:
        threads = [
            threading.Thread(target=compete, args=(lease(project, run, times=NEVER, owners=owners),)) for run in runs
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 1
        return got.pop()

    runs = [f"run_{number}" for number in range(8)]
    one_of(runs, FLEET)  # and it dies
    one_of([f"again_{number}" for number in range(8)], RETRY)
    expire(project)
    one_of(runs, FLEET).release()


def test_the_lease_is_renewed_and_a_run_that_lost_it_stops_and_gives_back_only_its_own(project: Project) -> None:
    with Proxy(project.api_endpoint) as proxy:
        proxy.trap(Trap(b'"expirationTime"', "fail", times=1))  # BigQuery is away for a moment
        first_lease = lease(project, "Run_1", proxy.url)
        first_lease.acquire()
        first = seconds_left(project)
        eventually(lambda: seconds_left(project) > first)
        first_lease.check()

        project.client.delete_table(f"{project.bronze}.{LEASE}")
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


@pytest.mark.parametrize("jobs_left", [(), ("a-job",)], ids=["given back", "left to expire"])
def test_nothing_is_sent_by_a_run_that_is_done_with_its_lease(project: Project, jobs_left: tuple[str, ...]) -> None:
    held = lease(project, "run_1")
    held.acquire()
    held.check()

    held.release(jobs_left=jobs_left)

    assert is_lost(held)
    assert lease_holder(project) == ("run_1" if jobs_left else "")


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


@pytest.mark.bigquery
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
    third = lease(project, "run_3", clock=late)
    third.acquire()
    third.release()  # what renews it would go on, through the tests that follow


@pytest.mark.bigquery
@pytest.mark.parametrize(**ways.of((*FILLS, *MERGES)))
def test_after_a_kill_in_the_middle_of_a_merge_the_retry_of_its_owner_goes_on_at_once(
    way: Way, target: TargetRunner, project: Project
) -> None:
    def snapshot(version: int, *keys: int) -> list[dict[str, Any]]:
        return [JOBS, *(record("jobs", {"id": key}, version) for key in keys), activate("jobs", version), state({})]

    if not way.is_into_new_table:
        assert target(*snapshot(1, 1)).code == 0
    with Proxy(project.api_endpoint) as proxy:
        killed = {**way.settings, "on_concurrent_run": "refuse", "run_owner": FLEET.own}
        target.kill_at(Trap(way.request, "hold after"), proxy, snapshot(2, 1, 2), **killed)

    dead = lease_holder(project)
    assert dead
    other = target(*snapshot(3, 1, 3), on_concurrent_run="refuse", dead_owners=["night/0/0/other"])
    assert other.code == 1
    assert f"held by run {dead}" in other.errors[0]

    owners = {"on_concurrent_run": "refuse", "run_owner": RETRY.own, "dead_owners": RETRY.dead}
    retry = target(*snapshot(4, 1, 3), **{**way.settings, **owners})
    assert retry.code == 0, retry.log
    assert f"took over the lease `{project.bronze}.{LEASE}` of run {dead} at once" in retry.log
    assert project.operations("jobs") == {1: "INSERT", 2: "DELETE", 3: "INSERT"}
    assert not lease_holder(project)


@pytest.mark.bigquery
def test_jobs_that_a_dead_run_has_left_have_ended_before_the_next_run_goes_on(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    dead = f"Run_{secrets.token_hex(4)}"  # the names of jobs are never free again
    lease(project, dead, times=NEVER, owners=FLEET).acquire()
    endless = "SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 500000)) a CROSS JOIN UNNEST(GENERATE_ARRAY(1, 500000)) b"
    left = project.client.query(endless, job_id=f"{dead}-merge-jobs-1-1", job_retry=None)
    other = project.client.query("SELECT 1", job_id=f"{dead}0-merge-jobs-1-1", job_retry=None)

    retry = lease(project, "run_2", owners=RETRY)
    retry.acquire()

    left.reload()
    assert left.state == "DONE"
    assert other.result().total_rows == 1
    assert f"{dead}-merge-jobs-1-1" in caplog.text
    labels = lease_table(project).labels
    assert (labels["run"], labels["run_owner"], labels["taken_from"]) == ("run_2", owner_label(RETRY.own), "")
    retry.release()
    assert not lease_holder(project)


def test_a_run_that_may_not_list_jobs_waits_until_no_statement_of_the_dead_one_can_begin(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    brief = LeaseTimes(lifetime=dt.timedelta(seconds=3), margin=dt.timedelta(seconds=1), renewal_seconds=1000)
    with Proxy(project.api_endpoint) as proxy:
        proxy.trap(Trap(b"stateFilter", "fail", times=1000, status=403, reason="accessDenied"))
        lease(project, "run_1", times=brief, owners=FLEET).acquire()
        ends = int(lease_table(project).labels["until"]) / 1000

        second = lease(project, "run_2", proxy.url, owners=RETRY)
        second.acquire()

        assert time.time() >= ends
        assert "bigquery.jobs.list" in caplog.text
        assert lease_holder(project) == "run_2"
        second.release()


def test_a_run_that_dies_before_it_has_ended_a_dead_runs_jobs_keeps_the_lease_until_it_expires(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease(project, "run_1", times=NEVER, owners=FLEET).acquire()
    second = lease(project, "run_2", times=NEVER, owners=Owners("night/0/1/c3d4", (FLEET.own,)))

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Predecessor, "end", fail)
        with pytest.raises(KeyboardInterrupt):
            second.acquire()
    second.release()

    third = lease(project, "run_3", owners=Owners("night/0/2/e5f6", (FLEET.own, "night/0/1/c3d4")))
    with pytest.raises(PluginError, match="held by run run_2"):
        third.acquire()
    expire(project)
    third.acquire()
    third.release()
    assert not lease_holder(project)
