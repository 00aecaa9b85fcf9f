"""Preflight checks against a local BigQuery and storage. `test_fleet` runs the whole command."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from google.cloud import bigquery as bq

from servicetitan_fleet.health.etl_logs import LogReader
from servicetitan_fleet.health.preflight import find_problems
from servicetitan_fleet.meltano.context import MeltanoContext
from servicetitan_fleet.meltano.project import MeltanoProject
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.secrets import SecretResolver
from servicetitan_fleet.state.storage import open_storage
from servicetitan_sandbox.client.bigquery_control import set_conditions
from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.meltano_project import ROOT
from target_bigquery_softdelete.audit.etl_log import LOG_FIELDS

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.processes import BigQuery, CloudStorage

SECRETS = {"client_id": "env:CLIENT_ID", "client_secret": "env:CLIENT_SECRET", "app_key": "env:APP_KEY"}


def context(folder: Path) -> MeltanoContext:
    """Return a context without any secret."""
    return MeltanoContext(
        project=MeltanoProject(ROOT),
        environment_name="dev",
        variables={},
        resolver=SecretResolver(environment={}),
        system_root=folder,
    )


@pytest.mark.bigquery
def test_a_dataset_in_another_location_is_a_problem_and_the_tables_are_tried(project: Project, tmp_path: Path) -> None:
    project.client.create_dataset(project.bronze)
    fields = {"company_id": "moved", "tenant_id": "1", "project_id": project.name, "secrets": SECRETS}
    company = parse_company({**fields, "location": "asia-south1"}, "here")
    # The registry would refuse this name. What BigQuery says to it is reported all the same.
    log_name = project.dataset("a`b")
    company.target.update(project.target_settings, api_endpoint=project.api_endpoint, log_dataset=log_name)
    problems = list(find_problems(company, context(tmp_path)))
    assert len(problems) == 4, problems
    log_dataset, secret, location, name = problems
    assert "registry: " in log_dataset
    assert secret == "ServiceTitan: moved: secret `client_id`: the environment variable CLIENT_ID is not set"
    there = project.location or "US"
    assert location.endswith(f"{project.bronze}: it is in {there}, but the registry says asia-south1")
    assert name.startswith(f"BigQuery: cannot use the dataset {project.name}.{log_name}: ")
    assert project.tables("bronze") == []


def test_tables_that_would_vanish_and_a_project_without_billing_are_problems(
    bigquery: BigQuery, tmp_path: Path
) -> None:
    project = Project(bigquery.api_endpoint)
    for name in ("bronze", "staging", "management"):
        dataset = bq.Dataset(f"{project.name}.{name}")
        dataset.default_table_expiration_ms = 2 * 86_400_000
        project.client.create_dataset(dataset)
    fields = {"company_id": "brief", "tenant_id": "1", "project_id": project.name, "secrets": SECRETS}
    company = parse_company(fields, "here")
    company.target.update(api_endpoint=bigquery.api_endpoint)

    def find() -> list[str]:
        problems = list(find_problems(company, context(tmp_path)))
        return [problem for problem in problems if problem.startswith("BigQuery: ")]

    tables, logs = find()
    assert f"The dataset `{project.name}.bronze` lets every new table expire after 2 days" in tables
    assert f"bq update --default_table_expiration 0 --default_partition_expiration 0 {project.name}:management" in logs
    company.target["on_expiration"] = "clear"
    assert find() == []
    set_conditions(bigquery.api_endpoint, project.name, billing=False)
    (billing,) = find()
    assert f"the project {project.name} has no billing" in billing
    assert [project.tables(name) for name in ("bronze", "staging", "management")] == [[], [], []]


def test_the_audit_log_of_a_company_in_a_region_is_read_by_jobs_of_the_project_that_pays(bigquery: BigQuery) -> None:
    project, paying = Project(bigquery.api_endpoint), Project(bigquery.api_endpoint)
    dataset = bq.Dataset(f"{project.name}.management")
    dataset.location = "australia-southeast1"
    project.client.create_dataset(dataset)
    table = f"{project.name}.management.etl_logs"
    project.client.create_table(bq.Table(table, schema=LOG_FIELDS))
    values = "'r', 'jobs', 'success', CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP()"
    project.query(f"INSERT INTO `{table}` (run_id, stream, status, started, ended) VALUES ({values})")
    fields = {"company_id": "far", "tenant_id": "1", "project_id": project.name, "secrets": SECRETS}
    company = parse_company(fields, "here")
    company.target.update(api_endpoint=bigquery.api_endpoint, billing_project=paying.name)

    (run,) = LogReader({}, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).read(company).streams

    assert (run.run_id, run.stream, run.status) == ("r", "jobs", "success")
    assert {job.location for job in paying.client.list_jobs()} == {"australia-southeast1"}


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
