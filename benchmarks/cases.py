"""The runs that are measured in BigQuery's time: what was loaded before, what is loaded then, and the result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks import company
from benchmarks.company import STREAMS, Run, increment, snapshot
from benchmarks.shapes import ROWS
from benchmarks.timed import Table, check_tables, prepare, run_in_bigquery_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.lab import Lab
    from benchmarks.targets import Target
    from benchmarks.timed import Timed

FEW = STREAMS[:20]
SOME = STREAMS[::16]
"""Ten of all streams."""

MANY_ROWS = 200_000


@dataclass(frozen=True)
class Case:
    """A run that is measured.

    Attributes:
        name: Its name on the command line.
        title: What it is.
        runs: What a company's runs bring, of which the last is measured. None for a stream with many rows.
    """

    name: str
    title: str
    runs: tuple[Run, ...] = ()

    @property
    def streams(self) -> int:
        """How many streams it has."""
        return len(self.runs[-1].streams) if self.runs else 1

    def measure(self, lab: Lab, target: Target, seed: int) -> tuple[Timed, int]:
        """Measure it once, in a new project. Return the figures and the number of rows that were written.

        Raises:
            BenchmarkError: If the target fails, or tables do not have the rows that they should.
        """
        *before, last = self._sources(lab)
        if not before:
            with lab.create_project() as elsewhere:
                prepare(lab, elsewhere, target, lab.write_run(WARM))
        with lab.create_project() as project:
            for source in before:
                prepare(lab, project, target, source)
            started = datetime.now(UTC)
            run = run_in_bigquery_time(lab, project, target, last, seed)
            return run, check_tables(project, target, self.tables(), started)

    def _sources(self, lab: Lab) -> list[Path]:
        if not self.runs:
            return [lab.write_singer_file(ROWS, MANY_ROWS).path]
        return [lab.write_run(run) for run in self.runs]

    def tables(self) -> Mapping[str, Table]:
        """Return what the tables of all streams are to have in the end."""
        if not self.runs:
            return {"rows": Table(MANY_ROWS, MANY_ROWS)}
        tables = {}
        *before, last = self.runs
        for stream in last.streams:
            known = {key for run in before for key in run.rows.get(stream, {})}
            brought = last.rows.get(stream, {})
            written = sum(changed or key not in known for key, changed in brought.items())
            tables[stream] = Table(len(known | set(brought)), written)
        return tables


WARM = Run({"warm": {1: False}}, version=1, streams=("warm",))
"""What is loaded elsewhere before a first run, because the local BigQuery is slow when it does something for the first
time."""

FIRST = snapshot(1)

CASES = (
    Case("first", "155 streams of 1 to 100 rows, 20 columns: first run", (FIRST,)),
    Case("unchanged", "155 streams: again, unchanged", (FIRST, snapshot(2))),
    Case("changed", "155 streams: again, a tenth of the rows of each changed", (FIRST, snapshot(2, changed=STREAMS))),
    Case("ten-changed", "155 streams: again, ten of them changed", (FIRST, snapshot(2, changed=SOME))),
    Case("incremental", "155 streams: incremental, 20 of them bring up to 100 rows", (FIRST, increment(FEW))),
    Case("rows", f"one stream of {MANY_ROWS:,} rows of 1 KB: first run"),
    Case("few-first", "20 streams: first run", (snapshot(1, FEW),)),
    Case("few-unchanged", "20 streams: again, unchanged", (snapshot(1, FEW), snapshot(2, FEW))),
)
"""All of them. The last two are those that other targets have to show."""

assert len(SOME) == company.TENTH  # noqa: S101 - the title says so
