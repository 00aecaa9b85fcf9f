"""What a user waits for, from the results of the benchmarks in BigQuery's time."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results"
OURS = "target-bigquery-softdelete"
FACTS = ("STATE after s", "end after s", "calls", "GB billed")


def rows(results: Path = RESULTS) -> list[list[str]]:
    """Return a row for each measured run: what ran, and the medians of `FACTS` as texts.

    Args:
        results: Folder of the raw results.
    """
    section = json.loads((results / "time.json").read_text("utf-8"))
    return [[_what(row["title"]), *_cells(row)] for row in section["rows"]]


def _what(title: str) -> str:
    """Return what ran; the target's name is left out when it is ours."""
    return title.removesuffix(f": {OURS}")


def _cells(row: dict[str, Any]) -> list[str]:
    if row["error"]:
        return [f"no figure: {row['error']}", *[""] * (len(FACTS) - 1)]
    state, end, calls, billed = (median(sample["facts"][name] for sample in row["samples"]) for name in FACTS)
    return [seconds(state), seconds(end), f"{calls:,.0f}", f"{billed:.2f} GB"]


def seconds(value: float) -> str:
    """Return a period as text: seconds, or minutes and seconds from two minutes on."""
    if value < 120:  # noqa: PLR2004 - shorter ones are easier to compare in seconds
        return f"{value:.1f} s" if value < 60 else f"{value:.0f} s"  # noqa: PLR2004
    return f"{int(value) // 60} min {int(value) % 60} s"
