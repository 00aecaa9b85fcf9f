"""The commands `status` and `report`, run as programs against a local BigQuery."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.cloud import bigquery as google_bigquery

from servicetitan_fleet.cli.run_log import RunLog
from servicetitan_fleet.fleet.outcome import Ending
from servicetitan_fleet.health.etl_logs import LogReader
from servicetitan_fleet.health.evidence import RunSum
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.company_record import RunRecord, RunStatus
from servicetitan_fleet.state.execution import Execution
from servicetitan_fleet.state.storage import open_storage
from servicetitan_sandbox.client.bigquery_project import Project
from support.fleet.html import Page
from target_bigquery_softdelete.audit.etl_log import LOG_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicetitan_sandbox.client.processes import BigQuery

PROGRAM = str(Path(sys.executable).with_name("orchestrate-etl"))
NOW = dt.datetime.now(dt.UTC)
SECRETS = {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"}


class Operator:
    """A registry, a storage and the companies' projects in a local BigQuery."""

    def __init__(self, folder: Path, api_endpoint: str) -> None:
        self.folder = folder
        self.api_endpoint = api_endpoint
        self.storage = (folder / "etl").as_uri()
        self.companies: dict[str, dict[str, object]] = {}
        self._claims = Claims(open_storage(self.storage), Execution(name="test"))

    def add(self, company_id: str, **more: object) -> Project:
        """Add a company without any run."""
        project = Project(self.api_endpoint, f"{company_id}-{zlib.crc32(str(self.folder).encode()):08x}")
        self.companies[company_id] = {
            "company_id": company_id,
            "tenant_id": str(1000 + len(self.companies)),
            "project_id": project.name,
            "secrets": SECRETS,
            "target": {"api_endpoint": self.api_endpoint},
            **more,
        }
        return project

    def add_run(self, company_id: str, hours: float, status: RunStatus = RunStatus.DONE, reason: str = "") -> None:
        """Record a run of the fleet."""
        ended = NOW - dt.timedelta(hours=hours)
        run = RunRecord(
            execution=f"e-{hours}",
            started=ended - dt.timedelta(minutes=4),
            ended=ended,
            status=status,
            reason=reason,
        )
        self._claims.update_record(company_id, lambda record: record.with_run(run))

    def command(self, *options: str, variables: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        registry = self.folder / "companies.yml"
        registry.write_text(json.dumps({"companies": list(self.companies.values())}))
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | dict(variables)
        environment["ETL_TRUST_REGISTRY"] = "1"  # it names the local BigQuery
        places = ["--companies", str(registry), "--storage", self.storage]
        return subprocess.run(
            [PROGRAM, options[0], *places, *options[1:]],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def operator(tmp_path: Path, bigquery: BigQuery) -> Operator:
    return Operator(tmp_path, bigquery.api_endpoint)


LogRow = tuple[str, float, str, int, str | None]


TIMES = {"source_ms": 50_000, "staging_ms": 8000, "bigquery_ms": 12_000}


def write_log(project: Project, rows: list[LogRow], times: Mapping[str, int] = TIMES) -> None:
    """Write rows of an audit log: stream, hours since its end, status, rows read, error.

    Without `times` the log is one of an older version, which has no columns for them.
    """
    project.client.create_dataset("management")
    schema = [field for field in LOG_FIELDS if times or field.name not in TIMES]
    table = google_bigquery.Table(f"{project.name}.management.etl_logs", schema=schema)
    project.client.create_table(table)
    project.client.load_table_from_json(
        [
            {
                "run_id": f"run-{hours}",
                "stream": stream,
                "started": (NOW - dt.timedelta(hours=hours, minutes=1)).isoformat(),
                "ended": (NOW - dt.timedelta(hours=hours)).isoformat(),
                "status": status,
                "rows_read": rows_read,
                "rows_deleted": 1,
                "bytes_billed": 10,
                "error": error,
                **times,
            }
            for stream, hours, status, rows_read, error in rows
        ],
        table,
    ).result()


def test_the_newest_runs_and_the_last_success_are_read(operator: Operator) -> None:
    project = operator.add("acme")
    runs = [("jobs", 20.0, "success", 5, None), ("jobs", 8.0, "failed", 0, "x"), ("jobs", 2.0, "failed", 0, "y")]
    write_log(project, [*runs, ("calls", 2.0, "success", 7, None), ("old", 900.0, "success", 7, None)])
    company = parse_company(operator.companies["acme"], "here")
    found = LogReader({}, NOW - dt.timedelta(days=14), runs=2).read(company)
    assert [(run.stream, run.error) for run in found.streams] == [("calls", ""), ("jobs", "y")]
    assert {run.stream: run.last_success for run in found.streams} == {
        "calls": NOW - dt.timedelta(hours=2),
        "jobs": NOW - dt.timedelta(hours=20),
    }
    spent = {"source": 50, "staging": 8, "BigQuery": 12}
    ends = [NOW - dt.timedelta(hours=hours) for hours in (8, 2)]
    starts = [end - dt.timedelta(minutes=1) for end in ends]
    assert found.history == [
        RunSum(
            started=starts[0], ended=ends[0], rows_deleted=1, spent=spent, bad={"failed": ["jobs"]}, bytes_billed=10
        ),
        RunSum(
            started=starts[1],
            ended=ends[1],
            rows_read=7,
            rows_deleted=2,
            spent=spent,
            bad={"failed": ["jobs"]},
            bytes_billed=20,
        ),
    ]


def test_a_log_of_an_older_version_is_read_without_where_the_time_went(operator: Operator) -> None:
    companies = {}
    for company_id, times in (("old", {}), ("new", TIMES)):
        write_log(operator.add(company_id), [("jobs", 2.0, "success", 5, None)], times)
        operator.add_run(company_id, 2)
        companies[company_id] = parse_company(operator.companies[company_id], "here")
    reader = LogReader({}, NOW - dt.timedelta(days=14), runs=2)
    found = [reader.read(companies[company_id]) for company_id in ("old", "new")]
    (old,), (new,) = (log.streams for log in found)
    assert [run.spent for log in found for run in log.history] == [old.spent, new.spent]
    assert (old.rows_read, old.spent) == (5, {})
    assert (new.rows_read, new.spent) == (5, {"source": 50, "staging": 8, "BigQuery": 12})

    status = operator.command("status")
    assert (status.returncode, status.stderr) == (0, ""), status
    lines = [line for line in status.stdout.splitlines() if line.strip().startswith(("old ", "new "))]
    assert [", mostly source" in line for line in lines] == [False, True]


def test_a_success_of_long_ago_still_tells_a_lost_stream_from_one_that_was_never_there(operator: Operator) -> None:
    forbidden = "GET /jobs: 403 Forbidden"
    rows: list[LogRow] = [
        ("jobs", 1.0, "success", 5, None),
        ("calls", 900.0, "success", 7, None),
        ("old", 900.0, "success", 7, None),
        ("memos", 900.0, "incomplete", 7, None),  # never to its end, but its table has rows
        ("memos", 1.0, "skipped", 0, forbidden),
    ]
    rows += [(stream, hours, "skipped", 0, forbidden) for stream in ("calls", "forms") for hours in (20.0, 1.0)]
    project = operator.add("acme")
    write_log(project, rows)
    operator.add_run("acme", 1, RunStatus.INCOMPLETE, f"calls: skipped: {forbidden}")
    company = parse_company(operator.companies["acme"], "here")
    found = LogReader({}, NOW - dt.timedelta(days=14), runs=1).read(company)
    # A stream that was never there is no trouble of a run, and one that was lost is.
    assert [run.bad for run in found.history] == [{"skipped": ["calls", "memos"]}]
    assert [(run.stream, run.status, run.last_success) for run in found.streams] == [
        ("calls", "skipped", NOW - dt.timedelta(hours=900)),
        ("forms", "skipped", None),
        ("jobs", "success", NOW - dt.timedelta(hours=1)),
        ("memos", "skipped", None),
    ]
    ended = RunLog(environment={}, dry_run=False).read(company, NOW - dt.timedelta(hours=2)).streams
    assert [(stream.stream, stream.ending) for stream in ended] == [
        ("calls", Ending.SKIPPED),
        ("forms", Ending.NOT_AVAILABLE),
        ("jobs", Ending.SUCCESS),
        ("memos", Ending.SKIPPED),
    ]

    status = operator.command("status")
    assert (status.returncode, status.stderr) == (1, ""), status
    assert status.stdout.splitlines()[-1] == "1 stale; needs attention: acme"
    issues = [[cell.strip() for cell in line.split("│")[1:-1]] for line in status.stdout.splitlines() if "│" in line]
    assert issues == [
        ["acme", "", "stale", "never", "2 streams stale"],
        ["acme", "calls, memos", "stale", "never", f"skipped: {forbidden}"],
    ]
    page = operator.folder / "report.html"
    made = operator.command("report", "--output", str(page))
    assert (made.returncode, made.stdout) == (0, f"{page}: 1 stale; needs attention: acme\n"), made
    assert ">⊘ 37 d</td>" in page.read_text()

    # Without the lost streams nobody is needed: the stream that was never there is not one that is missing.
    operator.companies["acme"]["streams"] = ["*.*", "!calls.*", "!memos.*"]
    operator.add_run("acme", 0.5)
    well = operator.command("status")
    assert (well.returncode, well.stdout.splitlines()[-1]) == (0, "1 fresh"), well


def test_status_shows_every_company_and_exits_with_1_if_one_is_not_fresh(operator: Operator) -> None:
    for company_id in ("fresh", "failing"):
        operator.add_run(company_id, 1)
    write_log(operator.add("fresh"), [("jobs", 1.0, "success", 1234, None)])
    well = operator.command("status")
    assert (well.returncode, well.stderr) == (0, ""), well
    assert "1,234" in well.stdout
    assert well.stdout.splitlines()[-1] == "1 fresh"
    assert operator.command("status", "--max-age-hours", "0.5").returncode == 1

    error = "jobs: page 3 is not JSON"
    write_log(operator.add("failing"), [("jobs", 30.0, "success", 1, None), ("jobs", 1.0, "failed", 1, error)])
    operator.add("new")
    # No server listens there: the company's row says so, and the others are not delayed.
    operator.add("away", target={"api_endpoint": "http://127.0.0.1:9"})
    (operator.folder / "etl/companies/broken.json").write_text("no record")
    operator.add("broken")
    ill = operator.command("status")
    assert (ill.returncode, ill.stderr) == (1, ""), ill
    assert "30 h" in ill.stdout
    reasons = " ".join(line.rsplit("│", 2)[1].strip() for line in ill.stdout.splitlines() if "│" in line)
    for reason in (error, "no successful run yet", "broken.json in the storage is not a valid record"):
        assert reason in reasons
    last = ill.stdout.splitlines()[-1]
    assert last == "1 fresh, 1 stale, 1 failed, 2 unreadable; needs attention: away, broken, failing, new"
    assert operator.command("status", "--company", "fresh").returncode == 0

    page = operator.folder / "a report.html"
    made = operator.command("report", "--output", str(page), "--environment", "pro", "--company", "failing")
    assert (made.returncode, made.stdout) == (0, f"{page}: 1 failed; needs attention: failing\n"), made
    text = Page(page.read_text()).text
    assert error in text
    assert f"orchestrate-etl run --company failing --environment pro --companies {operator.folder}" in text
    job = "projects/fleet-pro/locations/us-central1/jobs/etl"
    operator.command("report", "--output", str(page), "--company", "failing", "--cloud-run-job", job)
    text = Page(page.read_text()).text
    assert "gcloud run jobs execute etl --tasks=1 --args=run,--company,failing --region=us-central1 --project=" in text
    nowhere = operator.command("report", "--output", str(page / "x.html"), "--company", "fresh")
    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    assert nowhere.stderr.splitlines() == [f"ERROR: cannot write {page / 'x.html'}: Not a directory"]
