"""Meltano installs the pair from the lock file and runs it, with settings from the environment alone."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.control import Tenant
from servicetitan_sandbox.client.meltano_project import ROOT, MeltanoProject

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import BigQuery, ServiceTitan

TENANT = Tenant(
    tenant_id="77001", client_id="cid-77001", client_secret="cs-77001-secret", app_key="ak-77001-key", seed=7
)
PROJECT = "meltano-run"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, servicetitan: ServiceTitan, bigquery: BigQuery) -> MeltanoProject:
    servicetitan.control.add_tenant(TENANT)
    project = MeltanoProject(
        tmp_path_factory.mktemp("meltano"),
        {
            "SERVICETITAN_TENANT_ID": TENANT.tenant_id,
            "SERVICETITAN_CLIENT_ID": TENANT.client_id,
            "SERVICETITAN_CLIENT_SECRET": TENANT.client_secret,
            "SERVICETITAN_APP_KEY": TENANT.app_key,
            "SERVICETITAN_API_URL": servicetitan.api_url,
            "SERVICETITAN_AUTH_URL": servicetitan.auth_url,
            # Two streams are enough to test all that Meltano does.
            "SERVICETITAN__SELECT": '["technicians.*", "activities.*"]',
            "BIGQUERY_PROJECT_ID": PROJECT,
            "BIGQUERY_API_ENDPOINT": bigquery.api_endpoint,
        },
    )
    project.install()
    return project


@pytest.mark.parametrize("plugin", ["extractors/tap-servicetitan", "loaders/target-bigquery-softdelete"])
def test_every_installed_package_is_pinned(project: MeltanoProject, plugin: str) -> None:
    pinned = set(re.findall(r"^\S+==\S+", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE))
    found = {line for line in project.installed_packages(plugin).splitlines() if not line.startswith("-e ")}
    assert len(found) > 10
    assert found <= pinned


def test_a_run_loads_the_data_and_the_next_run_continues_from_its_state(
    project: MeltanoProject, servicetitan: ServiceTitan, bigquery: BigQuery
) -> None:
    first = project.run_meltano("run", "servicetitan-to-bigquery")
    assert first.returncode == 0, first.stderr
    second = project.run_meltano("run", "servicetitan-to-bigquery")
    assert second.returncode == 0, second.stderr

    loaded = Project(bigquery.api_endpoint, PROJECT)
    technicians = len(servicetitan.control.records(TENANT.tenant_id, "technicians"))
    assert [(row["rows_inserted"], row["rows_unchanged"]) for row in loaded.log("technicians")] == [
        (technicians, 0),
        (0, technicians),
    ]
    activities = len(servicetitan.control.records(TENANT.tenant_id, "activities"))
    whole, rest = loaded.log("activities")
    assert (whole["rows_read"], whole["rows_inserted"]) == (activities, activities)
    assert rest["rows_read"] < activities  # the feed continued from its token
    assert rest["rows_inserted"] == 0
    for secret in (TENANT.client_secret, TENANT.app_key):
        assert secret not in first.stdout + first.stderr + second.stdout + second.stderr


def test_the_script_for_plain_meltano_leaves_no_secret_behind(project: MeltanoProject) -> None:
    run = project.folder / ".meltano/run"
    left = run / "tap-servicetitan/tap.1.config.json"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text('{"client_secret": "left by a run that was killed"}')
    for path in left.parent.glob("*.singer_sdk_logging.json"):
        path.unlink()

    def invoke(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        command = [str(ROOT / "tools/meltano.sh"), *words]
        return subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, check=False)

    done = invoke("invoke", "tap-servicetitan", "--version")
    assert done.returncode == 0, done.stderr
    assert "tap-servicetitan" in done.stdout
    assert not list(run.rglob("*.config.json"))
    (written,) = left.parent.glob("*.singer_sdk_logging.json")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (run, written)] == [0o700, 0o600]
    assert invoke("no-such-command").returncode != 0

    with (run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        left.write_text("of a run that is alive")
        assert "another run is still using" in invoke("--version").stderr
        assert left.exists()


def test_a_missing_variable_stops_the_run_before_it_starts(project: MeltanoProject) -> None:
    run = project.run_meltano("run", "servicetitan-to-bigquery", without="SERVICETITAN_TENANT_ID")
    assert run.returncode != 0
    assert "SERVICETITAN_TENANT_ID" in run.stderr
    run = project.run_meltano("run", "servicetitan-to-bigquery", without="BIGQUERY_PROJECT_ID")
    assert run.returncode != 0
    assert "missing setting `project_id`" in run.stderr
