"""Runs the tap against the local ServiceTitan, each test with a tenant of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from plugin_runtime import PluginError
from tap.harness import Company, Run, Sync, add_company
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from sandbox.processes import ServiceTitan


@pytest.fixture
def company(servicetitan: ServiceTitan) -> Company:
    """A new tenant."""
    return add_company(servicetitan)


@pytest.fixture
def sync(capsysbinary: pytest.CaptureFixture[bytes]) -> Sync:
    """Runs the tap in this process."""

    def run(config: dict[str, Any], *streams: str, state: dict[str, Any] | None = None) -> Run:
        capsysbinary.readouterr()
        tap = TapServiceTitan(config=config, state=state)
        for stream in tap.streams.values():
            stream.selected = stream.name in streams or not streams
        error = None
        try:
            tap.sync_all()
        except PluginError as raised:
            error = raised
        lines = capsysbinary.readouterr().out.splitlines()
        return Run([json.loads(line, parse_float=str) for line in lines], error)

    return run
