"""Companies run side by side, each with its own trouble, and none touches another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.control import Fault, Tenant
from sandbox.project import Project
from support.meltano import MeltanoProject

if TYPE_CHECKING:
    from sandbox.processes import BigQuery, CloudStorage, ServiceTitan

ORCHESTRATOR = str(Path(sys.executable).with_name("orchestrate-etl"))
STREAMS = ("technicians", "activities")
SIZES = {"technicians": 12, "activities": 60}


@pytest.fixture(scope="module")
def meltano(tmp_path_factory: pytest.TempPathFactory) -> MeltanoProject:
    project = MeltanoProject(tmp_path_factory.mktemp("meltano"), {})
    project.install()
    return project


@dataclass
class Run:
    """What one go over the fleet said."""

    code: int
    lines: list[dict[str, Any]]
    text: str

    @property
    def outcomes(self) -> dict[str, dict[str, Any]]:
        """What became of each company."""
        outcomes: dict[str, dict[str, Any]] = self.lines[-1]["companies"]
        return outcomes


@dataclass
class Stage:
    """A registry, a storage and the servers."""

    folder: Path
    meltano: MeltanoProject
    titan: ServiceTitan
    warehouse: BigQuery
    storage: str
    variables: dict[str, str] = field(default_factory=dict)
    companies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, company_id: str, tenant_id: str, **more: object) -> None:
        """Add a company: its tenant, its secrets in the environment, its entry in the registry."""
        tenant = Tenant(
            tenant_id=tenant_id,
            client_id=f"cid-{tenant_id}",
            client_secret=f"cs-{tenant_id}-s3cr3t",
            app_key="ak-s3cr3t",
            seed=int(tenant_id),
            sizes=SIZES,
        )
        self.titan.control.add_tenant(tenant)
        secrets = tenant.model_dump(include={"client_id", "client_secret", "app_key"})
        names = {key: f"{company_id}_{key}".upper().replace("-", "_") for key in secrets}
        self.variables |= {names[key]: value for key, value in secrets.items()}
        self.companies[company_id] = {
            "company_id": company_id,
            "tenant_id": tenant_id,
            "project_id": self.project(company_id).name,
            "streams": [f"{stream}.*" for stream in STREAMS],
            "secrets": {key: f"env:{name}" for key, name in names.items()},
            "tap": {"api_url": self.titan.api_url, "auth_url": self.titan.auth_url, "max_retries": 1},
            "target": {"api_endpoint": self.warehouse.api_endpoint},
            **more,
        }

    def project(self, company_id: str) -> Project:
        """Return a company's BigQuery project."""
        return Project(self.warehouse.api_endpoint, f"{self.folder.name.replace('_', '-')}-{company_id}")

    def command(self, *options: str) -> subprocess.Popen[str]:
        """Start a go over the fleet."""
        registry = self.folder / "companies.yml"
        registry.write_text(json.dumps({"companies": list(self.companies.values())}))
        command = [ORCHESTRATOR, "run", "--companies", str(registry), "--storage", self.storage, "--log-format", "json"]
        command += ["--project", str(self.meltano.folder), "--work-folder", str(self.folder / "work"), *options]
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.Popen(command, env=kept | self.variables, stdout=subprocess.PIPE, text=True)

    def run(self, *options: str) -> Run:
        """Go over the fleet."""
        return self.ended(self.command(*options))

    def ended(self, process: subprocess.Popen[str]) -> Run:
        """Wait for a go over the fleet, and see that it has told no secret."""
        text, _ = process.communicate(timeout=170)
        assert "s3cr3t" not in text
        return Run(process.returncode, [json.loads(line) for line in text.splitlines()], text)

    def assert_landed(self, company_id: str) -> None:
        """See that a company's project holds its own tenant's records, and no others."""
        tenant = self.companies[company_id]["tenant_id"]
        for stream in STREAMS:
            truth = {record["id"] for record in self.titan.control.records(tenant, stream)}
            assert set(self.project(company_id).rows(stream)) == truth, (company_id, stream)

    def kill(self, company_id: str) -> None:
        """Kill a company's Meltano as soon as it has read its state."""
        variable = f"MELTANO_SYS_DIR_ROOT={self.folder / 'work' / company_id}".encode()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for pid in (int(one.name) for one in Path("/proc").iterdir() if one.name.isdecimal()):
                if is_meltano(pid, variable):
                    os.kill(pid, signal.SIGKILL)
                    return
            time.sleep(0.2)
        raise AssertionError(f"{company_id} never ran")


def is_meltano(pid: int, variable: bytes) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"meltano" in command and variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


@pytest.fixture
def stage(tmp_path: Path, meltano: MeltanoProject, servicetitan: ServiceTitan, bigquery: BigQuery) -> Stage:
    return Stage(tmp_path, meltano, servicetitan, bigquery, (tmp_path / "etl").as_uri())


@pytest.mark.timeout(400)
def test_the_trouble_of_one_company_is_its_own_and_the_next_go_heals_it(stage: Stage) -> None:
    stage.add("well", "880001")
    stage.add("slow", "880002")
    stage.add("hanging", "880003", timeout_minutes=0.5)
    stage.add("refused", "880004")
    stage.add("killed", "880005")
    stage.variables["REFUSED_CLIENT_SECRET"] = "another-s3cr3t"
    control = stage.titan.control
    control.set_fault(Fault(kind="slow", tenant="880002", seconds=1.5))
    for tenant in ("880003", "880005"):
        control.set_fault(Fault(kind="slow", tenant=tenant, seconds=600))

    process = stage.command("--parallel", "5")
    killer = threading.Thread(target=stage.kill, args=("killed",))
    killer.start()
    first = stage.ended(process)
    killer.join()

    assert first.code == 1
    results = {company_id: outcome["result"] for company_id, outcome in first.outcomes.items()}
    assert results == {
        "well": "done",
        "slow": "done",
        "hanging": "timed out",
        "refused": "failed",
        "killed": "killed",
    }, first.text
    assert "client_secret" in first.outcomes["refused"]["reason"]
    assert "0.5 minutes" in first.outcomes["hanging"]["reason"]
    assert "SIGKILL" in first.outcomes["killed"]["reason"]
    assert {line["severity"] for line in first.lines if line.get("company") == "well"} <= {"INFO", "WARNING"}
    for company_id in ("well", "slow"):
        stage.assert_landed(company_id)
    assert not stage.project("hanging").tables("bronze")

    control.clear_faults()
    stage.variables["REFUSED_CLIENT_SECRET"] = "cs-880004-s3cr3t"
    del stage.companies["hanging"]["timeout_minutes"]
    changed = control.insert("880001", "activities")["id"]
    second = stage.run("--parallel", "5")
    assert second.code == 0, second.text
    for company_id in stage.companies:
        stage.assert_landed(company_id)
    # Each went on from its own bookmark: what it had read before was not read again.
    well, slow = (stage.project(one).log("activities")[-1] for one in ("well", "slow"))
    assert (well["rows_inserted"], slow["rows_inserted"]) == (1, 0)
    assert max(well["rows_read"], slow["rows_read"]) < SIZES["activities"]
    assert changed in stage.project("well").rows("activities")


@pytest.mark.timeout(300)
def test_tasks_share_the_companies_and_what_an_execution_has_done_it_does_not_do_again(
    stage: Stage, cloud_storage: CloudStorage
) -> None:
    stage.storage = f"gs://{cloud_storage.bucket}/{stage.folder.name}"
    for number in range(3):
        stage.add(f"co-{number}", f"8900{number}0")
    stage.variables |= {
        "STORAGE_EMULATOR_HOST": cloud_storage.api_endpoint,
        "CLOUD_RUN_JOB": "etl",
        "CLOUD_RUN_EXECUTION": "etl-x7k2",
        "CLOUD_RUN_TASK_COUNT": "2",
    }

    def task(index: int, attempt: int = 0) -> subprocess.Popen[str]:
        stage.variables |= {"CLOUD_RUN_TASK_INDEX": str(index), "CLOUD_RUN_TASK_ATTEMPT": str(attempt)}
        return stage.command("--parallel", "2")

    runs = [stage.ended(process) for process in [task(0), task(1)]]
    assert [run.code for run in runs] == [0, 0], [run.text for run in runs]
    assert sorted(one for run in runs for one in run.outcomes) == ["co-0", "co-1", "co-2"]
    assert [run.lines[-1]["task"] for run in runs] == [0, 1]
    for company_id in stage.companies:
        stage.assert_landed(company_id)

    again = stage.ended(task(0, attempt=1))
    assert again.code == 0
    assert {outcome["result"] for outcome in again.outcomes.values()} == {"done before"}
    assert all(len(stage.project(one).log("technicians")) == 1 for one in stage.companies)


@pytest.mark.timeout(200)
def test_a_fleet_that_is_stopped_ends_its_companies_and_says_so(stage: Stage) -> None:
    stage.add("running", "880101")
    stage.add("waiting", "880102")
    stage.titan.control.set_fault(Fault(kind="slow", tenant="880101", seconds=600))
    stage.titan.control.set_fault(Fault(kind="slow", tenant="880102", seconds=600))
    process = stage.command("--parallel", "1")
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if "Running job with name" in line:
            break
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    run = stage.ended(process)
    assert run.code == 128 + signal.SIGTERM, run.text
    assert time.monotonic() - began < 15
    results = {outcome["result"] for outcome in run.outcomes.values()}
    assert results == {"stopped", "not started"}, run.text
    stage.titan.control.clear_faults()
