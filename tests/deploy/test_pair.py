"""The command of the small image runs the pair for one company, and keeps its STATE."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.meltano_project import ROOT, inherited_environment
from support.tap.harness import add_company

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import BigQuery, ServiceTitan

RUN = ROOT / "deploy" / "pair" / "run.sh"


class Pair:
    """Runs the command with the settings of a company."""

    def __init__(self, servicetitan: ServiceTitan, bigquery: BigQuery, folder: Path) -> None:
        company = add_company(servicetitan)
        self.bigquery = Project(bigquery.api_endpoint, f"pair-{company.id}")
        self.state = folder / "state.json"
        tap = {name: str(value) for name, value in company.config.items() if isinstance(value, str | int)}
        target = {"project_id": f"pair-{company.id}", "api_endpoint": bigquery.api_endpoint}
        self.environment = {
            **inherited_environment(),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "STATE_FILE": str(self.state),
            **{f"TAP_SERVICETITAN_{name.upper()}": value for name, value in tap.items()},
            **{f"TARGET_BIGQUERY_SOFTDELETE_{name.upper()}": value for name, value in target.items()},
        }

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        environment = {**self.environment, **variables}
        return subprocess.run([RUN, *arguments], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def pair(servicetitan: ServiceTitan, bigquery: BigQuery, tmp_path: Path) -> Pair:
    return Pair(servicetitan, bigquery, tmp_path)


def test_a_run_continues_from_the_state_of_the_last_one(pair: Pair) -> None:
    first = pair()
    assert first.returncode == 0, first.stderr
    state = json.loads(pair.state.read_text())
    assert "continue_from" in state["bookmarks"]["activities"]
    assert pair().returncode == 0
    whole, rest = pair.bigquery.log("activities")
    assert rest["rows_read"] < whole["rows_read"]
    assert [path.name for path in pair.state.parent.iterdir()] == ["state.json"]

    # A run that fails leaves the state as good as it was, and is no success.
    failed = pair(TAP_SERVICETITAN_CLIENT_SECRET="wrong")
    assert failed.returncode == 1
    assert json.loads(pair.state.read_text())["bookmarks"].keys() == state["bookmarks"].keys()


def test_it_says_what_the_credentials_may_read_and_knows_no_other_word(pair: Pair) -> None:
    assert pair("check").returncode == 0
    assert pair("chekc").returncode == 2
    assert not pair.state.exists()


def test_a_stop_ends_both_and_leaves_nothing_behind(pair: Pair) -> None:
    with subprocess.Popen([RUN], env=pair.environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()  # one of them has said something, so it knows what to do with a signal
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(60) != 0
    assert [path for path in pair.state.parent.iterdir() if path != pair.state] == []
