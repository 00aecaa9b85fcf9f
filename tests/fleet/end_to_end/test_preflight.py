"""Preflight checks against a local BigQuery and storage. `test_fleet` runs the whole command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.health.preflight import find_problems
from servicetitan_fleet.meltano.context import MeltanoContext
from servicetitan_fleet.meltano.project import MeltanoProject
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.secrets import SecretResolver
from servicetitan_fleet.state.storage import open_storage
from servicetitan_sandbox.client.meltano_project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from servicetitan_sandbox.client.processes import CloudStorage

SECRETS = {"client_id": "env:CLIENT_ID", "client_secret": "env:CLIENT_SECRET", "app_key": "env:APP_KEY"}


@pytest.mark.bigquery
def test_a_dataset_in_another_location_is_a_problem_and_the_tables_are_tried(project: Project, tmp_path: Path) -> None:
    project.client.create_dataset(project.bronze)
    fields = {"company_id": "moved", "tenant_id": "1", "project_id": project.name, "secrets": SECRETS}
    company = parse_company({**fields, "location": "asia-south1"}, "here")
    # The registry would refuse this name. What BigQuery says to it is reported all the same.
    log_name = project.dataset("a`b")
    company.target.update(project.target_settings, api_endpoint=project.api_endpoint, log_dataset=log_name)
    context = MeltanoContext(
        project=MeltanoProject(ROOT),
        environment_name="dev",
        variables={},
        resolver=SecretResolver(environment={}),
        system_root=tmp_path,
    )
    log_dataset, secret, location, name = find_problems(company, context)
    assert "registry: " in log_dataset
    assert secret == "ServiceTitan: moved: secret `client_id`: the environment variable CLIENT_ID is not set"
    there = project.location or "US"
    assert location.endswith(f"{project.bronze}: it is in {there}, but the registry says asia-south1")
    assert name.startswith(f"BigQuery: cannot use the dataset {project.name}.{log_name}: ")
    assert project.tables("bronze") == []


def test_the_check_of_a_storage_writes_nothing(
    tmp_path: Path, cloud_storage: CloudStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud_storage.api_endpoint)
    open_storage(f"gs://{cloud_storage.bucket}/{tmp_path.name}").check()
    open_storage((tmp_path / "a/b").as_uri()).check()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(PluginError, match=r"cannot create .*/file/etl: .*/file is not writable"):
        open_storage((tmp_path / "file/etl").as_uri()).check()
