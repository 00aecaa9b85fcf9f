"""Targets as commands, and what they have written."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import BenchmarkError, Command, cpu_seconds_of, measure
from benchmarks.scenario import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.lab import Lab, SingerFile
    from sandbox.project import Project


@dataclass(frozen=True)
class Target:
    """A target that writes into the local BigQuery.

    Attributes:
        command: Returns the command for a project, given a folder for its files.
        dataset: Where it puts its tables.
    """

    command: Callable[[Project, Path], Command]
    dataset: str

    def run(self, lab: Lab, project: Project, source: SingerFile, step: str = "") -> Sample:
        """Feed a file to the target, once.

        Raises:
            BenchmarkError: If the target fails, or if the table does not have the file's rows afterwards.
        """
        emulator_before = cpu_seconds_of(lab.bigquery.pid)
        with lab.folder() as folder:
            measured = measure(self.command(project, folder), folder=folder, source=source.path)
        emulator = cpu_seconds_of(lab.bigquery.pid) - emulator_before
        landed = count(project, f"{self.dataset}.{source.stream}")
        if landed != source.rows:
            raise BenchmarkError(f"{landed:,} of {source.rows:,} rows are in the table")
        return Sample.of(measured, source.rows, step, emulator_CPU_s=emulator)


def count(project: Project, table: str) -> int:
    """Return how many rows a table has."""
    (row,) = project.query(f"SELECT count(*) AS n FROM `{project.name}.{table}`")  # noqa: S608 - our own names
    return int(row["n"])


def config_file(folder: Path, **settings: Any) -> str:  # noqa: ANN401 - any setting
    """Write the settings of a plugin to a file, and return its path."""
    path = folder / "config.json"
    path.write_text(json.dumps(settings))
    return str(path)


def _ours(project: Project, folder: Path) -> Command:
    config = config_file(folder, project_id=project.name, api_endpoint=project.api_endpoint)
    return Command((str(Path(sys.executable).with_name("target-bigquery-softdelete")), "--config", config))


OURS = Target(_ours, "bronze")
