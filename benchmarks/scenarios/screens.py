"""What an operator waits for: `plan`, `status`, `report` and `check` of fleets of different sizes."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.lab import ROOT
from benchmarks.measure import BenchmarkError, Command, measure
from benchmarks.programs.fleet_answers import HISTORIES, QUERY_SECONDS, READ_SECONDS, STREAMS, project_of
from benchmarks.scenario import Sample, Scenario, Section
from servicetitan_sandbox.client import processes
from servicetitan_sandbox.client.fleet import ORCHESTRATE_ETL, Fleet
from servicetitan_sandbox.client.meltano_project import MeltanoProject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.lab import Lab

SIZES = (30, 300, 1000)
CHECKED = 30
TASKS = 12

SOME_BAD = {0, 1}
"""Exit codes of a command that says whether all companies are well. Some are not."""

TEXT = f"""
`plan`, `status` and `report` of fleets whose companies have {len(STREAMS)} streams and a week of runs: {HISTORIES}
made-up histories, repeated. A query takes {QUERY_SECONDS} s and a record in Cloud Storage {READ_SECONDS} s. The
answers are those of a local BigQuery to the same queries. *page MB* is the overview; each company has a page of its
own. `check` asks a local ServiceTitan and a local BigQuery that answer at once.
"""


@contextmanager
def _answers() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.programs.fleet_answers"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own
        url = server.stdout.readline().strip() if server.stdout else ""
        if not url:
            raise BenchmarkError("the server of answers did not start")
        yield url


def _screens(lab: Lab, companies: int) -> Iterator[Sample]:
    with lab.create_folder() as folder, _answers() as url:
        registry = folder / "companies.yml"
        registry.write_text(json.dumps({"companies": [_entry(number, url) for number in range(companies)]}))
        given = [f"--companies={registry}", "--storage=gs://etl/fleet"]
        variables = {"ETL_TRUST_REGISTRY": "true", "STORAGE_EMULATOR_HOST": url}
        report = folder / "report.html"
        commands = {
            "plan": ["plan", f"--tasks={TASKS}"],
            "status": ["status"],
            "report": ["report", f"--output={report}"],
        }
        _warm_up(given, variables, folder)
        for step, words in commands.items():
            command = Command([str(ORCHESTRATE_ETL), *words, *given], variables)
            measured = measure(command, folder=folder, good_codes=SOME_BAD)
            _check_output(folder / "output", step, companies)
            facts = {"page MB": report.stat().st_size / 1e6} if step == "report" else {}
            yield Sample.of(measured, companies, step, **facts)


def _entry(number: int, url: str) -> dict[str, object]:
    name = project_of(number)
    return {
        "company_id": name,
        "tenant_id": str(700_000 + number),
        "project_id": name,
        "secrets": dict.fromkeys(("client_id", "client_secret", "app_key"), "env:NONE"),
        "target": {"api_endpoint": url},
    }


def _warm_up(given: list[str], variables: dict[str, str], folder: Path) -> None:
    """Let the server learn the answers of all histories."""
    first = [f"--company={project_of(number)}" for number in range(HISTORIES)]
    for words in (["status"], ["report", f"--output={folder / 'warm.html'}"]):
        measure(Command([str(ORCHESTRATE_ETL), *words, *first, *given], variables), folder=folder, good_codes=SOME_BAD)


def _check_output(path: Path, step: str, companies: int) -> None:
    """Check that a screen shows every company."""
    text = path.read_text()
    if step in ("plan", "status") and text.count("company-") < companies:
        raise BenchmarkError(f"{step} shows {text.count('company-')} of {companies} companies")


def _check(lab: Lab) -> Iterator[Sample]:
    with (
        lab.create_folder() as folder,
        processes.run_servicetitan() as titan,
        processes.run_cloud_storage() as bucket,
    ):
        (folder / "meltano").mkdir()
        meltano = MeltanoProject(folder / "meltano", {})
        meltano.install()
        fleet = Fleet(folder, meltano, titan, lab.start_bigquery(), f"gs://{bucket.bucket}/etl")
        fleet.variables["STORAGE_EMULATOR_HOST"] = bucket.api_endpoint
        for number in range(1, CHECKED + 1):
            fleet.add(f"company-{number:02}", str(700_000 + number), {"technicians": 3, "activities": 3})
        words, variables = fleet.describe("check")
        yield Sample.of(measure(Command(words, variables), folder=folder), CHECKED)


SECTION = Section(
    "screens",
    "What an operator waits for",
    TEXT,
    (
        *(Scenario(f"{companies:,} companies", partial(_screens, companies=companies), 2) for companies in SIZES),
        Scenario("check", _check, 2),
    ),
    unit="companies",
    columns=("companies", "wall s", "CPU s", "peak MB", "page MB"),
)
