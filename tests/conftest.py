"""The servers that tests run against. They start when the first test asks for them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from servicetitan_sandbox.client import processes

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add up what the target's random tests have counted: scenarios, faults, rows.

    It stands here because a run on several processors loads this file alone in the process that sums up.
    """
    for kind in ("test_model", "test_faults"):
        counts: Counter[str] = Counter()
        for report in terminalreporter.getreports("passed"):
            if report.when == "call" and kind in report.nodeid:
                counts.update(dict(report.user_properties))
        if counts:
            terminalreporter.write_line(f"{kind}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))


@pytest.fixture(scope="session")
def servicetitan() -> Iterator[processes.ServiceTitan]:
    """A local ServiceTitan, shared by all tests of a worker: each test adds tenants of its own."""
    with processes.servicetitan() as server:
        yield server


@pytest.fixture(scope="session")
def bigquery() -> Iterator[processes.BigQuery]:
    """A local BigQuery, shared by all tests of a worker: each test uses a project of its own."""
    with processes.bigquery() as server:
        yield server


@pytest.fixture(scope="session")
def cloud_storage() -> Iterator[processes.CloudStorage]:
    """A local Cloud Storage, shared by all tests of a worker: each test uses a folder of its own."""
    with processes.cloud_storage() as server:
        yield server
