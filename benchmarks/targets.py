"""Targets as commands, and a check of the tables that they wrote."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import environments
from benchmarks.lab import PROGRAMS
from benchmarks.measure import BenchmarkError, Command, cpu_seconds_of, measure
from benchmarks.rivals import interpreter
from benchmarks.scenario import Sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.lab import Lab, SingerFile
    from servicetitan_sandbox.client.bigquery_project import Project

RIVAL_DATASET = "rival"


@dataclass(frozen=True)
class Target:
    """A target that writes into the local BigQuery.

    Attributes:
        name: Name in the results.
        command: Makes the command for a project and a folder for files.
        dataset: Dataset of its tables.
        written_at: Column with the time of a row's last write.
        spares_unchanged: Whether it writes only rows that have changed.
    """

    name: str
    command: Callable[[Lab, Project, Path], Command]
    dataset: str
    written_at: str
    spares_unchanged: bool = False

    def run(self, lab: Lab, project: Project, source: SingerFile, step: str = "") -> Sample:
        """Feed a file to the target, once.

        Raises:
            BenchmarkError: If the target fails, or if a table does not have the file's rows.
        """
        started = datetime.now(UTC)
        emulator_before = cpu_seconds_of(lab.start_bigquery().pid)
        with lab.create_folder() as folder:
            measured = measure(self.command(lab, project, folder), folder=folder, source=source.path)
        emulator = cpu_seconds_of(lab.start_bigquery().pid) - emulator_before
        # A stream without rows has no table.
        streams = source.streams if source.rows else ()
        written = sum(self.count_written_rows(project, stream, source.rows, started) for stream in streams)
        count = source.rows * len(source.streams)
        return Sample.of(measured, count, step, rows_written=written, emulator_CPU_s=emulator)

    def count_written_rows(self, project: Project, stream: str, rows: int, since: datetime) -> int:
        """Check the number of rows in a table, and return how many were written since a time."""
        table = f"`{project.name}.{self.dataset}.{stream}`"
        is_new = f"{self.written_at} >= TIMESTAMP '{since:%Y-%m-%d %H:%M:%S.%f}'"
        (row,) = project.query(f"SELECT count(*) AS loaded, countif({is_new}) AS written FROM {table}")  # noqa: S608 - our own names
        if row["loaded"] != rows:
            raise BenchmarkError(f"it ended with 0, but {row['loaded']:,} of {rows:,} rows are in {stream}")
        return int(row["written"])


def write_config(folder: Path, **settings: Any) -> str:  # noqa: ANN401 - any setting
    """Write the settings of a plugin to a file, and return its path."""
    path = folder / "config.json"
    path.write_text(json.dumps(settings))
    return str(path)


def program(name: str, *options: str) -> Command:
    """Return the command that runs one of our own programs."""
    return Command((sys.executable, str(PROGRAMS / f"{name}.py"), *options))


def _ours(lab: Lab, project: Project, folder: Path) -> Command:
    return _command_at(environments.install_ours("target-bigquery-softdelete"), lab, project, folder)


def _command_at(path: str, lab: Lab, project: Project, folder: Path) -> Command:  # noqa: ARG001 - the signature of all of them
    config = write_config(folder, project_id=project.name, api_endpoint=project.api_endpoint)
    return Command((path, "--config", config))


def _z3_loads(lab: Lab, project: Project, folder: Path) -> Command:
    return _z3(lab, project, folder, method="batch_job", batch_size=50_000)


def _z3_streams(lab: Lab, project: Project, folder: Path) -> Command:
    return _z3(lab, project, folder, method="storage_write_api")


def _z3(lab: Lab, project: Project, folder: Path, **settings: Any) -> Command:  # noqa: ANN401
    config = write_config(
        folder, project=project.name, dataset=RIVAL_DATASET, denormalized=True, upsert=True, **settings
    )
    return _rival(lab, "z3-target-bigquery", ("target_bigquery.target", "TargetBigQuery.cli"), config)


def _pipelinewise(lab: Lab, project: Project, folder: Path) -> Command:
    config = write_config(
        folder, project_id=project.name, default_target_schema=RIVAL_DATASET, add_metadata_columns=True
    )
    return _rival(lab, "pipelinewise-target-bigquery", ("target_bigquery", "main"), config)


def _rival(lab: Lab, name: str, entry: tuple[str, str], config: str) -> Command:
    start = interpreter.FOLDER / "start.py"
    return Command(
        (str(interpreter.python_of(name)), str(start), *entry, "--config", config),
        {
            "BIGQUERY_EMULATOR_HOST": lab.start_bigquery().api_endpoint,
            "BIGQUERY_STORAGE_HOST": lab.start_bigquery().grpc_endpoint,
            "PYTHONWARNINGS": "ignore",
        },
    )


OURS = Target("target-bigquery-softdelete", _ours, "bronze", "_etl_synced", spares_unchanged=True)
Z3_LOADS = Target("z3-target-bigquery, load jobs", _z3_loads, RIVAL_DATASET, "_sdc_batched_at")
Z3_STREAMS = Target("z3-target-bigquery, Storage API", _z3_streams, RIVAL_DATASET, "_sdc_batched_at")
PIPELINEWISE = Target("pipelinewise-target-bigquery", _pipelinewise, RIVAL_DATASET, "_sdc_batched_at")
BY_NAME = {"ours": OURS, "z3": Z3_LOADS, "pipelinewise": PIPELINEWISE}


def ours_at(path: str) -> Target:
    """Return our target as another checkout has it.

    Args:
        path: Its command.
    """
    return replace(OURS, command=partial(_command_at, path))
