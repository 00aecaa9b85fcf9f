"""The resources of scenarios: input files, servers, folders. Each is created when it is first used."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmarks.shapes import Shape, write_singer_file
from servicetitan_sandbox.client import processes
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.company import Run
    from benchmarks.timelines import Recording

PROGRAMS = Path(__file__).resolve().parent / "programs"
ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".tools" / "benchmarks"
"""The folder of input files, which are kept between runs."""


@dataclass(frozen=True)
class SingerFile:
    """A file of Singer messages.

    Attributes:
        path: Path of the file.
        streams: The streams in it.
        rows: How many records each stream has.
    """

    path: Path
    streams: tuple[str, ...]
    rows: int


@contextmanager
def page_server(records: int) -> Iterator[str]:
    """Run a page server with a number of records in each list and feed, and yield its address."""
    command = [sys.executable, str(PROGRAMS / "page_server.py"), str(records)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        # The server stops when its standard input is closed, here or when this process ends.
        yield process.stdout.readline().decode().strip() if process.stdout else ""


@dataclass(frozen=True)
class Api:
    """A running page server.

    Attributes:
        url: Its address.
        records: How many records each of its lists and feeds has.
    """

    url: str
    records: int


class Lab:
    """The resources of one section. They are closed at the end of the `with` block."""

    def __init__(self, scale: float = 1.0) -> None:
        """Create the lab.

        Args:
            scale: Multiplies all numbers of records.
        """
        self._scale = scale
        self._resources = ExitStack()
        self._apis: dict[int, Api] = {}
        self._bigquery: processes.BigQuery | None = None
        self._runs: Path | None = None
        self.recordings: dict[str, Recording] = {}
        """Runs in BigQuery's time, by the name of the case. The last one counts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    def write_singer_file(self, shape: Shape, count: int, streams: Sequence[str] = ("rows",)) -> SingerFile:
        """Return a file with `count` records, times the scale, of each stream. It is written once and kept."""
        rows = max(1, round(count * self._scale)) if count else 0
        path = CACHE / "input" / f"{shape.name}-{shape.digest}-{len(streams)}x{rows}.singer"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(f".{os.getpid()}")
            write_singer_file(partial, shape, rows, streams)
            partial.rename(path)
        return SingerFile(path, tuple(streams), rows)

    def write_run(self, run: Run) -> Path:
        """Return a file with a company's run. It is written once for the section."""
        if self._runs is None:
            self._runs = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        path = self._runs / f"{run.digest}.singer"
        if not path.exists():
            run.write(path)
        return path

    def start_api(self, count: int) -> Api:
        """Return a page server with `count` records, times the scale, in each list and feed."""
        records = max(1, round(count * self._scale))
        if records not in self._apis:
            self._apis[records] = Api(self._resources.enter_context(page_server(records)), records)
        return self._apis[records]

    def start_bigquery(self) -> processes.BigQuery:
        """Start the section's local BigQuery, unless it runs, and return it."""
        if self._bigquery is None:
            self._bigquery = self._resources.enter_context(processes.run_bigquery(pace=processes.PACE))
        return self._bigquery

    @contextmanager
    def create_project(self) -> Iterator[Project]:
        """Create a project in the local BigQuery, and delete its datasets at the end."""
        project = Project(self.start_bigquery().api_endpoint)
        try:
            yield project
        finally:
            for dataset in project.client.list_datasets():
                project.client.delete_dataset(dataset.reference, delete_contents=True)

    @contextmanager
    def create_folder(self) -> Iterator[Path]:
        """Create a temporary folder."""
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            yield Path(folder)
