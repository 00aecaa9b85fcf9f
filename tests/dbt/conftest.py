"""A target for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.target.harness import TargetRunner

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project


@pytest.fixture
def target(project: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> TargetRunner:
    """The target, writing into the project."""
    return TargetRunner(project, tmp_path, capfd)
