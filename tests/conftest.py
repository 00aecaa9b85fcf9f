"""The servers of the tests. Each starts when the first test needs it."""

from __future__ import annotations

import gc
import os
from collections import Counter
from typing import TYPE_CHECKING

import hypothesis
import pytest

from servicetitan_sandbox.client import processes
from support import slow_tests

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long an example takes says something about the machine.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

pytest_plugins = ("support.real_bigquery.plugin",)


def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes run tests: two for each core, because they wait for jobs half of the time."""
    return 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2 * (os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)  # before the marks decide what runs
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that only `make test-slow` runs."""
    slow = slow_tests.read()
    for item in items:
        if item.nodeid in slow:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Leave the seven thousand tests alone that the garbage collector would go through again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sums of the counts of the random tests: scenarios, faults, rows.

    It is in this file because a parallel run loads only this file in the process that prints the summary.
    """
    for kind in ("test_model", "test_faults", "test_random_changes", "test_schedules", "test_large_company"):
        counts: Counter[str] = Counter()
        for report in terminalreporter.getreports("passed"):
            if report.when == "call" and kind in report.nodeid:
                counts.update(dict(report.user_properties))
        if counts:
            terminalreporter.write_line(f"{kind}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))


@pytest.fixture(scope="session")
def servicetitan() -> Iterator[processes.ServiceTitan]:
    """A local ServiceTitan, shared by all tests of a worker. Each test adds its own tenants."""
    with processes.run_servicetitan() as server:
        yield server


@pytest.fixture(scope="session")
def bigquery() -> Iterator[processes.BigQuery]:
    """A local BigQuery, shared by all tests of a worker. Each test uses its own project."""
    with processes.run_bigquery(pace=processes.PACE) as server:
        yield server


@pytest.fixture(scope="session")
def cloud_storage() -> Iterator[processes.CloudStorage]:
    """A local Cloud Storage, shared by all tests of a worker. Each test uses its own folder."""
    with processes.run_cloud_storage() as server:
        yield server
