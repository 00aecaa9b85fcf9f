"""Meltano installs the pair from the lock file and runs it, with settings from the environment alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.control import Tenant
from sandbox.project import Project as Warehouse

if TYPE_CHECKING:
    from sandbox.processes import BigQuery, ServiceTitan

ROOT = Path(__file__).parents[2]
MELTANO = Path(sys.executable).with_name("meltano")
TENANT = Tenant(
    tenant_id="77001", client_id="cid-77001", client_secret="cs-77001-secret", app_key="ak-77001-key", seed=7
)
PROJECT = "meltano-run"


class Project:
    """A copy of the Meltano project, with a system folder and an environment of its own."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self._folder = folder
        # No variable of the machine that runs the tests may reach the plugins' settings.
        self._environment = {
            name: os.environ[name] for name in os.environ if not name.startswith(("SERVICETITAN", "BIGQUERY"))
        }
        self._environment |= variables
        for name in ("meltano.yml", "pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / name, folder)
        for name in ("plugin-runtime", "sandbox", "tap-servicetitan", "target-bigquery-softdelete"):
            (folder / name).symlink_to(ROOT / name)

    def meltano(self, *args: str, without: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run Meltano, perhaps without one of the variables."""
        environment = {name: value for name, value in self._environment.items() if name != without}
        return subprocess.run(
            [MELTANO, *args], cwd=self._folder, env=environment, capture_output=True, text=True, check=False
        )

    def installed(self, plugin: str) -> str:
        """Return what is installed for a plugin, one `name==version` a line."""
        python = self._folder / ".meltano" / plugin / "venv/bin/python"
        return subprocess.check_output(
            [MELTANO.with_name("uv"), "pip", "freeze", "--quiet", "--python", python], text=True
        )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, servicetitan: ServiceTitan, bigquery: BigQuery) -> Project:
    servicetitan.control.add_tenant(TENANT)
    project = Project(
        tmp_path_factory.mktemp("meltano"),
        {
            "SERVICETITAN_TENANT_ID": TENANT.tenant_id,
            "SERVICETITAN_CLIENT_ID": TENANT.client_id,
            "SERVICETITAN_CLIENT_SECRET": TENANT.client_secret,
            "SERVICETITAN_APP_KEY": TENANT.app_key,
            "SERVICETITAN_API_URL": servicetitan.api_url,
            "SERVICETITAN_AUTH_URL": servicetitan.auth_url,
            "BIGQUERY_PROJECT_ID": PROJECT,
            "BIGQUERY_API_ENDPOINT": bigquery.api_endpoint,
        },
    )
    installed = project.meltano("install", "tap-servicetitan", "target-bigquery-softdelete")
    assert installed.returncode == 0, installed.stderr
    return project


@pytest.mark.parametrize("plugin", ["extractors/tap-servicetitan", "loaders/target-bigquery-softdelete"])
def test_everything_it_installs_is_pinned(project: Project, plugin: str) -> None:
    pinned = set(re.findall(r"^\S+==\S+", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE))
    found = {line for line in project.installed(plugin).splitlines() if not line.startswith("-e ")}
    assert len(found) > 10
    assert found <= pinned


def test_a_run_lands_the_data_and_the_next_one_goes_on_from_its_state(
    project: Project, servicetitan: ServiceTitan, bigquery: BigQuery
) -> None:
    first = project.meltano("run", "servicetitan-to-bigquery")
    assert first.returncode == 0, first.stderr
    second = project.meltano("run", "servicetitan-to-bigquery")
    assert second.returncode == 0, second.stderr

    landed = Warehouse(bigquery.api_endpoint, PROJECT)
    technicians = len(servicetitan.control.records(TENANT.tenant_id, "technicians"))
    assert [(row["rows_inserted"], row["rows_unchanged"]) for row in landed.log("technicians")] == [
        (technicians, 0),
        (0, technicians),
    ]
    activities = len(servicetitan.control.records(TENANT.tenant_id, "activities"))
    whole, rest = landed.log("activities")
    assert (whole["rows_read"], whole["rows_inserted"]) == (activities, activities)
    assert rest["rows_read"] < activities  # the feed went on from its token
    assert rest["rows_inserted"] == 0
    for secret in (TENANT.client_secret, TENANT.app_key):
        assert secret not in first.stdout + first.stderr + second.stdout + second.stderr


def test_a_variable_that_is_missing_ends_the_run_before_it_starts(project: Project) -> None:
    run = project.meltano("run", "servicetitan-to-bigquery", without="SERVICETITAN_TENANT_ID")
    assert run.returncode != 0
    assert "SERVICETITAN_TENANT_ID" in run.stderr
    run = project.meltano("run", "servicetitan-to-bigquery", without="BIGQUERY_PROJECT_ID")
    assert run.returncode != 0
    assert "missing setting `project_id`" in run.stderr
