"""The benchmarks measure costs, save results and draw growth."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from benchmarks.measure import BenchmarkError, Command, measure
from benchmarks.picture import growth_picture
from benchmarks.report import section_text
from benchmarks.results import SectionResult, load
from benchmarks.scenario import Sample

if TYPE_CHECKING:
    from pathlib import Path

BUSY = """
import sys, time
memory = bytearray(100 * 2**20)
while time.process_time() < 0.3:
    pass
time.sleep(0.5)  # several times as long as between two samples, however busy the machine is
sys.stdout.write(sys.stdin.read().upper())
"""


def python(code: str) -> Command:
    return Command((sys.executable, "-c", code))


def test_the_cost_of_a_pipeline(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("said")
    # The child causes the cost.
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}], check=True)"

    measured = measure(python(parent), python("print(input() + '!')"), folder=tmp_path, source=source)

    first, second = measured.costs
    assert (tmp_path / "output").read_text() == "SAID!\n"
    assert first.cpu_seconds >= 0.3
    assert 100 < first.peak_mb < 200
    assert second.peak_mb < 100
    assert measured.peak_total_mb >= 100
    assert measured.cpu_seconds == first.cpu_seconds + second.cpu_seconds


@pytest.mark.parametrize(
    ("code", "seconds", "problem"),
    [
        ("import sys; sys.exit('no such thing')", 60, "ended with 1: no such thing"),
        (
            "import sys; print('| ERROR | why\\n| INFO | bye', file=sys.stderr); sys.exit(3)",
            60,
            r"ended with 3: \| ERROR \| why ... \| INFO \| bye",
        ),
        ("import time; time.sleep(60)", 0.1, "did not end in time"),
    ],
)
def test_a_pipeline_that_fails_has_no_cost(tmp_path: Path, code: str, seconds: float, problem: str) -> None:
    with pytest.raises(BenchmarkError, match=problem):
        measure(python("pass"), python(code), folder=tmp_path, timeout_seconds=seconds)


def test_growth_is_drawn() -> None:
    result = SectionResult("growth", "Growth", "", "rows")
    for count, cpu_seconds in ((3_000_000, 63.0), (1_000_000, 21.0), (10_000, 2.0)):
        result.get_or_add_row(f"{count:,} rows of 1 KB").samples.append(Sample(cpu_seconds, 1, 187.6, count))
    result.get_or_add_row("one row of 10 MB").samples.append(Sample(1, 1, 400, 1))

    picture = growth_picture(result)

    # Three times the rows and three times the time: on one line with the origin, which is at 60, 220.
    assert '<polyline points="61.0,214.9 160.0,166.7 360.0,60.0"' in picture
    assert re.findall("<text .*>(.*)</text>", picture) == [
        *("CPU seconds", "2", "21", "63", "1,000,000", "3,000,000", "rows of 1 KB"),
        *("peak memory, MB", "188", "188", "188", "1,000,000", "3,000,000", "rows of 1 KB"),
    ]


def test_results_are_kept_and_shown(tmp_path: Path) -> None:
    result = SectionResult("target", "Target", "What to know.", "rows", {"machine": "2 cores"})
    for cpu_seconds in (2.0, 1.0, 4.0):
        result.get_or_add_row("ours", "first load").samples.append(
            Sample(cpu_seconds, 2.345, 187.6, 10_000, {"calls": 3})
        )
    result.get_or_add_row("other").error = "it ended with 1"

    result.save(tmp_path)

    assert load(tmp_path / "target.json") == result
    assert section_text(result).splitlines() == [
        "## Target",
        "",
        "What to know.",
        "",
        "| what | rows | CPU s | rows per CPU s | wall s | peak MB | calls |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| ours, first load | 10,000 | 2 (1 to 4) | 5,000 (2,500 to 10,000) | 2.35 | 188 | 3 |",
        "| other | no figure: it ended with 1 |  |  |  |  |  |",
        "",
        "<sub>machine: 2 cores</sub>",
    ]


def test_figures_that_were_not_measured_again_are_kept(tmp_path: Path) -> None:
    def result(measured: str, **seconds: float) -> SectionResult:
        found = SectionResult("time", "Time", "", "streams", {"measured": measured})
        for title, value in seconds.items():
            found.get_or_add_row(title).samples.append(Sample(value, value, 1, 1, {}))
        return found

    result("Monday", ours=2.0, theirs=9.0).save(tmp_path)
    again = result("Friday", ours=1.0, new=3.0)
    again.keep_others(load(tmp_path / "time.json"))
    assert [(row.title, row.samples[0].wall_seconds) for row in again.rows] == [("ours", 1), ("theirs", 9), ("new", 3)]
    assert again.machine == {"measured": "Friday", "some figures kept from": "Monday"}
