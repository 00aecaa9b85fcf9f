"""Streams that are read again, and tables that are compared with their sources."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from servicetitan_sandbox.client.fleet import Fleet
from support.fleet.receivers import run_http_receiver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servicetitan_sandbox.client.meltano_project import MeltanoProject
    from servicetitan_sandbox.client.processes import BigQuery, ServiceTitan

SIZES = {"technicians": 12, "activities": 60, "campaigns": 30}
COMPANY, TENANT = "alpha", "880801"


class Stage(Fleet):
    """A fleet of one company."""

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        process = self.command(*words)
        text, _ = process.communicate(timeout=200)
        assert "Traceback" not in text
        return subprocess.CompletedProcess(words, process.returncode, text)

    def resync(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `resync`."""
        folder = f"--work-folder={self.folder / 'work'}"
        return self.call("resync", f"--company={COMPANY}", folder, "--log-format=plain", *options)

    def verify(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `verify`."""
        return self.call("verify", f"--company={COMPANY}", f"--work-folder={self.folder / 'work'}", *options)

    def query(self, statement: str) -> None:
        """Change a table by hand."""
        self.project(COMPANY).query(statement)


@pytest.fixture
def stage(tmp_path: Path, meltano: MeltanoProject, servicetitan: ServiceTitan, bigquery: BigQuery) -> Stage:
    stage = Stage(tmp_path, meltano, servicetitan, bigquery, (tmp_path / "etl").as_uri())
    stage.add(COMPANY, TENANT, SIZES, streams=["technicians.*", "activities.*", "campaigns.*"])
    return stage


@pytest.mark.timeout(400)
def test_rows_that_were_lost_are_found_and_come_again(stage: Stage) -> None:
    first = stage.call("run", "--log-format=plain", f"--work-folder={stage.folder / 'work'}")
    assert first.returncode == 0, first.stdout
    record = (stage.folder / f"etl/companies/{COMPANY}.json").read_bytes()
    well = stage.verify()
    assert well.returncode == 0, well.stdout
    assert f"{COMPANY}: 3 streams: 2 equal, 1 not compared" in well.stdout
    assert "--full activities" in well.stdout

    # Somebody deletes rows of two tables, changes one of a third, and a record goes at the source.
    project = stage.project(COMPANY)
    control = stage.titan.control
    lost, gone, odd = sorted(control.ids(TENANT, "campaigns"))[:3]
    activity = min(control.ids(TENANT, "activities"))
    project.query(f"DELETE FROM `{project.name}.bronze.campaigns` WHERE id = {lost}")
    project.query(f"DELETE FROM `{project.name}.bronze.activities` WHERE id = {activity}")
    found = stage.verify()
    assert found.returncode == 1
    assert "campaigns" in found.stdout
    assert "1 row missing" in found.stdout
    assert "technicians " not in found.stdout
    full = stage.verify("--full", "activities")
    assert full.returncode == 1
    assert "activities: 1 row missing" in full.stdout

    project.query(f"UPDATE `{project.name}.bronze.campaigns` SET name = 'odd' WHERE id = {odd}")
    control.delete(TENANT, "campaigns", gone)
    again = stage.resync("--stream", "campaigns")
    assert again.returncode == 0, again.stdout
    rows = project.rows("campaigns")
    assert {rows[lost]["_etl_operation"], rows[odd]["_etl_operation"]} == {"INSERT", "UPDATE"}
    assert rows[odd]["name"] != "odd"
    assert rows[gone]["_etl_operation"] == "DELETE"
    assert activity not in project.rows("activities")
    assert (stage.folder / f"etl/companies/{COMPANY}.json").read_bytes() == record

    since = stage.resync("--stream", "activities", "--since", "2000-01-01")
    assert since.returncode == 0, since.stdout
    assert activity in project.rows("activities")
    assert stage.verify("--full", "activities").returncode == 0
    assert stage.verify().returncode == 0
    # The bookmarks are still those of the first run.
    changed = control.insert(TENANT, "activities")["id"]
    last = stage.call("run", "--log-format=plain", f"--work-folder={stage.folder / 'work'}")
    assert last.returncode == 0, last.stdout
    assert project.log("activities")[-1]["rows_read"] < SIZES["activities"]
    assert changed in project.rows("activities")


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_change_of_the_source_is_told_once(stage: Stage) -> None:
    def run() -> str:
        done = stage.call("run", "--log-format=plain", f"--work-folder={stage.folder / 'work'}")
        assert done.returncode == 0, done.stdout
        return done.stdout

    stage.variables["ETL_NOTIFY"] = json.dumps([{"kind": "webhook", "url": "env:HOOK_URL"}])
    with run_http_receiver() as receiver:
        stage.variables["HOOK_URL"] = f"{receiver.address}/hook"
        _check_changes(stage, run)
        (told,) = receiver.bodies("/hook")
    assert (told["event"], told["reason"]) == ("notice", NEWS)


NEWS = "activities: no column for the new field moonPhase"


def _check_changes(stage: Stage, run: Callable[[], str]) -> None:
    assert "the source has changed" not in run()
    stage.titan.control.update_many(TENANT, "activities", {"moonPhase": "full"})
    assert f"NOTICE: the source has changed: {NEWS}" in run()
    stage.titan.control.update_many(TENANT, "activities", {"moonPhase": "new"})
    assert "the source has changed" not in run()
    page = stage.folder / "report.html"
    stage.command("report", f"--output={page}", has_plugins=False).communicate()
    assert page.read_text().count(NEWS) == 1


def test_a_stream_that_the_company_does_not_read_is_refused(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    def refusal(*options: str) -> str:
        refused = stage.resync(*options)
        (line,) = capfd.readouterr().err.splitlines()
        assert (refused.returncode != 0, refused.stdout) == (True, "")
        return line.removeprefix("ERROR: ")

    assert (
        refusal("--stream=jobss") == "alpha: no stream of the tap matches `jobss` in --stream, perhaps `jobs` is meant"
    )
    unread = "alpha: `jobs` is not among the streams that it reads: see `streams` in the registry"
    assert refusal("--stream=jobs") == unread
    day = "Invalid value for '--since': 'yesterday' is not a day such as 2024-02-29."
    assert refusal("--stream=campaigns", "--since=yesterday") == day
