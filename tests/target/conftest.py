"""A project and a target for each test."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from sandbox.project import Project
from target.harness import TargetRunner

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.processes import BigQuery


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add up what the random tests have counted: scenarios, faults, rows."""
    for kind in ("test_model", "test_faults"):
        counts: Counter[str] = Counter()
        for report in terminalreporter.getreports("passed"):
            if report.when == "call" and kind in report.nodeid:
                counts.update(dict(report.user_properties))
        if counts:
            terminalreporter.write_line(f"{kind}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))


@pytest.fixture
def project(bigquery: BigQuery) -> Project:
    """A project of the local BigQuery that no other test uses."""
    return Project(bigquery.api_endpoint)


@pytest.fixture
def target(project: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> TargetRunner:
    """The target, writing into the project."""
    return TargetRunner(project, tmp_path, capfd)
