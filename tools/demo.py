"""Demonstrates the pair: two companies, two BigQuery projects, two runs, and the changes that the second run made.

It starts a local ServiceTitan and a local BigQuery, syncs both companies with Meltano, changes a few records at the
source, syncs again, and prints the rows in BigQuery and figures of both companies. It also checks them: exit code 0
means that everything is correct.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

import demo_jobs
from servicetitan_sandbox.client import environment, processes
from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.control import Control, Tenant
from servicetitan_sandbox.client.fleet import secrets_of
from servicetitan_sandbox.client.meltano_project import PLUGINS, MeltanoProject, inherited_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
REPORT = ROOT / "output" / "demo.html"
STREAM = "technicians"
SUMMARY = re.compile(r"(?P<stream>\w+): (?P<counts>read \d+(, \w+ \d+)+)")
UNCHANGED = re.compile(r"read \d+(, unchanged \d+)?")
COUNTS = ("read", "inserted", "updated", "deleted", "restored", "unchanged")
CHANGES = COUNTS[1:-1]

console = Console(highlight=False)

NEXT = f"""
  The report of both companies, for a browser:
    {REPORT}
  What does each of these tables and columns mean?
    docs/reference/dictionary/jpm.md
  From records to such figures and a chart, step by step:
    make tutorial (docs/tutorial/README.md)
  Four more marts, and your own, with dbt: docs/how-to/dbt.md, such as
    SELECT day, business_unit_name, revenue FROM servicetitan__revenue_by_day
  Will it work with your own? docs/how-to/first-sync.md, and
    tap-servicetitan --config FILE --test
  A night of thirty companies, with trouble in three of them:
    make fleet"""  # noqa: S608 - it is printed


class DemoError(Exception):
    """A command failed or a result is wrong. The text says which."""


@dataclass(frozen=True)
class Company:
    """A company: its ServiceTitan tenant and its BigQuery project."""

    name: str
    tenant: Tenant
    project: Project

    def environment(self, servicetitan: processes.ServiceTitan, system_folder: Path) -> dict[str, str]:
        """Return the environment variables of a run for this company."""
        variables = environment.for_meltano(*environment.settings(servicetitan, self.tenant, self.project)) | {
            "BIGQUERY_LABELS": json.dumps({"company": self.name}),
            "SERVICETITAN__SELECT": json.dumps(_selection()),
            "MELTANO_SYS_DIR_ROOT": str(system_folder),
            "MELTANO_DATABASE_URI": f"sqlite:///{system_folder / 'meltano.db'}",
        }
        return inherited_environment() | variables


@dataclass(frozen=True)
class Runner:
    """Runs the commands of the demonstration.

    Attributes:
        servicetitan: The local ServiceTitan.
        folder: A folder for configuration files and Meltano's state.
    """

    servicetitan: processes.ServiceTitan
    folder: Path

    @property
    def project(self) -> Path:
        """The folder of a Meltano project, into whose system folder the plugins are installed."""
        return self.folder / "project"

    @property
    def system_folder(self) -> Path:
        """That system folder."""
        return self.project / ".meltano"

    def run(self, *command: str | Path, env: dict[str, str] | None = None) -> None:
        """Run a command and print the summary lines of its log.

        Raises:
            DemoError: If the command fails. The end of its log is shown.
        """
        process = subprocess.Popen(  # noqa: S603 - the commands are those of this file
            list(map(str, command)), cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        log, unchanged = [], 0
        for line in process.stdout or ():
            log.append(line)
            for stream, counts in _summaries(line):
                if UNCHANGED.fullmatch(counts):
                    unchanged += 1
                else:
                    console.print(f"    [dim]{stream}: {counts}[/]", soft_wrap=True)
        if process.wait():
            console.print("".join(log[-30:]), style="red", markup=False)
            raise DemoError(f"`{' '.join(map(str, command))}` ended with code {process.returncode}.")
        if unchanged:
            console.print(f"    [dim]{unchanged} streams unchanged[/]")

    def sync_with_meltano(self, company: Company) -> None:
        """Sync one company with Meltano."""
        with _step(f"{company.name}: meltano run {' '.join(PLUGINS)}"):
            variables = company.environment(self.servicetitan, self.system_folder)
            self.run(BIN / "meltano", "run", "--state-id-suffix", company.name, *PLUGINS, env=variables)

    def sync_with_pipe(self, company: Company) -> None:
        """Sync one company with a shell pipe."""
        with _step(f"{company.name}: {PLUGINS[0]} --config ... | {PLUGINS[1]} --config ..."):
            tap, target = self.folder / "tap.json", self.folder / "target.json"
            settings = environment.settings(self.servicetitan, company.tenant, company.project)
            tap.write_text(json.dumps(settings[0]))
            target.write_text(json.dumps({**settings[1], "labels": {"company": company.name}}))
            tap_command, target_command = (BIN / name for name in PLUGINS)
            command = f"'{tap_command}' --config '{tap}' | '{target_command}' --config '{target}'"
            self.run("bash", "-o", "pipefail", "-c", command)

    def sync_as_fleet(self, companies: list[Company]) -> None:
        """Sync all companies as an operator of several does, each in a process of its own."""
        with _step("Both companies: orchestrate-etl run"):
            self._orchestrate(companies, "run", project=self.project, work_folder=self.folder / "work", parallel=2)

    def write_report(self, companies: list[Company]) -> None:
        """Write the page that an operator of several companies sees."""
        REPORT.parent.mkdir(exist_ok=True)
        self._orchestrate(companies, "report", output=REPORT)

    def _orchestrate(self, companies: list[Company], command: str, **options: object) -> None:
        """Run a command of `orchestrate-etl` with a registry of the companies."""
        entries: list[dict[str, Any]] = []
        variables = inherited_environment() | {"ETL_TRUST_REGISTRY": "true"}  # it names the local servers
        for company in companies:
            secrets, references = secrets_of(company.name, company.tenant)
            variables |= secrets
            entries.append(
                {
                    "company_id": company.name,
                    "tenant_id": company.tenant.tenant_id,
                    "project_id": company.project.name,
                    "secrets": references,
                    "streams": _selection(),
                    "tap": {"api_url": self.servicetitan.api_url, "auth_url": self.servicetitan.auth_url},
                    "target": {"api_endpoint": company.project.api_endpoint},
                }
            )
        registry = self.folder / "companies.yml"
        registry.write_text(json.dumps({"companies": entries}))  # JSON is YAML
        given = {"companies": registry, "storage": f"file://{self.folder / 'etl'}", **options}
        words = (f"--{name.replace('_', '-')}={value}" for name, value in given.items())
        self.run(BIN / "orchestrate-etl", command, *words, env=variables)


class _step:  # noqa: N801 - used like a function
    """Prints the name of a step, and how long the step took."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __enter__(self) -> None:
        self._began = time.monotonic()
        console.print(f"[bold]>[/] {self._text}", soft_wrap=True)

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            console.print(f"    done in {time.monotonic() - self._began:.1f} s")


def _summaries(line: str) -> Iterator[tuple[str, str]]:
    """Yield the stream in a log line and its counts, without those that are 0."""
    found = SUMMARY.search(line)
    if found:
        read, *others = found["counts"].split(", ")
        yield found["stream"], ", ".join([read, *(count for count in others if not count.endswith(" 0"))])


def main() -> int:
    """Run the demonstration and return its exit code."""
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="servicetitan-demo-") as folder:
            run(Path(folder))
    except DemoError as error:
        console.print(f"[bold red]The demonstration failed:[/] {error}")
        return 1
    console.print(f"\n[bold green]Everything is correct[/], in {time.monotonic() - began:.0f} s.")
    console.print(NEXT, soft_wrap=True)
    return 0


def run(folder: Path) -> None:
    """Start the servers and run the demonstration against them."""
    with ExitStack() as servers:
        with _step("Starting a local ServiceTitan and a local BigQuery"):
            servicetitan = servers.enter_context(processes.run_servicetitan())
            bigquery = servers.enter_context(processes.run_bigquery(pace=processes.PACE))
        sync_and_check(Runner(servicetitan, folder), list(_companies(servicetitan, bigquery)))


def _companies(servicetitan: processes.ServiceTitan, bigquery: processes.BigQuery) -> Iterator[Company]:
    for number, name in enumerate(("north-plumbing", "south-electric"), 1):
        tenant = Tenant(
            tenant_id=f"{number}00{number}",
            client_id=f"client-{number}",
            client_secret=f"secret-of-{name}",
            app_key=f"key-of-{name}",
            seed=number,
            sizes=demo_jobs.SIZES,
        )
        servicetitan.control.add_tenant(tenant)
        demo_jobs.add_jobs(servicetitan.control, tenant.tenant_id, name)
        yield Company(name, tenant, Project(bigquery.api_endpoint, f"{name}-data"))


def sync_and_check(runner: Runner, companies: list[Company]) -> None:
    """Sync all companies, change records of the first one, sync again, and check the tables.

    Raises:
        DemoError: If a run fails or a table is wrong.
    """
    first, control = companies[0], runner.servicetitan.control
    runner.project.mkdir()
    MeltanoProject(runner.project, {})
    with _step(f"Installing {' and '.join(PLUGINS)} with Meltano, from the lock file"):
        variables = first.environment(runner.servicetitan, runner.system_folder)
        runner.run(BIN / "meltano", "install", *PLUGINS, env=variables)

    console.rule("First run: everything is new")
    for company in companies:
        runner.sync_with_meltano(company)

    console.rule("The same through a shell pipe, after one record was removed at the source")
    changed, removed, inactive, restored = _active_ids(control, first)[:4]
    control.delete(first.tenant.tenant_id, STREAM, restored)
    runner.sync_with_pipe(first)
    before = first.project.rows(STREAM)
    others = _other_tables(companies)

    console.rule(f"Five changes to the {STREAM} of {first.name}")
    tenant_id = first.tenant.tenant_id
    control.update(tenant_id, STREAM, changed)
    control.delete(tenant_id, STREAM, removed)
    control.deactivate(tenant_id, STREAM, inactive)
    control.restore(tenant_id, STREAM, restored)
    added = control.insert(tenant_id, STREAM)["id"]
    changes = {
        changed: ("a field changed", "UPDATE"),
        removed: ("removed for good", "DELETE"),
        inactive: ("deactivated", "UPDATE"),
        restored: ("removed, now restored", "UPDATE"),
        added: ("added", "INSERT"),
    }
    for key, (change, _) in changes.items():
        console.print(f"  {key}: {change}")

    console.rule("Second run, as a fleet")
    runner.sync_as_fleet(companies)

    after = first.project.rows(STREAM)
    console.print(_rows_table(first, changes, before, after))
    for company in companies:
        _print_log(company)
    _check(changes, before, after)
    if _other_tables(companies) != others:
        raise DemoError("a row of another table or company was written.")
    unchanged = len(set(after) - set(changes)) + sum(map(len, others.values()))
    console.print(f"The other {unchanged} rows did not change: every value was compared, including `_etl_synced`.")
    runner.write_report(companies)
    console.rule("What it is for")
    _show_mart(companies)


def _selection() -> list[str]:
    """Return the streams that Meltano selects by itself, and those that the mart needs."""
    project = YAML(typ="safe").load(ROOT / "meltano.yml")
    return [*project["plugins"]["extractors"][0]["select"], *(f"{name}.*" for name in demo_jobs.STREAMS)]


def _show_mart(companies: list[Company]) -> None:
    """Print what became of the jobs of both companies, by the mart.

    Raises:
        DemoError: If a figure is wrong.
    """
    query, figures = demo_jobs.ask_both({company.name: company.project for company in companies})
    console.print(f"[dim]{query}[/]", soft_wrap=True)
    table = _table(f"{demo_jobs.MART}, a mart of the dbt package, of both companies")
    for heading in demo_jobs.Figures._fields:
        table.add_column(heading, justify="left" if heading in ("company", "business_unit") else "right")
    for row in figures:
        table.add_row(*map(str, row))
    console.print(table)
    if figures != demo_jobs.expected():
        raise DemoError("a figure of the mart is wrong.")


def _active_ids(control: Control, company: Company) -> list[int]:
    records = control.records(company.tenant.tenant_id, STREAM)
    return [record["id"] for record in records if record["active"]]


def _other_tables(companies: Iterable[Company]) -> dict[str, dict[Any, dict[str, Any]]]:
    """Return the rows of all tables except the one that the demonstration changes."""
    tables = itertools.chain.from_iterable(
        ((company, table) for table in company.project.tables("bronze")) for company in companies
    )
    rows = {f"{company.project.name}.{table}": company.project.rows(table) for company, table in tables}
    return {name: table for name, table in rows.items() if name != f"north-plumbing-data.{STREAM}"}


def _check(changes: dict[int, tuple[str, str]], before: dict[Any, Any], after: dict[Any, Any]) -> None:
    """Check that the second run wrote the changed rows and no others.

    Raises:
        DemoError: If it did not.
    """
    for key, (change, operation) in changes.items():
        if after[key]["_etl_operation"] != operation:
            raise DemoError(f"row {key} ({change}) has {after[key]['_etl_operation']}, not {operation}.")
        if key in before and after[key]["_etl_synced"] <= before[key]["_etl_synced"]:
            raise DemoError(f"row {key} ({change}) was not written.")
    wrong = [key for key in set(before) - set(changes) if after.get(key) != before[key]]
    if wrong or set(after) - set(before) - set(changes):
        raise DemoError(f"rows were written although their records did not change: {wrong}.")


def _rows_table(
    company: Company, changes: dict[int, tuple[str, str]], before: dict[Any, Any], after: dict[Any, Any]
) -> Table:
    table = _table(f"{company.project.name}.bronze.{STREAM}: the five rows")
    for heading in ("id", "at the source", "before", "_etl_operation", "_etl_synced"):
        table.add_column(heading)
    for key, (change, _) in changes.items():
        row = after[key]
        earlier = before[key]["_etl_operation"] if key in before else "-"
        table.add_row(str(key), change, earlier, row["_etl_operation"], f"{row['_etl_synced']:%H:%M:%S}")
    return table


def _print_log(company: Company) -> None:
    """Print the last run's rows in the audit log."""
    name = f"{company.project.name}.management.etl_logs"
    rows = company.project.query(
        f"SELECT * FROM `{name}` QUALIFY started = MAX(started) OVER (PARTITION BY stream) ORDER BY stream"  # noqa: S608
    )
    changed = [row for row in rows if row["status"] != "success" or any(row[f"rows_{count}"] for count in CHANGES)]
    unchanged = f"{len(rows) - len(changed)} streams unchanged"
    if not changed:
        console.print(f"\n{name}: {unchanged}")
        return
    table = _table(f"{name}: the last run")
    for heading in ("stream", "status", *COUNTS):
        table.add_column(heading, justify="left" if heading in ("stream", "status") else "right")
    for row in changed:
        table.add_row(row["stream"], row["status"], *(str(row[f"rows_{count}"]) for count in COUNTS))
    console.print(table, f"  and {unchanged}")


def _table(title: str) -> Table:
    """Return an empty table that fits 80 columns."""
    return Table(title=f"\n{title}", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))


if __name__ == "__main__":
    sys.exit(main())
