"""Rehearses an execution of a whole fleet: many companies, several tasks, and faults in three companies.

It starts a local ServiceTitan, a local BigQuery and a local Cloud Storage, and runs all companies as the tasks of a
Cloud Run Job would. Then it removes the faults, retries each task as Cloud Run does, and compares every row with the
source. Exit code 0 means that all checks passed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, override

from benchmarks.histories import RUNS, make_history, write_log
from rich.console import Console
from rich.markup import escape

from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.state.claims import record_name
from servicetitan_fleet.state.company_record import dump_record
from servicetitan_fleet.state.storage import open_storage
from servicetitan_sandbox.client import processes
from servicetitan_sandbox.client.control import Fault
from servicetitan_sandbox.client.fleet import STREAMS, Fleet, outcomes_of
from servicetitan_sandbox.client.meltano_project import MeltanoProject

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

console = Console(highlight=False)

SMALLEST, LARGEST = 20, 2000
"""Activities of a company. Most companies are small, a few are large."""

GOOD = ("done", "done before")
"""Results that need nobody."""


class RehearsalError(Exception):
    """Raised when a check of the rehearsal fails."""


@dataclass(frozen=True)
class Task:
    """How one task of the execution ended.

    Attributes:
        code: Its exit code.
        outcomes: The outcomes of its companies.
    """

    code: int
    outcomes: dict[str, dict[str, Any]]


class Rehearsal:
    """The fleet of the rehearsal, and the faults in it."""

    def __init__(self, fleet: Fleet, companies: int, tasks: int, parallel: int) -> None:
        """Invent the companies. Three of them will have faults."""
        self.fleet = fleet
        self.tasks = tasks
        self.parallel = parallel
        for number in range(1, companies + 1):
            activities = int(SMALLEST * (LARGEST / SMALLEST) ** ((number - 1) / max(companies - 1, 1)))
            sizes = {"technicians": 5 + number, "activities": activities}
            fleet.add(f"company-{number:0{len(str(companies))}}", str(700000 + number), sizes)
        refused, hanging, failing = list(fleet.companies)[:3]
        self.faulty = {refused: "client_secret", hanging: "the time was up", failing: "activities"}
        self._secret = f"{refused.upper().replace('-', '_')}_CLIENT_SECRET"
        fleet.variables |= {
            "CLOUD_RUN_JOB": "etl",
            "CLOUD_RUN_EXECUTION": "etl-rehearsal",
            "CLOUD_RUN_TASK_COUNT": str(tasks),
        }

    def add_histories(self) -> None:
        """Give each company a week of runs before the first one: an audit log, and a record to plan by."""
        storage = open_storage(self.fleet.storage)
        now = utc_now()
        for number, (company_id, entry) in enumerate(self.fleet.companies.items(), 1):
            history = make_history(number, entry["tenant_id"], STREAMS, now)
            write_log(self.fleet.project(company_id), history)
            storage.replace(record_name(company_id), dump_record(history.record), generation=0)

    def add_faults(self) -> None:
        """Let one company's credentials be refused, one company hang, and the API fail for one."""
        _, hanging, failing = self.faulty
        self._right_secret = self.fleet.variables[self._secret]
        self.fleet.variables[self._secret] = "an-old-s3cr3t"
        self.fleet.companies[hanging]["timeout_minutes"] = 0.5
        tenants = {name: self.fleet.companies[name]["tenant_id"] for name in (hanging, failing)}
        control = self.fleet.titan.control
        control.set_fault(Fault(kind="slow", tenant=tenants[hanging], seconds=3600))
        control.set_fault(Fault(kind="status", tenant=tenants[failing], stream="activities"))

    def remove_faults(self) -> None:
        """Remove all faults."""
        self.fleet.variables[self._secret] = self._right_secret
        del self.fleet.companies[list(self.faulty)[1]]["timeout_minutes"]
        self.fleet.titan.control.clear_faults()

    def run(self, attempt: int) -> list[Task]:
        """Run all tasks in parallel, each in its own process, and print each company as it ends."""
        running = []
        for index in range(self.tasks):
            self.fleet.variables |= {"CLOUD_RUN_TASK_INDEX": str(index), "CLOUD_RUN_TASK_ATTEMPT": str(attempt)}
            running.append(self.fleet.start(f"--parallel={self.parallel}"))
        ended = itertools.count(1)
        with ThreadPoolExecutor(self.tasks) as pool:
            return list(pool.map(lambda process: self._follow(process, ended), running))

    def _follow(self, process: subprocess.Popen[str], ended: Iterator[int]) -> Task:
        """Read the log of a task to its end."""
        line = ""
        for line in process.stdout or ():
            if "s3cr3t" in line:
                process.kill()
                raise RehearsalError("the log contains a secret.")
            message = json.loads(line)
            if "result" in message:
                company, result, seconds = message["company"], message["result"], message["seconds"]
                console.print(
                    f"  {next(ended):>4} of {len(self.fleet.companies)}  {company:<14} {result:<12} {seconds:6.1f} s",
                    style=None if result in GOOD else "yellow",
                )
        code = process.wait()
        try:
            return Task(code, outcomes_of(line, code))
        except RuntimeError as error:
            raise RehearsalError(str(error)) from error

    def check_first(self, tasks: list[Task]) -> None:
        """Check that the three faulty companies failed, each for its reason, and that all others succeeded."""
        outcomes = dict(itertools.chain.from_iterable(task.outcomes.items() for task in tasks))
        if sorted(outcomes) != sorted(self.fleet.companies):
            raise RehearsalError("a company was run by no task, or by several.")
        for company_id, outcome in outcomes.items():
            expected = self.faulty.get(company_id, "")
            if (outcome["result"] == "done") == bool(expected) or expected not in outcome["reason"]:
                raise RehearsalError(f"{company_id}: {outcome['result']}: {outcome['reason']}")
        if any(task.code != any(name in self.faulty for name in task.outcomes) for task in tasks):
            raise RehearsalError(f"the exit codes are {[task.code for task in tasks]}.")

    def check_second(self, tasks: list[Task]) -> None:
        """Check that the three were run again and succeeded, and that no other company was."""
        for company_id, outcome in itertools.chain.from_iterable(task.outcomes.items() for task in tasks):
            if outcome["result"] != ("done" if company_id in self.faulty else "done before"):
                raise RehearsalError(f"{company_id}: {outcome['result']}: {outcome['reason']}")
        if any(task.code for task in tasks):
            raise RehearsalError(f"the exit codes are {[task.code for task in tasks]}.")

    def write_report(self, path: Path) -> None:
        """Write the fleet's report.

        Raises:
            RehearsalError: If it is not written.
        """
        path.unlink(missing_ok=True)
        process = self.fleet.command("report", f"--output={path.absolute()}", has_plugins=False)
        process.communicate()  # its code says that three are bad
        if not path.exists():
            raise RehearsalError("there is no report.")

    def check_rows(self, company_ids: set[str]) -> None:
        """Compare the tables of companies with their source."""
        for company_id in sorted(company_ids):
            if wrong := self.fleet.find_differences(company_id):
                raise RehearsalError("; ".join(wrong))


class PeakMemory(threading.Thread):
    """Measures the peak memory of the tasks and all processes that they start."""

    def __init__(self, folder: Path) -> None:
        """Select the processes that have a folder in their command or environment."""
        super().__init__(daemon=True)
        self._mark = str(folder).encode()
        self._over = threading.Event()
        self.together = 0
        """Peak of the sum, in bytes."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    @override
    def run(self) -> None:
        """Measure until the block ends."""
        while not self._over.wait(0.5):
            self.together = max(self.together, sum(_used_bytes(self._mark)))


def _used_bytes(mark: bytes) -> Iterator[int]:
    """Yield the memory of each process with the mark in its command, and of all that it has started.

    Each has its share of the pages that several use.
    """
    parents, marked = {}, set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            parents[process.name] = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if mark in (process / "cmdline").read_bytes():
                marked.add(process.name)
    for pid in parents:
        line = [pid]
        while line[-1] in parents:
            line.append(parents[line[-1]])
        if marked & set(line):
            with suppress(OSError):
                shares = Path(f"/proc/{pid}/smaps_rollup").read_text()
                yield int(shares.partition("\nPss:")[2].split()[0]) * 1024


def main() -> int:
    """Run the rehearsal and return its exit code."""
    parser = argparse.ArgumentParser(description="Rehearse an execution of a whole fleet against local services.")
    parser.add_argument("--companies", type=int, default=30, help="number of companies (default: 30, at least 4)")
    parser.add_argument("--tasks", type=int, default=4, help="number of tasks (default: 4)")
    parser.add_argument(
        "--parallel", type=int, default=1, help="number of companies that a task runs at a time (default: 1)"
    )
    parser.add_argument("--report", type=Path, help="where to leave the fleet's report (default: nowhere)")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="fleet-") as folder, ExitStack() as stack:
            console.print("Starting a local ServiceTitan, BigQuery and Cloud Storage, and installing both plugins")
            titan = stack.enter_context(processes.run_servicetitan())
            warehouse = stack.enter_context(processes.run_bigquery(pace=processes.PACE))
            bucket = stack.enter_context(processes.run_cloud_storage())
            (Path(folder) / "meltano").mkdir()
            meltano = MeltanoProject(Path(folder) / "meltano", {})
            meltano.install()
            fleet = Fleet(Path(folder), meltano, titan, warehouse, f"gs://{bucket.bucket}/etl")
            fleet.variables["STORAGE_EMULATOR_HOST"] = os.environ["STORAGE_EMULATOR_HOST"] = bucket.api_endpoint
            rehearse(Rehearsal(fleet, options.companies, options.tasks, options.parallel), options.report)
    except RehearsalError as error:
        console.print(f"[bold red]The rehearsal failed:[/] {error}")
        return 1
    console.print(f"\n[bold green]All checks passed[/] in {time.monotonic() - began:.0f} s.")
    return 0


def rehearse(rehearsal: Rehearsal, report: Path | None) -> None:
    """Run the fleet with faults, then again without, and leave its report behind."""
    companies, faulty = set(rehearsal.fleet.companies), set(rehearsal.faulty)
    console.rule(f"{len(companies)} companies, {rehearsal.tasks} tasks, faults in three companies")
    rehearsal.add_histories()
    console.print(f"Each has a history of {RUNS} runs in a week")
    rehearsal.add_faults()
    with PeakMemory(rehearsal.fleet.folder) as memory:
        first = rehearsal.run(attempt=0)
    _print_bad(first)
    rehearsal.check_first(first)
    _print_checking(companies - faulty)
    rehearsal.check_rows(companies - faulty)
    console.print(
        f"{len(companies) - len(faulty)} complete, {len(faulty)} reported with reasons. With "
        f"{rehearsal.tasks * rehearsal.parallel} companies at a time, all processes together took "
        f"up to {memory.together / 2**20:.0f} MiB."
    )
    if report:
        rehearsal.write_report(report)
        console.print(f"The report as it is now: {report.absolute()}", soft_wrap=True)
    console.rule("The faults are removed, and each task is retried")
    rehearsal.remove_faults()
    second = rehearsal.run(attempt=1)
    _print_bad(second)
    rehearsal.check_second(second)
    _print_checking(companies)
    rehearsal.check_rows(companies)
    console.print("Every table contains exactly its own company's records, and no row is marked as deleted.")


def _print_bad(tasks: list[Task]) -> None:
    """Print why companies did not end well."""
    for company_id, outcome in sorted(itertools.chain.from_iterable(task.outcomes.items() for task in tasks)):
        if outcome["result"] not in GOOD:
            console.print(f"[yellow]{company_id}[/]: {outcome['result']}: {escape(outcome['reason'])}")


def _print_checking(companies: set[str]) -> None:
    console.print(f"Comparing every row of {len(companies)} companies with its source")


if __name__ == "__main__":
    sys.exit(main())
