"""The benchmarks in BigQuery's time: their input, their clock, their picture."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from benchmarks.cases import CASES
from benchmarks.company import NEW, STREAMS, Run, increment, rows_of, snapshot
from benchmarks.report import section_text
from benchmarks.results import SectionResult
from benchmarks.scenario import Sample
from benchmarks.scenarios import fleet
from benchmarks.timelines import Recording, Span, load
from benchmarks.waterfall import waterfall

from benchmarks import timed

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

RECORDING = Recording(
    "two streams",
    "abc1234",
    80.0,
    100.0,
    [
        Span(0.0, 5.0, "tables.insert"),
        Span(5.0, 45.0, "job LOAD"),
        Span(20.0, 60.0, "job LOAD"),
        Span(45.0, 70.0, "job LOAD"),
        Span(60.0, 80.0, "job DML"),
    ],
)


def messages(run: Run, folder: Path) -> list[dict[str, Any]]:
    run.write(folder / "run")
    return [json.loads(line) for line in (folder / "run").read_bytes().splitlines()]


def changes(found: list[dict[str, Any]]) -> dict[tuple[str, int], bool]:
    """Return the rows of a run, and whether each has changed."""
    rows = [(one["stream"], one["record"]) for one in found if one["type"] == "RECORD"]
    return {(stream, record["id"]): record["str_2"] == NEW for stream, record in rows}


def test_a_snapshot_ends_each_stream_after_its_records(tmp_path: Path) -> None:
    found = messages(snapshot(7, STREAMS[:2]), tmp_path)

    kinds = re.sub(r"(R)R+", r"\1", "".join(one["type"][0] + ("T" if one["type"] == "STATE" else "") for one in found))
    assert kinds == "SRASTSRAST"
    assert {one["version"] for one in found if one["type"] in {"RECORD", "ACTIVATE_VERSION"}} == {7}
    assert set(found[-1]["value"]["bookmarks"]) == set(STREAMS[:2])
    assert [len(one["schema"]["properties"]) for one in found if one["type"] == "SCHEMA"] == [20, 20]
    assert not any(changes(found).values())


def test_streams_have_1_to_100_rows() -> None:
    sizes = [rows_of(stream) for stream in STREAMS]
    assert (len(sizes), min(sizes), max(sizes)) == (155, 1, 100)


def test_a_tenth_of_the_rows_change(tmp_path: Path) -> None:
    before = changes(messages(snapshot(1), tmp_path))
    after = changes(messages(snapshot(2, changed=STREAMS[:2]), tmp_path))

    assert set(before) == set(after)
    changed = {row for row, is_changed in after.items() if is_changed}
    assert {stream for stream, _ in changed} == set(STREAMS[:2])
    assert [key for stream, key in changed if stream == STREAMS[0]] == [1]


def test_an_increment_brings_old_and_new_rows_without_a_version(tmp_path: Path) -> None:
    found = messages(increment(STREAMS[:3]), tmp_path)

    assert len([one for one in found if one["type"] == "SCHEMA"]) == 155
    assert not any("version" in one for one in found)
    keys = {key for stream, key in changes(found) if stream == STREAMS[2]}
    assert len(keys) == rows_of(STREAMS[2])
    assert min(keys) <= rows_of(STREAMS[2]) < max(keys)


@pytest.mark.parametrize(
    ("name", "rows", "written"),
    [
        ("first", 7850, 7850),
        ("unchanged", 7850, 0),
        ("changed", 7850, 855),
        ("ten-changed", 7850, 60),
        ("rows", 200_000, 200_000),
    ],
)
def test_what_a_case_leaves_behind(name: str, rows: int, written: int) -> None:
    (case,) = [case for case in CASES if case.name == name]
    tables = case.tables().values()
    assert (sum(table.rows for table in tables), sum(table.written for table in tables)) == (rows, written)


def test_the_clock_stands_still() -> None:
    pauses = [(90.0, 101.0), (105.0, 107.0), (118.0, 130.0)]
    assert timed.seconds_between(100, 120, pauses) == 20 - 1 - 2 - 2
    assert timed.seconds_between(100, 120, []) == 20


def test_a_program_that_is_missing_is_named() -> None:
    command = [sys.executable, "-m", "benchmarks.bigquery_time", "--scenario", "first", "--target", "no/such/target"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("error: argument --target: there is no program no/such/target")


def test_a_fleet_reads_what_the_tap_reads_by_default() -> None:
    assert len(fleet.STREAMS) == 19


def test_a_recording_is_kept(tmp_path: Path) -> None:
    RECORDING.save(tmp_path / "kept" / "first-before.json")
    assert load(tmp_path / "kept" / "first-before.json") == RECORDING


def test_a_run_is_drawn() -> None:
    quick = Recording("two streams", "def5678", 8.0, 10.0, [Span(0.0, 10.0, "jobs.query")])

    picture = waterfall({"before": RECORDING, "after": quick})

    texts = re.findall("<text [^>]*>(.*)</text>", picture)
    assert texts[:6] == ["before", "100 s", "after", "10 s", "before (abc1234): two streams", "load and copy jobs"]
    assert texts[6] == "3, 105 s in all"
    # A second is 7.6 wide, and begins at 190. The third load goes where the first has ended.
    first, third, second = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)", picture)[:3]
    assert [first[0], first[2]] == ["228.0", "304.0"]
    assert [third[0], third[2]] == ["532.0", "190.0"]
    assert [second[0], second[2]] == ["342.0", "304.0"]
    assert first[1] == third[1] != second[1]
    assert "STATE, 80.0 s" in texts
    assert texts.count("calls about tables") == 1  # the other run makes none


def test_a_section_says_which_columns_it_shows() -> None:
    result = SectionResult("time", "Time", "", "streams", columns=["streams", "STATE after s", "polls", "CPU s"])
    result.get_or_add_row("first").samples.append(Sample(2.0, 99, 1, 155, {"STATE after s": 8.5, "calls": 3}))
    result.get_or_add_row("other").error = "it ended with 1"

    assert section_text(result).splitlines()[2:6] == [
        "| what | streams | STATE after s | polls | CPU s |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| first | 155 | 8.5 |  | 2 |",
        "| other | no figure: it ended with 1 |  |  |  |",
    ]
