"""A night of a fleet in BigQuery's time: many companies in several tasks, the first time and unchanged."""

from __future__ import annotations

import resource
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.measure import BenchmarkError, cpu_seconds_of
from benchmarks.scenario import Sample, Scenario, Section
from benchmarks.timed import LIMIT_SECONDS, POLLS, SEED, latency, seconds_between
from servicetitan_sandbox.client import bigquery_control as control
from servicetitan_sandbox.client import processes
from servicetitan_sandbox.client.control import Control
from servicetitan_sandbox.client.fleet import Fleet, outcomes_of
from servicetitan_sandbox.client.meltano_project import MeltanoProject
from tap_servicetitan.specs import registry as specs

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.lab import Lab

COMPANIES = 30
TASKS = 4
STREAMS = {spec.name: Control.entity(spec.list_path) for spec in specs.STREAMS if spec.selected and spec.list_path}
"""Those that the tap reads by default, and what they are to the local ServiceTitan."""

MOST_ROWS = 100

TEXT = f"""
`orchestrate-etl run` with {COMPANIES} companies of {len(STREAMS)} streams of 1 to {MOST_ROWS} rows, in {TASKS} tasks at
once as Cloud Run starts them, from a local ServiceTitan that answers at once into one local BigQuery with BigQuery's
latency (see the first section). All processes share two cores, where Cloud Run gives each task its own: *CPU s* is the
sum of all of them but the servers, and bounds the time here. The rows of every table are counted at the end.
"""


@contextmanager
def _fleet(folder: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        titan = stack.enter_context(processes.run_servicetitan())
        warehouse = stack.enter_context(processes.run_bigquery())
        bucket = stack.enter_context(processes.run_cloud_storage())
        (folder / "meltano").mkdir()
        meltano = MeltanoProject(folder / "meltano", {})
        meltano.install()
        fleet = Fleet(folder, meltano, titan, warehouse, f"gs://{bucket.bucket}/etl")
        fleet.variables |= {
            "STORAGE_EMULATOR_HOST": bucket.api_endpoint,
            "CLOUD_RUN_JOB": "etl",
            "CLOUD_RUN_TASK_COUNT": str(TASKS),
            "CLOUD_RUN_TASK_ATTEMPT": "0",
        }
        for number in range(1, COMPANIES + 1):
            sizes = {name: 1 + (37 * place + number) % MOST_ROWS for place, name in enumerate(STREAMS.values())}
            selected = [f"{stream}.*" for stream in STREAMS]
            fleet.add(f"company-{number:02}", str(700000 + number), sizes, streams=selected)
        yield fleet


def _nights(lab: Lab) -> Iterator[Sample]:
    with lab.create_folder() as folder, _fleet(folder) as fleet:
        for step in ("first", "unchanged"):
            yield _night(fleet, step)
            time.sleep(LIMIT_SECONDS)


def _night(fleet: Fleet, step: str) -> Sample:
    api = fleet.warehouse.api_endpoint
    fleet.variables["CLOUD_RUN_EXECUTION"] = f"etl-{step}"
    cpu_before, emulator_before = _cpu_of_children(), cpu_seconds_of(fleet.warehouse.pid)
    with latency(api, SEED):
        begun = time.time()
        tasks = [_start(fleet, index) for index in range(TASKS)]
        with ThreadPoolExecutor(TASKS) as readers:  # a task whose output nobody reads stands still
            outcomes = [outcome for ended in readers.map(_wait, tasks) for outcome in ended]
        ended = time.time()
        stats = control.read_stats(api)
    if len(outcomes) != COMPANIES or {outcome["result"] for outcome in outcomes} != {"done"}:
        raise BenchmarkError(f"{step}: not all companies were done: {outcomes}")
    for company_id in fleet.companies:
        _check_rows(fleet, company_id)
    polls = sum(stats["calls"].get(kind, 0) for kind in POLLS)
    facts = {
        "end after s": seconds_between(begun, ended, stats["pauses"]),
        "stood still s": stats["overrun_seconds"],
        "calls": stats["total_calls"] - polls,
        "polls": polls,
        "emulator CPU s": cpu_seconds_of(fleet.warehouse.pid) - emulator_before,
    }
    return Sample(_cpu_of_children() - cpu_before, ended - begun, 0, COMPANIES, facts, step)


def _check_rows(fleet: Fleet, company_id: str) -> None:
    project, tenant = fleet.project(company_id), fleet.companies[company_id]["tenant_id"]
    parts = (f"SELECT '{name}' AS name, COUNT(*) AS loaded FROM `{project.bronze}.{name}`" for name in STREAMS)  # noqa: S608
    for row in project.query(" UNION ALL ".join(parts)):
        expected = len(fleet.titan.control.records(tenant, STREAMS[row["name"]]))
        if row["loaded"] != expected:
            raise BenchmarkError(f"{company_id}: {row['loaded']} of {expected} rows are in {row['name']}")


def _start(fleet: Fleet, index: int) -> subprocess.Popen[str]:
    fleet.variables["CLOUD_RUN_TASK_INDEX"] = str(index)
    return fleet.start()


def _wait(task: subprocess.Popen[str]) -> list[dict[str, Any]]:
    text, _ = task.communicate()
    try:
        return list(outcomes_of(text.strip().rpartition("\n")[2], task.returncode).values())
    except RuntimeError as error:
        raise BenchmarkError(str(error)) from error


def _cpu_of_children() -> float:
    """Return the processor time of the children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


SECTION = Section(
    "fleet",
    "A fleet in BigQuery's time",
    TEXT,
    (Scenario(f"{COMPANIES} companies of {len(STREAMS)} streams, {TASKS} tasks", _nights, repeats=1),),
    unit="companies",
    columns=("companies", "end after s", "wall s", "stood still s", "calls", "polls", "CPU s", "emulator CPU s"),
)
