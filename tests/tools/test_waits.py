"""The documents show the medians of what the benchmarks measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import waits

if TYPE_CHECKING:
    from pathlib import Path


def sample(state: float, end: float, calls: int, billed: float) -> dict[str, object]:
    return {"facts": {"STATE after s": state, "end after s": end, "calls": calls, "GB billed": billed}}


def test_a_row_for_each_run(tmp_path: Path) -> None:
    rows = [
        {
            "title": "again: target-bigquery-softdelete",
            "error": "",
            "samples": [sample(8, 9.04, 12, 0.02), sample(9, 11, 14, 0.02), sample(7, 8, 12, 0.03)],
        },
        {"title": "first: other-target", "error": "", "samples": [sample(65.2, 531.8, 1181, 3.251)]},
        {"title": "again: other-target", "error": "it ended with 1", "samples": []},
    ]
    (tmp_path / "time.json").write_text(json.dumps({"rows": rows}))

    assert waits.rows(tmp_path) == [
        ["again", "8.0 s", "9.0 s", "12", "0.02 GB"],
        ["first: other-target", "65 s", "8 min 51 s", "1,181", "3.25 GB"],
        ["again: other-target", "no figure: it ended with 1", "", "", ""],
    ]
