"""What the end-to-end tests of the fleet share."""

from __future__ import annotations

import pytest

from servicetitan_sandbox.client.meltano_project import MeltanoProject


@pytest.fixture(scope="session")
def meltano(tmp_path_factory: pytest.TempPathFactory) -> MeltanoProject:
    """A Meltano project with its plugins installed. Each fleet has its own folders beside it."""
    project = MeltanoProject(tmp_path_factory.mktemp("meltano"), {})
    project.install()
    return project
