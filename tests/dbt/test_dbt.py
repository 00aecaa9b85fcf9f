"""The dbt package in dbt: everything is built, every test passes, and the marts have the figures of the company."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import dbt_package
from dbt_rendering import MARTS, MODELS
from support.dbt import company
from support.dbt.project import DbtProject

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

# The environment is half a gigabyte, and a build has 320 steps.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

FRESH = "every_stream_was_read_completely"


@pytest.fixture
def loaded(target: TargetRunner, project: Project) -> Project:
    """The company's project with the tables of all streams of the package."""
    assert target(*company.first_run(dbt_package.PACKAGED)).code == 0
    assert target(*company.second_run()).code == 0
    return project


def test_dbt_builds_every_model_and_every_test_passes(loaded: Project, tmp_path: Path) -> None:
    variables = {"servicetitan_timezone": company.TIMEZONE}
    dbt = DbtProject(tmp_path, loaded, "reports", variables)

    assert dbt.run("build") == ""

    results = dbt.results()
    assert {name for name in MODELS if results.get(name) != "success"} == set()
    assert set(results.values()) == {"success", "pass"}
    assert results[FRESH] == "pass"
    for mart in MARTS:
        rows = loaded.query(f"SELECT * FROM `{loaded.name}.reports.{mart}`")
        assert company.to_compare(mart, rows) == company.ANSWERS[mart]

    assert dbt.run("source", "freshness") == ""
    assert dbt.freshness()["servicetitan_management.etl_logs"] == "pass"


def test_dbt_tells_what_is_wrong_with_the_data(loaded: Project, tmp_path: Path) -> None:
    """A key twice, a reference to nothing, an unknown value, and a stream that was last read long ago."""
    dbt = DbtProject(tmp_path, loaded, "reports", {})
    loaded.query(f"INSERT INTO `{loaded.bronze}.technicians` SELECT * FROM `{loaded.bronze}.technicians` WHERE id = 11")
    loaded.query(f"UPDATE `{loaded.bronze}.calls` SET status = 'Lost' WHERE id = 701")
    loaded.query(f"UPDATE `{loaded.bronze}.jobs` SET campaign_id = 99 WHERE id = 101")
    loaded.query(
        f"UPDATE `{loaded.management}.etl_logs` SET ended = TIMESTAMP_SUB(ended, INTERVAL 2 DAY) WHERE stream = 'jobs'"
    )

    names = ("technicians", "calls", "jobs", "campaigns")
    nodes = (node for name in names for node in (f"source:servicetitan.{name}", f"{dbt_package.PREFIX}{name}"))
    assert dbt.run("build", "--indirect-selection", "cautious", "--select", *nodes, FRESH)

    wrong = {name: status for name, status in dbt.results().items() if status not in {"success", "pass", "skipped"}}
    assert wrong == {
        "source_unique_servicetitan_technicians_id": "fail",
        "accepted_values_stg_servicetitan__calls_status__Ringing__Answered__Completed__Initiated": "warn",
        "relationships_stg_servicetitan__jobs_campaign_id__campaign_id__ref_stg_servicetitan__campaigns_": "warn",
        FRESH: "fail",
    }


def test_what_needs_a_stream_that_the_company_does_not_have_is_left_out(loaded: Project, tmp_path: Path) -> None:
    loaded.client.delete_table(f"{loaded.bronze}.campaign_costs")
    dbt = DbtProject(tmp_path, loaded, "reports", {"servicetitan_without": ["campaign_costs"]})

    assert dbt.run("run", "--select", "+servicetitan__campaign_return", "+servicetitan__revenue_by_day") == ""

    results = dbt.results()
    assert "servicetitan__campaign_return" not in results
    assert results["servicetitan__revenue_by_day"] == "success"


def test_dbt_builds_every_model_although_the_tap_drops_personal_data(
    target: TargetRunner, project: Project, tmp_path: Path
) -> None:
    """Single columns, whole objects, and the key and the name in an object."""
    dropped = ["*email*", "*phone*", "*address*", "customer", "businessUnit.name", "job.id", "summary", "memo"]
    for messages in (company.first_run(dbt_package.PACKAGED), company.second_run()):
        assert target(*company.without_fields(messages, dropped)).code == 0
    columns = {field.name for field in project.client.get_table(f"{project.bronze}.technicians").schema}
    assert "email" not in columns
    dbt = DbtProject(tmp_path, project, "reports", {"servicetitan_timezone": company.TIMEZONE})

    assert dbt.run("build") == ""

    assert {name for name in MODELS if dbt.results().get(name) != "success"} == set()
    technicians = project.query(f"SELECT email, name FROM `{project.name}.reports.stg_servicetitan__technicians`")
    assert {"email": None, "name": "Ann"} in technicians
    days = project.query(f"SELECT * FROM `{project.name}.reports.servicetitan__technician_days`")
    assert company.to_compare("servicetitan__technician_days", days) == company.ANSWERS["servicetitan__technician_days"]
