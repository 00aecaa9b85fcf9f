"""What the probes share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.real_bigquery.probe import Probe

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.real_bigquery.site import Finding


@pytest.fixture
def probe(project: Project, tell: Callable[[Finding], None]) -> Probe:
    """Asks BigQuery, in datasets of its own."""
    return Probe(project, tell)
