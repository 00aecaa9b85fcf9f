"""Whose data it is: the tap says it in the stream, datasets and tables carry it, and no run writes into another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.cloud import bigquery

from support.proxy import Proxy, Trap
from support.singer import INTEGER, record, schema, state
from support.target.harness import HastyTarget

if TYPE_CHECKING:
    from typing import Any

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner

DATASETS = ("bronze", "staging", "management")
STATE = state({"bookmarks": {"jobs": {"at": 1}}})


def of_tenant(tenant: str | None, stream: str = "jobs", key: int = 1) -> list[dict[str, Any]]:
    """Return the messages of a tap that reads a tenant."""
    first = schema(stream, {"id": INTEGER})
    if tenant is not None:
        first["schema"]["x-tenant-id"] = tenant
    return [first, record(stream, {"id": key}), STATE]


def assert_refused(result: Result, *parts: str) -> None:
    """Check that a run ended with one line that has these parts, and without STATE."""
    assert (result.code, result.states) == (1, [])
    (error,) = result.errors
    for part in parts:
        assert part in error


def test_the_tenant_that_the_tap_names_is_that_of_datasets_and_tables(target: TargetRunner, project: Project) -> None:
    assert target(*of_tenant("1001")).code == 0

    for dataset in DATASETS:
        assert project.client.get_dataset(f"{project.name}.{dataset}").labels == {"tenant_id": "1001"}
    assert project.client.get_table(f"{project.name}.bronze.jobs").labels["tenant_id"] == "1001"
    assert project.log("jobs")[0]["tenant_id"] == "1001"
    # Another one finds them taken, whether its tap or its settings name it.
    assert_refused(target(*of_tenant("2002")), "belongs to tenant 1001", "tenant 2002", "`project_id`")
    assert_refused(target(*of_tenant(None), tenant_id="2002"), "belongs to tenant 1001", "tenant 2002")
    assert target(*of_tenant("1001"), tenant_id="1001").code == 0


def test_a_tap_that_reads_another_tenant_than_the_settings_say_stops_before_the_first_write(
    target: TargetRunner, project: Project
) -> None:
    result = target(*of_tenant("1001"), tenant_id="2002")
    assert_refused(result, "jobs", "tenant 1001", "tenant 2002", "`tenant_id`")
    assert list(project.client.list_datasets()) == []


def test_two_taps_of_different_tenants_in_one_input_stop_at_the_second(target: TargetRunner, project: Project) -> None:
    result = target(*of_tenant("1001"), *of_tenant("2002", "crews"))
    assert_refused(result, "crews", "tenant 2002", "tenant 1001")
    assert "crews" not in project.tables("bronze")


def test_a_tenant_that_cannot_be_a_label_is_refused(target: TargetRunner, project: Project) -> None:
    assert_refused(target(*of_tenant("Über Tenant")), "jobs", "label")
    assert list(project.client.list_datasets()) == []


def test_a_dataset_of_an_earlier_version_gets_the_label(target: TargetRunner, project: Project) -> None:
    project.client.create_dataset("bronze")
    assert target(*of_tenant("1001")).code == 0
    assert project.client.get_dataset(f"{project.name}.bronze").labels == {"tenant_id": "1001"}


@pytest.mark.parametrize("dataset", ["staging", "management"])
def test_a_dataset_beside_that_of_the_tables_is_checked_too(
    target: TargetRunner, project: Project, dataset: str
) -> None:
    assert target(*of_tenant("1001"), dataset="own").code == 0
    project.client.delete_dataset("own", delete_contents=True)
    names = {"staging_dataset": "a", "log_dataset": "b"}
    del names[{"staging": "staging_dataset", "management": "log_dataset"}[dataset]]

    assert_refused(target(*of_tenant("2002"), **names), f"{project.name}.{dataset}", "belongs to tenant 1001")
    assert project.tables("bronze") == []


def test_a_run_does_not_write_into_what_another_tenants_run_made_while_it_waited_for_an_answer(
    target: TargetRunner, project: Project
) -> None:
    def make_dataset() -> None:
        dataset = bigquery.Dataset(f"{project.name}.bronze")
        dataset.labels = {"tenant_id": "1001"}
        project.client.create_dataset(dataset, exists_ok=True)

    target.plugin = HastyTarget
    with Proxy(project.api_endpoint) as proxy:
        # It was told that there is no dataset, and now nothing for four times.
        trap = proxy.trap(Trap(b"/datasets?", "fail", times=4, meanwhile=make_dataset))
        result = target(*of_tenant("2002"), api_endpoint=proxy.url, on_concurrent_run="refuse")

    assert trap.seen == 4
    assert_refused(result, "bronze` belongs to tenant 1001")
    assert project.tables("bronze") == []
