"""What `check` asks of BigQuery and of the storage. The whole command is tried in `test_fleet`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.health.preflight import Surroundings, problems_of, schema_statement, table_statement
from servicetitan_fleet.meltano.project import MeltanoProject
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.secrets import SecretResolver
from servicetitan_fleet.state.storage import open_storage
from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.meltano_project import ROOT
from support.googlesql import GoogleSQL

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.processes import BigQuery, CloudStorage

SECRETS = {"client_id": "env:CLIENT_ID", "client_secret": "env:CLIENT_SECRET", "app_key": "env:APP_KEY"}


def test_a_dataset_in_another_place_is_a_problem_and_the_tables_are_tried(bigquery: BigQuery) -> None:
    project = Project(bigquery.api_endpoint)
    project.client.create_dataset("bronze")
    fields = {"company_id": "moved", "tenant_id": "1", "project_id": project.name, "secrets": SECRETS}
    target = {"api_endpoint": bigquery.api_endpoint, "log_dataset": "a`b"}
    company = parse_company({**fields, "location": "EU", "target": target}, "here")
    place = Surroundings(
        project=MeltanoProject(ROOT), meltano_environment="dev", outer={}, resolver=SecretResolver(environment={})
    )
    secret, location, name = problems_of(company, place)
    assert secret == "ServiceTitan: moved: secret `client_id`: the variable CLIENT_ID is not set"
    assert location.endswith("bronze: it is in US, and the registry says EU")
    assert name.startswith(f"BigQuery: cannot use the dataset {project.name}.a`b: ")
    assert project.tables("bronze") == []


def test_what_is_tried_is_what_bigquery_takes() -> None:
    sql = GoogleSQL({})
    sql.check(schema_statement("p-1.bronze"))
    sql.check(table_statement("p-1.bronze"))


def test_a_storage_is_tried_without_being_written(
    tmp_path: Path, cloud_storage: CloudStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud_storage.api_endpoint)
    open_storage(f"gs://{cloud_storage.bucket}/{tmp_path.name}").check()
    open_storage((tmp_path / "a/b").as_uri()).check()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(PluginError, match=r"cannot write into .*/file, where .*/file/etl is to be"):
        open_storage((tmp_path / "file/etl").as_uri()).check()
