"""Who runs which company: the same answer in every task, without a word between them. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNKNOWN_SECONDS = 600.0
"""What a company is taken to need when no company has ever been run."""


def expected_seconds(company_ids: Sequence[str], last_seconds: Mapping[str, float]) -> dict[str, float]:
    """Return what each company will need: what it needed the last time, or the median of the others.

    Args:
        company_ids: The companies.
        last_seconds: What those needed that have been run.
    """
    known = [last_seconds[one] for one in company_ids if one in last_seconds]
    usual = median(known) if known else UNKNOWN_SECONDS
    return {one: last_seconds.get(one, usual) for one in company_ids}


def shards(expected: Mapping[str, float], count: int) -> list[list[str]]:
    """Share out the companies, so that all tasks take about as long: the longest first, each to who has least to do.

    No task gets more than 4/3 of the best possible share (Graham 1969, *Bounds on Multiprocessing Timing Anomalies*).

    Args:
        expected: Seconds that each company needs, by id.
        count: Number of tasks.

    Returns:
        The companies of each task, the longest first.
    """
    tasks: list[list[str]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for company_id in sorted(expected, key=lambda one: (-expected[one], one)):
        least = min(range(count), key=lambda task: (loads[task], len(tasks[task])))
        tasks[least].append(company_id)
        loads[least] += expected[company_id]
    return tasks
