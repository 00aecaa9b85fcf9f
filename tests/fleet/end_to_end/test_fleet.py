"""Companies run in parallel, and a failure of one does not affect the others."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.client.control import Fault
from servicetitan_sandbox.client.fleet import ORCHESTRATE_ETL, Fleet
from support.fleet.processes import find_meltano
from support.fleet.receivers import run_http_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.meltano_project import MeltanoProject
    from servicetitan_sandbox.client.processes import BigQuery, CloudStorage, ServiceTitan
    from support.fleet.receivers import HttpReceiver

SIZES = {"technicians": 12, "activities": 60}


@dataclass
class Run:
    """The output of one execution of the fleet."""

    code: int
    lines: list[dict[str, Any]]
    text: str

    @property
    def outcomes(self) -> dict[str, dict[str, Any]]:
        """The outcome of each company."""
        outcomes: dict[str, dict[str, Any]] = self.lines[-1]["companies"]
        return outcomes

    def ended(self, company_id: str) -> dict[str, Any]:
        """The line about a company's end."""
        return next(line for line in self.lines if line.get("company") == company_id and "result" in line)


class Stage(Fleet):
    """A fleet that keeps its secrets."""

    def run(self, *options: str) -> Run:
        """Run the fleet."""
        return self.ended(self.start(*options))

    def ended(self, process: subprocess.Popen[str]) -> Run:
        """Wait for the end of a run, and check that its output contains no secret."""
        text, _ = process.communicate(timeout=280)
        assert "s3cr3t" not in text
        assert "UPPER" not in text  # a part of the app key
        assert not list(self.folder.glob("work/*/run/**/*.config.json"))
        return Run(process.returncode, [json.loads(line) for line in text.splitlines()], text)

    def look(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command that only reads: `status` or `report`."""
        places = ["--companies", str(self.folder / "companies.yml"), "--storage", self.storage]
        machine = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = machine | {"ETL_TRUST_REGISTRY": "true"}
        return subprocess.run(
            [ORCHESTRATE_ETL, *words, *places],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def last_run(self, company_id: str) -> dict[str, str]:
        """Return the record of a company's last run."""
        record = json.loads((self.folder / "an etl/companies" / f"{company_id}.json").read_bytes())
        last: dict[str, str] = record["runs"][-1]
        return last

    def kill(self, company_id: str) -> None:
        """Kill a company's Meltano as soon as it runs."""
        deadline = time.monotonic() + 120
        while not (found := find_meltano(self.folder / "work" / company_id)):
            assert time.monotonic() < deadline, f"{company_id} never ran"
            time.sleep(0.2)
        (pid,) = found
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def alerts() -> Iterator[HttpReceiver]:
    with run_http_receiver() as receiver:
        yield receiver


@pytest.fixture
def stage(tmp_path: Path, meltano: MeltanoProject, servicetitan: ServiceTitan, bigquery: BigQuery) -> Stage:
    # With a blank in it: Meltano's state and the records must come to the same place.
    return Stage(tmp_path, meltano, servicetitan, bigquery, (tmp_path / "an etl").as_uri())


@pytest.mark.timeout(600)
def test_a_failure_of_one_company_affects_no_other_and_the_next_run_recovers(stage: Stage) -> None:
    stage.add("well", "880001", SIZES)
    stage.add("slow", "880002", SIZES)
    stage.add("hanging", "880003", SIZES, timeout_minutes=1)
    stage.add("refused", "880004", SIZES)
    stage.add("killed", "880005", SIZES)
    stage.companies["broken"] = {**stage.companies["well"], "company_id": "broken", "tenant_id": "88-six"}
    stage.companies["broken"]["project_id"] = "broken-data"
    stage.companies["slow"]["streams"].append("invoicess.*")
    left = stage.folder / "work/left/run/tap-servicetitan/tap.1.config.json"  # by a fleet that was killed
    left.parent.mkdir(parents=True)
    left.write_text('{"client_secret": "s3cr3t"}')
    stage.variables["REFUSED_CLIENT_SECRET"] = "another-s3cr3t"
    control = stage.titan.control
    control.set_fault(Fault(kind="slow", tenant="880002", seconds=1.5))
    for tenant in ("880003", "880005"):
        control.set_fault(Fault(kind="slow", tenant=tenant, seconds=600))

    process = stage.start("--parallel", "5")
    killer = threading.Thread(target=stage.kill, args=("killed",))
    killer.start()
    first = stage.ended(process)
    killer.join()

    assert first.code == 1
    results = {company_id: outcome["result"] for company_id, outcome in first.outcomes.items()}
    assert results == {
        "well": "done",
        "slow": "incomplete",
        "hanging": "incomplete",
        "refused": "failed",
        "killed": "killed",
        "broken": "failed",
    }, first.text
    assert "`tenant_id`" in first.outcomes["broken"]["reason"]
    unknown = [line for line in first.lines if "invoicess.*" in line["message"] and line["severity"] == "WARNING"]
    assert [line["company"] for line in unknown] == ["slow"]
    assert first.outcomes["slow"]["reason"] == "invoicess: incomplete: the audit log has no row of it"
    assert "client_secret" in first.outcomes["refused"]["reason"]
    assert "the time was up after 30 s" in first.outcomes["hanging"]["reason"]
    assert first.ended("hanging")["streams"].keys() == {"incomplete"}
    assert "SIGKILL" in first.outcomes["killed"]["reason"]
    assert {line["severity"] for line in first.lines if line.get("company") == "well"} <= {"INFO", "WARNING"}
    for company_id in ("well", "slow"):
        assert stage.find_differences(company_id) == []
    # Its tap ended the output in time, and its target noted that nothing came.
    assert {row["status"] for stream in SIZES for row in stage.project("hanging").log(stream)} == {"incomplete"}

    control.clear_faults()
    stage.companies["slow"]["streams"].remove("invoicess.*")
    stage.variables["REFUSED_CLIENT_SECRET"] = "cs-880004-s3cr3t"
    del stage.companies["hanging"]["timeout_minutes"], stage.companies["broken"]
    changed = control.insert("880001", "activities")["id"]
    second = stage.run("--parallel", "5")
    assert second.code == 0, second.text
    for company_id in stage.companies:
        assert stage.find_differences(company_id) == []
    # Each resumed from its own bookmark, and did not read the same records again.
    well, slow = (stage.project(company_id).log("activities")[-1] for company_id in ("well", "slow"))
    assert (well["rows_inserted"], slow["rows_inserted"]) == (1, 0)
    assert max(well["rows_read"], slow["rows_read"]) < SIZES["activities"]
    assert changed in stage.project("well").rows("activities")


STREAMS = ["technicians.*", "activities.*", "campaigns.*"]
TROUBLED = {"lost": "incomplete", "flaky": "failed", "emptied": "failed", "refused": "failed"}
"""The companies of the troubled night, and their results."""


def begin_well(stage: Stage, alerts: HttpReceiver) -> None:
    """Run the companies once without trouble. The app never had the scope of the campaigns, so nobody misses them."""
    stage.variables |= {"ETL_NOTIFY": '[{"kind": "webhook", "url": "env:HOOK"}]', "HOOK": f"{alerts.address}/"}
    stage.add("lost", "880301", SIZES, scopes=frozenset({"settings", "timesheets"}), streams=STREAMS)
    for number, company_id in enumerate(("flaky", "emptied", "refused"), 880302):
        stage.add(company_id, str(number), SIZES)
    first = stage.run("--parallel", "4")
    assert first.code == 0, first.text
    assert {outcome["result"] for outcome in first.outcomes.values()} == {"done"}
    ended = first.ended("lost")["streams"]
    assert (ended.keys(), ended["success"]) == ({"success", "not available"}, 2)
    assert "403 Forbidden" in ended["not available"]["campaigns"]
    assert stage.look("status").returncode == 0
    assert not alerts.received


def make_trouble(stage: Stage) -> None:
    """An app loses a scope, a stream answers 503, a list is emptied, and a secret is changed."""
    control = stage.titan.control
    stage.add("lost", "880301", SIZES, scopes=frozenset({"settings"}), streams=STREAMS)
    control.set_fault(Fault(kind="status", tenant="880302", stream="activities"))
    for identifier in control.ids("880303", "technicians"):
        control.delete("880303", "technicians", identifier)
    stage.variables["REFUSED_CLIENT_SECRET"] = "another-s3cr3t"


def heal(stage: Stage, technicians: list[int | str]) -> None:
    """Undo the trouble."""
    stage.add("lost", "880301", SIZES, scopes=frozenset({"settings", "timesheets"}), streams=STREAMS)
    stage.titan.control.clear_faults()
    for identifier in technicians:
        stage.titan.control.restore("880303", "technicians", identifier)
    stage.variables["REFUSED_CLIENT_SECRET"] = "cs-880304-s3cr3t"


def assert_run_tells(stage: Stage, run: Run) -> dict[str, str]:
    """Check what a run prints and records, and return the reasons."""
    assert run.code == 1, run.text
    assert {name: outcome["result"] for name, outcome in run.outcomes.items()} == TROUBLED
    assert run.lines[-1]["message"] == "1 incomplete, 3 failed; not up to date: emptied, flaky, lost, refused"
    reasons = {name: outcome["reason"] for name, outcome in run.outcomes.items()}
    assert reasons["lost"].startswith("activities: skipped: ")
    assert reasons["lost"].count("403 Forbidden") == 1
    assert "activities: failed: GET " in reasons["flaky"]
    assert reasons["flaky"].count("503 Service Unavailable") == 1
    assert "empty" in reasons["emptied"]
    assert "the sign-in for tenant 880304 was refused" in reasons["refused"]
    assert {name: list(streams) for name, streams in run.ended("lost")["streams"].items() if name != "success"} == {
        "skipped": ["activities"],
        "not available": ["campaigns"],
    }
    assert list(run.ended("flaky")["streams"]["failed"]) == ["activities"]
    assert list(run.ended("emptied")["streams"]["deletes_refused"]) == ["technicians"]
    for name, ending in TROUBLED.items():
        assert (stage.last_run(name)["ending"], stage.last_run(name)["reason"]) == (ending, reasons[name])
    return reasons


def assert_screens_tell(stage: Stage) -> None:
    """Check what `status` and the page say."""
    status = stage.look("status")
    assert (status.returncode, status.stderr) == (1, ""), status
    assert status.stdout.splitlines()[-1] == "1 stale, 3 failed; needs attention: emptied, flaky, lost, refused"
    shown = re.sub(r"[\s│]+", " ", status.stdout)
    assert "lost activities stale" in shown
    assert "flaky activities failed" in shown
    for cause in ("403 Forbidden", "503 Service Unavailable", "empty", "the sign-in for tenant 880304 was refused"):
        assert cause in shown
    assert "campaigns" not in shown  # of what is wrong

    page = stage.folder / "report.html"
    made = stage.look("report", "--output", str(page))
    assert made.stdout == f"{page}: 1 stale, 3 failed; needs attention: emptied, flaky, lost, refused\n"
    cells = set(re.findall(r'title="(\w+: [\w ]+)[:.][^"]*">(\S)', page.read_text()))
    assert cells == {
        ("activities: stale", "⊘"),
        ("activities: failed", "✗"),
        ("activities: fresh", "✓"),
        ("campaigns: not available", "○"),
        ("technicians: fresh", "✓"),
        ("technicians: failed", "✗"),
    }


@pytest.mark.long
@pytest.mark.timeout(600)
def test_all_screens_and_alerts_agree_on_each_trouble_its_cause_and_its_end(stage: Stage, alerts: HttpReceiver) -> None:
    begin_well(stage, alerts)
    technicians = stage.titan.control.ids("880303", "technicians")
    make_trouble(stage)
    reasons = assert_run_tells(stage, stage.run("--parallel", "4"))
    assert_screens_tell(stage)
    told = {alert["company"]: alert for alert in alerts.bodies("/")}
    assert {name: alert["reason"] for name, alert in told.items()} == reasons
    assert {name: (alert["event"], alert["kind"]) for name, alert in told.items()} == {
        "lost": ("opened", "incomplete"),
        "flaky": ("opened", "failed"),
        "emptied": ("opened", "deletes_refused"),
        "refused": ("opened", "failed"),
    }

    heal(stage, technicians)
    healed = stage.run("--parallel", "4")
    assert healed.code == 0, healed.text
    assert stage.look("status").returncode == 0
    for name in TROUBLED:
        assert stage.find_differences(name) == []
    over = [(alert["company"], alert["event"]) for alert in alerts.bodies("/")[len(TROUBLED) :]]
    assert sorted(over) == [(name, "over") for name in sorted(TROUBLED)]


def test_tasks_share_the_companies_and_a_retry_skips_those_that_are_done(
    stage: Stage, cloud_storage: CloudStorage
) -> None:
    stage.storage = f"gs://{cloud_storage.bucket}/{stage.folder.name}"
    for number in range(3):
        stage.add(f"co-{number}", f"8900{number}0", SIZES)
    stage.variables |= {
        "STORAGE_EMULATOR_HOST": cloud_storage.api_endpoint,
        "CLOUD_RUN_JOB": "etl",
        "CLOUD_RUN_EXECUTION": "etl-x7k2",
        "CLOUD_RUN_TASK_COUNT": "2",
    }

    def task(index: int, attempt: int = 0) -> subprocess.Popen[str]:
        stage.variables |= {"CLOUD_RUN_TASK_INDEX": str(index), "CLOUD_RUN_TASK_ATTEMPT": str(attempt)}
        return stage.start("--parallel", "2")

    runs = [stage.ended(process) for process in [task(0), task(1)]]
    assert [run.code for run in runs] == [0, 0], [run.text for run in runs]
    assert sorted(company_id for run in runs for company_id in run.outcomes) == ["co-0", "co-1", "co-2"]
    assert [run.lines[-1]["task"] for run in runs] == [0, 1]
    for company_id in stage.companies:
        assert stage.find_differences(company_id) == []

    again = stage.ended(task(0, attempt=1))
    assert again.code == 0
    assert {outcome["result"] for outcome in again.outcomes.values()} == {"done before"}
    assert all(len(stage.project(company_id).log("technicians")) == 1 for company_id in stage.companies)


def test_a_stopped_fleet_terminates_its_companies_and_reports_it(stage: Stage) -> None:
    stage.add("running", "880101", SIZES)
    stage.add("waiting", "880102", SIZES)
    stage.titan.control.set_fault(Fault(kind="slow", tenant="880101", seconds=600))
    stage.titan.control.set_fault(Fault(kind="slow", tenant="880102", seconds=600))
    process = stage.start("--parallel", "1")
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if "Running job with name" in line:
            break
    process.send_signal(signal.SIGTERM)
    run = stage.ended(process)
    assert run.code == 128 + signal.SIGTERM, run.text
    results = {outcome["result"] for outcome in run.outcomes.values()}
    assert results == {"stopped", "not started"}, run.text
    stage.titan.control.clear_faults()


@pytest.mark.long
def test_a_dry_run_forecasts_the_migration_from_another_system_and_changes_nothing(stage: Stage) -> None:
    stage.add("moving", "880201", SIZES, streams=["technicians.*"])
    project = stage.project("moving")
    first, *rest = stage.titan.control.records("880201", "technicians")
    project.client.create_dataset("bronze")
    project.query(f"CREATE TABLE `{project.name}.bronze.technicians` (id INT64, name STRING)")
    project.query(f"INSERT INTO `{project.name}.bronze.technicians` VALUES ({first['id']}, 'an old name'), (7, 'gone')")
    before = project.rows("technicians")

    adopt = ("--company", "moving", "--adopt", "technicians")
    dry = stage.start("--dry-run", "--log-format", "plain", *adopt)
    text, _ = dry.communicate(timeout=280)

    assert dry.returncode == 0, text
    forecast = next(line for line in text.splitlines() if "moving" in line and "technicians" in line and "│" in line)
    counts = [cell.strip() for cell in forecast.split("│")[3:-2]]
    assert counts == [str(SIZES["technicians"]), str(len(rest)), "1", "0", "0", "0", "0"], text
    assert "1 live row of" in text
    assert project.rows("technicians") == before
    assert not list(Path(stage.folder, "an etl").glob("state/**/*.json"))

    refused = stage.run()
    assert refused.code == 1
    assert "--adopt technicians" in refused.text
    assert project.rows("technicians") == before

    assert stage.run(*adopt).code == 0
    assert list(Path(stage.folder, "an etl").glob("state/**/*.json"))
    assert project.operations("technicians")[7] == "INSERT"
    assert stage.run().code == 0
    adopted, log = [row for row in project.log("technicians") if row["status"] == "success"]
    assert [adopted[f"rows_{name}"] for name in ("inserted", "updated", "deleted")] == [len(rest), 1, 0]
    assert [log[f"rows_{name}"] for name in ("inserted", "updated", "deleted")] == [0, 0, 1]
    assert project.operations("technicians")[7] == "DELETE"


def test_preflight_checks_find_every_problem_and_write_nothing(stage: Stage) -> None:
    stage.add("well", "880201", SIZES, streams=[])
    stage.add("refused", "880202", SIZES)
    stage.add("unset", "880203", SIZES)
    away = {"api_endpoint": "http://127.0.0.1:9"}
    stage.add("scopeless", "880204", SIZES, scopes=frozenset({"settings"}), target=away)
    stage.add("odd", "880205", SIZES)
    stage.companies["odd"]["tap"]["page_size"] = 9999
    stage.companies["odd"]["streams"].append("invoicess.*")
    stage.companies["broken"] = {"company_id": "broken"}
    stage.variables["REFUSED_CLIENT_SECRET"] = "another-s3cr3t"
    del stage.variables["UNSET_APP_KEY"]
    before = sorted((stage.meltano.folder / ".meltano").iterdir())

    process = stage.command("check", "--parallel", "2")
    text, _ = process.communicate(timeout=280)
    assert process.returncode == 1
    assert "s3cr3t" not in text
    lines = {line.split()[0]: line[24:].strip() for line in text.splitlines()}
    assert [lines[subject] for subject in ("storage", "well")] == ["ok", "ok"], lines
    assert lines["refused"].startswith("ServiceTitan: the sign-in for tenant 880202 was refused")
    assert lines["unset"] == "ServiceTitan: unset: secret `app_key`: the environment variable UNSET_APP_KEY is not set"
    # The app has access to one of the two modules that the streams need.
    assert "timesheets-v2: cannot be read" in lines["scopeless"]
    assert "settings-v2" not in lines["scopeless"]
    assert f"BigQuery: cannot run jobs in {stage.project('scopeless').name}" in lines["scopeless"]
    assert lines["odd"] == (
        "registry: tap-servicetitan: `page_size` must be at most 5000; registry: no stream of the tap matches "
        "`invoicess.*` in `streams`, perhaps `invoices` is meant"
    )
    assert "missing required field `tenant_id`" in lines["broken"]
    assert len(lines) == 7

    assert [path.name for path in stage.folder.iterdir()] == ["companies.yml"]
    assert list(stage.project("well").client.list_datasets()) == []
    assert sorted((stage.meltano.folder / ".meltano").iterdir()) == before
