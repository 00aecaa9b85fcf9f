"""A client with a new tenant for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.servicetitan import Client, new_tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.processes import ServiceTitan


@pytest.fixture
def client(servicetitan: ServiceTitan) -> Iterator[Client]:
    """A client of a new tenant, with 25 technicians and 100 activities in feed pages of 30."""
    client = Client(servicetitan, new_tenant(sizes={"technicians": 25, "activities": 100}, feed_page_size=30))
    with client.session:
        yield client
    servicetitan.control.clear_faults()
