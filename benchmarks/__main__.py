"""Runs the benchmarks. See `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import machine
from benchmarks.lab import ROOT, Lab
from benchmarks.measure import BenchmarkError
from benchmarks.picture import growth_picture
from benchmarks.report import report, section_text
from benchmarks.results import SectionResult, load
from benchmarks.scenarios import growth, latency
from benchmarks.sections import SECTIONS
from benchmarks.timelines import load as load_recording
from benchmarks.waterfall import waterfall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.scenario import Scenario, Section
    from benchmarks.timelines import Recording

FOLDER = Path(__file__).resolve().parent
RAW = FOLDER / "results"
PICTURES = ROOT / "docs" / "explanation"
RECORDINGS = RAW / "timelines"
BEFORE, AFTER = "before", "after"
"""What the names of recordings end with: those that were kept to compare with, and those of the last measurement."""

console = Console(stderr=True, highlight=False)


def main() -> int:
    """Measure the chosen sections and write the results. Return 0 if every scenario has a figure."""
    options = _options().parse_args()
    if options.report:
        _write_documents()
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that child processes are stopped, too
    failed = False
    for section in SECTIONS:
        if not options.only or section.name in options.only:
            result, recordings = _measure_section(section, options)
            failed = failed or any(row.error for row in result.rows)
            if options.keep:
                result.keep_others(load(RAW / f"{section.name}.json"))
            if options.scale == 1 and (options.keep or not options.match):
                _save(result, recordings)
    return 1 if failed else 0


def _save(result: SectionResult, recordings: Mapping[str, Recording]) -> None:
    result.save(RAW)
    for name, recording in recordings.items():
        recording.save(RECORDINGS / f"{name}-{AFTER}.json")
    _write_documents()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures, and writes RESULTS.md.")
    names = [section.name for section in SECTIONS]
    parser.add_argument("--only", nargs="*", choices=names, default=[], help="sections to measure (default: all)")
    parser.add_argument("--match", default="", help="measure only scenarios whose title contains this; write nothing")
    parser.add_argument("--keep", action="store_true", help="with --match: write, and keep the other saved figures")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply all sizes; write nothing unless it is 1")
    parser.add_argument("--repeats", type=int, default=9, help="most measurements of a scenario (default: 9)")
    parser.add_argument("--report", action="store_true", help="measure nothing; write the documents from saved results")
    return parser


def _measure_section(section: Section, options: argparse.Namespace) -> tuple[SectionResult, dict[str, Recording]]:
    result = SectionResult(section.name, section.title, section.text, section.unit, machine.facts())
    result.columns = list(section.columns)
    result.machine["load before"] = machine.load()
    chosen = [scenario for scenario in section.scenarios if options.match in scenario.title]
    with Lab(options.scale) as lab:
        for scenario in _turns(chosen, options.repeats):
            _measure_scenario(scenario, lab, result)
    result.machine["load after"] = machine.load()
    sys.stdout.write(section_text(result) + "\n")
    sys.stdout.flush()
    return result, lab.recordings


def _turns(scenarios: Sequence[Scenario], most: int) -> Iterator[Scenario]:
    """Yield each scenario as often as it is repeated, in turns, so that a slow phase of the machine affects all."""
    for turn in range(most):
        yield from (scenario for scenario in scenarios if turn < scenario.repeats)


def _measure_scenario(scenario: Scenario, lab: Lab, result: SectionResult) -> None:
    if any(row.error for row in result.rows if row.title == scenario.title):
        return
    try:
        for sample in scenario.run(lab):
            result.get_or_add_row(scenario.title, sample.step).samples.append(sample)
            step = f", {sample.step}" if sample.step else ""
            console.print(
                f"{result.name}: {scenario.title}{step}: {sample.cpu_seconds:.2f} CPU s, "
                f"{sample.wall_seconds:.2f} s, {sample.peak_mb:.0f} MB"
            )
    except BenchmarkError as error:
        result.get_or_add_row(scenario.title).error = str(error)
        console.print(f"{result.name}: {scenario.title}: no figure: {error}")


def _write_documents() -> None:
    results = {result.name: result for result in _all_results()}
    (FOLDER / "RESULTS.md").write_text(report(results.values()))
    if growth.SECTION.name in results:
        (PICTURES / "growth.svg").write_text(growth_picture(results[growth.SECTION.name]))
    for name in latency.DRAWN:
        paths = {when: RECORDINGS / f"{name}-{when}.json" for when in (BEFORE, AFTER)}
        recordings = {when: load_recording(path) for when, path in paths.items() if path.exists()}
        if recordings:
            (PICTURES / f"waterfall-{name}.svg").write_text(waterfall(recordings))


def _all_results() -> Iterator[SectionResult]:
    for section in SECTIONS:
        path = RAW / f"{section.name}.json"
        if path.exists():
            yield replace(load(path), title=section.title, text=section.text, columns=list(section.columns))


if __name__ == "__main__":
    sys.exit(main())
