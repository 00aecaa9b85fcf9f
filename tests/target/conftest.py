"""A project and a target for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servicetitan_sandbox.client.bigquery_project import Project
from support.target.harness import TargetRunner

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.processes import BigQuery


@pytest.fixture
def project(bigquery: BigQuery) -> Project:
    """A project of the local BigQuery that no other test uses."""
    return Project(bigquery.api_endpoint)


@pytest.fixture
def target(project: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> TargetRunner:
    """The target, writing into the project."""
    return TargetRunner(project, tmp_path, capfd)
