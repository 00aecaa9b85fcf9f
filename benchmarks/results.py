"""Raw results: one JSON file for each section, so that a section can be measured again by itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.scenario import Sample

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Row:
    """All samples of one step of one scenario, or why there are none."""

    title: str
    step: str = ""
    samples: list[Sample] = field(default_factory=list)
    error: str = ""


@dataclass
class SectionResult:
    """The results of a section.

    Attributes:
        name: Name of the section.
        title: Its heading.
        text: Explanation for readers.
        unit: The unit of `Sample.count`.
        machine: Facts about the machine and the programs on it, by name.
        rows: The figures.
        columns: The columns of the table; all if empty.
    """

    name: str
    title: str
    text: str
    unit: str
    machine: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    def get_or_add_row(self, title: str, step: str = "") -> Row:
        """Return the row of a scenario's step. Add it if there is none."""
        for row in self.rows:
            if (row.title, row.step) == (title, step):
                return row
        self.rows.append(Row(title, step))
        return self.rows[-1]

    def keep_others(self, saved: SectionResult) -> None:
        """Take over the rows of an earlier measurement that this one lacks, in its order."""
        own = {(row.title, row.step): row for row in self.rows}
        kept = [own.pop((row.title, row.step), row) for row in saved.rows]
        if any(row not in self.rows for row in kept):
            self.machine["some figures kept from"] = saved.machine.get("measured", "an earlier time")
        self.rows = [*kept, *own.values()]

    def save(self, folder: Path) -> None:
        """Write the result to `<name>.json`."""
        folder.mkdir(exist_ok=True)
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        (folder / f"{self.name}.json").write_bytes(orjson.dumps(asdict(self), option=options))


def load(path: Path) -> SectionResult:
    """Read what `SectionResult.save` wrote."""
    raw: dict[str, Any] = orjson.loads(path.read_bytes())
    rows = [Row(**{**row, "samples": [Sample(**sample) for sample in row["samples"]]}) for row in raw.pop("rows")]
    return SectionResult(**raw, rows=rows)
