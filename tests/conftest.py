"""The servers that tests run against. They start when the first test asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Iterator


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
