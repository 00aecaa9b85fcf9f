"""Taps as commands, and a check of their output."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmarks import environments
from benchmarks.measure import BenchmarkError, Command, measure
from benchmarks.scenario import Sample
from benchmarks.targets import program, write_config
from tap_servicetitan.catalog.entries import catalog
from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.lab import Lab

SIGN_IN = {"tenant_id": "1", "client_id": "client", "client_secret": "secret", "app_key": "key"}
COUNTER = Command(("grep", "-c", '^{"type":"RECORD"'))


@dataclass(frozen=True)
class Tap:
    """A tap that reads from the page server.

    Attributes:
        name: Name in the results.
        command: Makes the command for a server's address, a folder for files, and the streams to read.
    """

    name: str
    command: Callable[[str, Path, Sequence[str]], Command]

    def run(self, lab: Lab, records: int, streams: Sequence[str] = ("activities",)) -> Sample:
        """Read streams of a number of records each, once.

        Raises:
            BenchmarkError: If the tap fails, or did not write every record.
        """
        api = lab.start_api(records)
        with lab.create_folder() as folder:
            measured = measure(self.command(api.url, folder, streams), COUNTER, folder=folder)
            written = int((folder / "output").read_text())
        expected = api.records * len(streams)
        if written != expected:
            raise BenchmarkError(f"it ended with 0, but wrote {written:,} of {expected:,} records")
        cost = measured.costs[0]
        return Sample(cost.cpu_seconds, measured.wall_seconds, cost.peak_mb, expected)


def ours(**settings: Any) -> Callable[[str, Path, Sequence[str]], Command]:  # noqa: ANN401 - any setting
    """Return a function that makes the command of our tap with some settings."""

    def command(url: str, folder: Path, streams: Sequence[str]) -> Command:
        addresses = {"api_url": url, "auth_url": f"{url}/connect/token", "requests_per_second": 1000}
        config = write_config(folder, **SIGN_IN, **addresses, **settings)
        chosen = folder / "catalog.json"
        chosen.write_text(json.dumps(catalog(replace(spec, selected=True) for spec in STREAMS if spec.name in streams)))
        return Command((environments.install_ours("tap-servicetitan"), "--config", config, "--catalog", str(chosen)))

    return command


def sdk(*options: str) -> Callable[[str, Path, Sequence[str]], Command]:
    """Return a function that makes the command of the SDK's tap."""
    return lambda url, folder, _: program("sdk_tap", "--config", write_config(folder, api_url=url), *options)
