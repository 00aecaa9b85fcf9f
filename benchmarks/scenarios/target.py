"""The target beside others: a first load, the same input again, and a lower bound."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import BenchmarkError, Command, measure
from benchmarks.scenario import Sample, Scenario, Section
from benchmarks.shapes import EXACT, FLAT, NARROW, NESTED, ROWS, WIDE, Shape
from benchmarks.targets import OURS, PIPELINEWISE, Z3_LOADS, Z3_STREAMS, Target, program, write_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.lab import Lab

TEXT = """
On the emulator alone, which answers at once: compare CPU seconds, and see above for what a user waits for. Each target
reads a file of Singer messages into the local BigQuery: first into an empty project, then the same file
once more. *Rows written* are those that the table says were written in that run. Each target is installed in an
environment of its own, with nothing in it that it does not need.

- Shapes: *rows* has 30 columns and 1 KB (27 scalars, two objects, an array of objects), *flat* 30 scalars and 1 KB,
  *narrow* 5 columns and 0.1 KB, *wide* 200 columns and 5 KB, *nested* 5 columns with objects and arrays three levels
  deep, *exact* 25 columns, most of them decimals, dates and times.
- z3-target-bigquery 0.7.2 is set to `denormalized` (a column for each property) and `upsert`; with load jobs, of 50,000
  rows because each job has a price, and with the Storage API, which is its default. Its gzip is a process of its own,
  and counted.
- pipelinewise-target-bigquery 1.5.0 has its default settings and `add_metadata_columns`. It is slow and gets fewer
  rows: compare its rows per CPU second.
- Both are started by `rivals/start.py`, which leads Google's client to the local BigQuery without credentials, and
  unpacks what is loaded, because the local BigQuery takes no gzip. That is counted, and a small part of the whole.
- What is not here: pipelinewise-target-bigquery with *rows* and *nested*, because numbers inside of objects and arrays
  end it (`ValueError: ... do not match ['null', {'type': 'record' ...`); z3-target-bigquery's Storage API with anything
  but *flat* and *narrow*, because its appends of *rows* fail in the local BigQuery, and it then waits without an end.
- The *floor* does what every target that loads files must do: `orjson.loads`, `orjson.dumps`, and gzip at its fastest
  level, of the same bytes. The null target is the SDK's with a sink that drops its records; by default it checks each
  against its schema.
"""


def _twice(lab: Lab, target: Target, shape: Shape, count: int) -> Iterator[Sample]:
    source = lab.write_singer_file(shape, count)
    with lab.create_project() as project:
        yield target.run(lab, project, source, "first load")
        yield target.run(lab, project, source, "the same again")


def _floor(lab: Lab, shape: Shape, count: int) -> Iterator[Sample]:
    yield _drain(lab, program("floor"), shape, count)


def _null(lab: Lab, shape: Shape, count: int, *, validate: bool) -> Iterator[Sample]:
    with lab.create_folder() as folder:
        config = write_config(folder, validate_records=validate)
        yield _drain(lab, program("null_target", "--config", config), shape, count)


def _drain(lab: Lab, command: Command, shape: Shape, count: int) -> Sample:
    """Feed a file to a program whose last line of output says how far it read: a number, or a STATE."""
    source = lab.write_singer_file(shape, count)
    with lab.create_folder() as folder:
        measured = measure(command, folder=folder, source=source.path)
        position = json.loads((folder / "output").read_text().splitlines()[-1])
    read = position if isinstance(position, int) else position["bookmarks"][source.streams[0]]
    if read != source.rows:
        raise BenchmarkError(f"it read {read:,} of {source.rows:,} rows")
    return Sample.of(measured, source.rows)


def _of_shape(shape: Shape, count: int, *, few: int = 0, streams: bool = False) -> tuple[Scenario, ...]:
    """Return the scenarios of a shape: the target, the others, the floor.

    Args:
        shape: The shape.
        count: How many rows.
        few: How many of them pipelinewise-target-bigquery gets, if it can take them.
        streams: Whether z3-target-bigquery's Storage API can take them.
    """
    others = [(Z3_LOADS, count)]
    if streams:
        others.append((Z3_STREAMS, count))
    if few:
        others.append((PIPELINEWISE, few))
    return (
        Scenario(f"{shape.name}: floor", partial(_floor, shape=shape, count=count)),
        Scenario(f"{shape.name}: {OURS.name}", partial(_twice, target=OURS, shape=shape, count=count)),
        *(
            Scenario(f"{shape.name}: {target.name}", partial(_twice, target=target, shape=shape, count=rows))
            for target, rows in others
        ),
    )


SECTION = Section(
    "target",
    "Target on the emulator alone: the same rows, several targets",
    TEXT,
    (
        *_of_shape(ROWS, 200_000),
        Scenario("rows: SDK null target", partial(_null, shape=ROWS, count=20_000, validate=True)),
        Scenario(
            "rows: SDK null target, no validation",
            partial(_null, shape=ROWS, count=100_000, validate=False),
        ),
        *_of_shape(FLAT, 100_000, few=10_000, streams=True),
        *_of_shape(NARROW, 100_000, few=10_000, streams=True),
        *_of_shape(WIDE, 20_000, few=2_000),
        *_of_shape(NESTED, 100_000),
        *_of_shape(EXACT, 100_000, few=10_000),
    ),
)
