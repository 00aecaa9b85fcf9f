"""Runs the tap against the local ServiceTitan, with a new tenant per test."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, override

import pytest

from support.tap.harness import Company, Run, Sync, add_company
from support.tap.scripted import ScriptedApi
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from servicetitan_sandbox.client.processes import ServiceTitan
    from tap_servicetitan.specs.spec import StreamSpec
    from tap_servicetitan.transform.shaper import Shaper


@pytest.fixture
def company(servicetitan: ServiceTitan) -> Company:
    """A new tenant."""
    return add_company(servicetitan)


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    """An API whose responses the test scripts."""
    with ScriptedApi() as scripted:
        yield scripted


class MadeUpSpecs(TapServiceTitan):
    """The tap with specs that a test makes up. Their schemas get the key, whatever the name of the stream."""

    @override
    def shaper_for(self, spec: StreamSpec, schema: dict[str, Any]) -> Shaper:
        for name in spec.key:
            schema["properties"].setdefault(name, {"type": ["integer", "string"]})
        return super().shaper_for(spec, schema)


@pytest.fixture
def sync(capsysbinary: pytest.CaptureFixture[bytes]) -> Iterator[Sync]:
    """Runs the tap in this process."""

    def run(
        config: dict[str, Any],
        *streams: str,
        state: dict[str, Any] | None = None,
        specs: Sequence[StreamSpec] = STREAMS,
    ) -> Run:
        capsysbinary.readouterr()
        wanted = set(streams) or {spec.name for spec in specs if spec.selected} or {spec.name for spec in specs}
        chosen = [replace(spec, selected=spec.name in wanted) for spec in specs]
        tap = type("Tap", (MadeUpSpecs,), {"specs": chosen})(config=config, state=state)
        error = None
        try:
            tap.sync_all()
        except PluginError as raised:
            error = raised
        lines = capsysbinary.readouterr().out.splitlines()
        return Run([json.loads(line, parse_float=str) for line in lines], error, lines)

    yield run
    # A run that ended early has left its workers behind. They log once more, which must not fall into another test.
    for thread in threading.enumerate():
        if thread.name.startswith("worker-"):
            thread.join(timeout=30)
