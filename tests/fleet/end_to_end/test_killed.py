"""A company's run that was killed with everything is healed by the task's own retry, and a lost state is noticed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.client.control import Fault
from servicetitan_sandbox.client.fleet import Fleet
from support.fleet.processes import find_meltano, find_plugins
from support.target.harness import eventually, lease_holder

if TYPE_CHECKING:
    import subprocess

    from servicetitan_sandbox.client.meltano_project import MeltanoProject
    from servicetitan_sandbox.client.processes import BigQuery, ServiceTitan

MELTANO, PAIR, FORKED_PAIR = "meltano run", "a pair that is started as a program", "a pair that is a fork"
SIZES = {"technicians": 12, "activities": 60}


@pytest.fixture
def fleet(tmp_path: Path, meltano: MeltanoProject, servicetitan: ServiceTitan, bigquery: BigQuery) -> Fleet:
    variables = {"CLOUD_RUN_EXECUTION": "etl-x7k2", "CLOUD_RUN_TASK_ATTEMPT": "0"}
    return Fleet(tmp_path, meltano, servicetitan, bigquery, (tmp_path / "etl").as_uri(), variables)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, dict[str, Any]]:
    """Wait for the end of a run. Return its exit code, its log, and the outcomes of the companies."""
    text, _ = process.communicate(timeout=280)
    return process.returncode, text, json.loads(text.splitlines()[-1])["companies"]


def kill_all(process: subprocess.Popen[str], work_folder: Path) -> None:
    """Kill a fleet and all processes of its companies, as the end of a container does."""
    own = [pid for folder in work_folder.iterdir() for pid in find_meltano(folder)]
    assert own
    all_of_them = [process.pid, *own, *find_plugins(work_folder)]
    for pid in all_of_them:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in all_of_them))


def states_of_runs(fleet: Fleet) -> list[str]:
    """Return how the runs of the company ended, by Meltano's own database."""
    with closing(sqlite3.connect(fleet.folder / "work/killed/meltano.db")) as database:
        return [state for (state,) in database.execute("SELECT state FROM runs ORDER BY id")]


@pytest.mark.long
@pytest.mark.parametrize("runner", [MELTANO, PAIR, FORKED_PAIR])
def test_a_company_that_was_killed_with_its_fleet_is_healed_by_the_retry_seconds_later(
    fleet: Fleet, runner: str
) -> None:
    options = ["--with-meltano-run"] if runner == MELTANO else []
    fleet.add("killed", "880301", SIZES)
    if runner == FORKED_PAIR:
        fleet.add("another", "880303", SIZES)
    fleet.titan.control.set_fault(Fault(kind="slow", tenant="880301", seconds=600))
    first = fleet.start(*options)
    eventually(lambda: lease_holder(fleet.project("killed")), seconds=120)
    kill_all(first, fleet.folder / "work")
    fleet.titan.control.clear_faults()
    if runner == MELTANO:
        assert states_of_runs(fleet) == ["RUNNING"]

    fleet.variables["CLOUD_RUN_TASK_ATTEMPT"] = "1"
    code, text, _ = ended(fleet.start(*options))

    assert code == 0, text
    assert "took over the lease" in text
    assert fleet.find_differences("killed") == []
    if runner == MELTANO:
        assert states_of_runs(fleet) == ["FAIL", "SUCCESS"]


@pytest.mark.long  # the short run has the lines that Meltano logs then
def test_a_state_that_cannot_be_saved_fails_the_company(fleet: Fleet) -> None:
    fleet.add("stateless", "880302", SIZES)
    # What Meltano must be able to write before it writes the state. It can still read: there is no state yet.
    state = fleet.folder / "etl/state/dev:tap-servicetitan-to-target-bigquery-softdelete:stateless"
    (state / "lock").mkdir(parents=True)

    code, text, outcomes = ended(fleet.start())

    assert (code, outcomes["stateless"]["result"]) == (1, "failed"), text
    assert "its state could not be saved: the next run reads them again" in outcomes["stateless"]["reason"]
    assert fleet.find_differences("stateless") == []
