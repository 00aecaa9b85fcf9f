"""Runs dbt itself, in an environment of its own, in a project that uses the package as its users do."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.environments import build_environment
from benchmarks.measure import BenchmarkError

from dbt_rendering import PACKAGE

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project

LOCK = Path(__file__).with_name("environment.txt")


class DbtProject:
    """A user's dbt project with the package.

    Args:
        folder: An empty folder for it.
        project: The company's project, in which the models are made, too.
        dataset: The dataset of the models.
        variables: The package's variables.
    """

    def __init__(self, folder: Path, project: Project, dataset: str, variables: dict[str, Any]) -> None:
        self._folder = folder
        self._command = _install()
        output = {
            "type": "bigquery",
            "method": "oauth-secrets",  # a token that the local BigQuery does not look at
            "token": "none",
            "project": project.name,
            "dataset": dataset,
            "api_endpoint": project.api_endpoint,
            "threads": 4,
        }
        self._write("profiles.yml", {"reports": {"target": "test", "outputs": {"test": output}}})
        self._write("dbt_project.yml", {"name": "reports", "version": "1.0.0", "profile": "reports", "vars": variables})
        self._write("packages.yml", {"packages": [{"local": str(PACKAGE)}]})
        assert self.run("deps") == ""

    def run(self, *arguments: str) -> str:
        """Run dbt and return its output, or nothing if all is well."""
        options = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_USE_COLORS": "false", "DBT_PROFILES_DIR": "."}
        done = subprocess.run(
            [self._command, *arguments],
            cwd=self._folder,
            env={**os.environ, **options},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr if done.returncode else ""

    def results(self) -> dict[str, str]:
        """Return how each model and test of the last command ended: `success`, `pass`, `warn`, `fail`, `error`."""
        results = json.loads((self._folder / "target/run_results.json").read_text("utf-8"))["results"]
        return {result["unique_id"].split(".")[2]: result["status"] for result in results}

    def freshness(self) -> dict[str, str]:
        """Return how fresh `dbt source freshness` found each source: `pass`, `warn`, `error`."""
        results = json.loads((self._folder / "target/sources.json").read_text("utf-8"))["results"]
        return {result["unique_id"].split(".", 2)[2]: result["status"] for result in results}

    def _write(self, name: str, content: dict[str, Any]) -> None:
        (self._folder / name).write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML


def _install() -> Path:
    """Return the command of dbt. The test is skipped if there is no registry to install it from."""
    packages = ("--require-hashes", "--requirement", str(LOCK))
    with LOCK.open() as lock:  # tests may run at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return build_environment("dbt", "3.13", LOCK, packages) / "dbt"
        except BenchmarkError as error:
            pytest.skip(str(error))
