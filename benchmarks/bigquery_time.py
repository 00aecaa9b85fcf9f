"""Runs one scenario in BigQuery's time, with our target or that of another checkout, and says where the time went.

$ python -m benchmarks.bigquery_time --scenario unchanged --target ../other/.venv/bin/target-bigquery-softdelete
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import machine, targets, timed
from benchmarks.cases import CASES
from benchmarks.lab import Lab
from benchmarks.measure import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.cases import Case
    from benchmarks.targets import Target
    from benchmarks.timed import Timed


def main() -> int:
    """Measure the chosen scenarios and print the figures. Return 0 if each has one."""
    options = _options().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that child processes are stopped, too
    target = targets.ours_at(options.target) if options.target else targets.BY_NAME[options.rival]
    cases = [case for case in CASES if case.name in options.scenario]
    with Lab() as lab:
        codes = [_measure_case(lab, case, target, options) for case in cases]
    return max(codes)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bigquery_time", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    names = [case.name for case in CASES]
    parser.add_argument(
        "--scenario", nargs="+", choices=names, required=True, help=f"one or more of {', '.join(names)}"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--target", type=_program, help="path of the target's command (default: the one in this checkout)"
    )
    which.add_argument("--rival", choices=targets.BY_NAME, default="ours", help="another target, for 20 streams")
    parser.add_argument("--seed", type=int, default=timed.SEED, help="what times are drawn by (default: 1)")
    parser.add_argument("--repeats", type=int, default=1, help="how often; the median is printed, too (default: 1)")
    parser.add_argument("--timeline", type=Path, help="file for the calls and jobs of the last run, as JSON")
    parser.add_argument("--version", default=machine.commit(), help="the code that runs, for that file")
    return parser


def _program(path: str) -> str:
    if shutil.which(path) is None:
        raise argparse.ArgumentTypeError(f"there is no program {path}")
    return path


def _measure_case(lab: Lab, case: Case, target: Target, options: argparse.Namespace) -> int:
    runs: list[Timed] = []
    for _ in range(options.repeats):
        try:
            run, written = case.measure(lab, target, options.seed)
        except BenchmarkError as error:
            sys.stdout.write(f"{case.name}: no figure: {error}\n")
            return 1
        runs.append(run)
        sys.stdout.write(
            f"{case.name} ({case.title}), {target.name}, {datetime.now(UTC):%H:%M} UTC\n{_text(run, written)}"
        )
        sys.stdout.flush()
        if options.timeline:
            run.record(case.title, options.version).save(options.timeline)
    if len(runs) > 1:
        seconds = median(run.seconds for run in runs)
        sys.stdout.write(f"{case.name}: median of {len(runs)}: {seconds:.1f} s in BigQuery's time\n")
    return 0


def _text(run: Timed, written: int) -> str:
    wall = run.measured.wall_seconds
    costs = f"CPU {run.measured.cpu_seconds:.1f} s, peak {run.measured.peak_mb:.0f} MB"
    lines = (
        f"STATE after {run.state_seconds:.1f} s, end after {run.seconds:.1f} s in BigQuery's time",
        f"wall {wall:.1f} s; the clock stood still for {run.overrun_seconds:.1f} s, while the local BigQuery was late",
        f"calls {run.calls_besides_polls} and {run.polls} polls: {_counts(run.calls)}",
        f"jobs: {_counts(run.jobs)}",
        f"billed {run.bytes_billed / 1e9:.3f} GB; {written:,} rows written",
        f"{costs}; local BigQuery {run.emulator_cpu_seconds:.1f} CPU s",
    )
    return "".join(f"  {line}\n" for line in lines)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in counts.items())


if __name__ == "__main__":
    sys.exit(main())
