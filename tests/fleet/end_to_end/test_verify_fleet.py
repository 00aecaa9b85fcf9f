"""`verify` over all companies, as its schedule runs it: on several tasks, and whatever is wrong with one company."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicetitan_sandbox.client.fleet import Fleet

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.meltano_project import MeltanoProject
    from servicetitan_sandbox.client.processes import BigQuery, ServiceTitan

SIZES = {"technicians": 7}


def test_each_task_verifies_its_share_and_a_broken_company_stops_no_other(
    tmp_path: Path, meltano: MeltanoProject, servicetitan: ServiceTitan, bigquery: BigQuery
) -> None:
    fleet = Fleet(tmp_path, meltano, servicetitan, bigquery, (tmp_path / "etl").as_uri())
    for number, company_id in enumerate(("broken", "alone", "good", "short")):
        fleet.add(company_id, f"88090{number}", SIZES, streams=["technicians.*"])
    run = fleet.start("--company=good", "--company=short")
    run.communicate(timeout=200)
    assert run.returncode == 0
    project = fleet.project("short")
    project.query(f"DELETE FROM `{project.name}.bronze.technicians` WHERE TRUE")
    del fleet.variables["BROKEN_APP_KEY"]

    def verify(task: int) -> tuple[int, str]:
        fleet.variables |= {"CLOUD_RUN_TASK_INDEX": str(task), "CLOUD_RUN_TASK_COUNT": "2"}
        process = fleet.command("verify")
        text, _ = process.communicate(timeout=200)
        return process.returncode, text

    code, said = verify(0)
    assert code == 1
    assert "broken: broken" not in said
    assert "broken: secret `app_key`: the environment variable BROKEN_APP_KEY is not set" in said
    assert "good: 1 stream: 1 equal" in said
    assert "short" not in said
    code, said = verify(1)
    assert code == 1
    # No run has written the tables of `alone`.
    assert "alone: 1 stream: 1 not compared" in said
    assert "7 rows missing" in said or "7 rows more" in said
    assert "good" not in said
