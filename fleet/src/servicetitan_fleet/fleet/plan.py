"""Assigns companies to tasks. All tasks compute the same plan, so they need no communication. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNKNOWN_SECONDS = 600.0
"""Estimate for a company if no company has ever been run."""


def estimate_seconds(company_ids: Sequence[str], last_seconds: Mapping[str, float]) -> dict[str, float]:
    """Estimate how long each company takes: as long as its last run, or the median of the others.

    Args:
        company_ids: The companies.
        last_seconds: Duration of the last run, for companies that have been run.
    """
    known = [last_seconds[company_id] for company_id in company_ids if company_id in last_seconds]
    usual = median(known) if known else UNKNOWN_SECONDS
    return {company_id: last_seconds.get(company_id, usual) for company_id in company_ids}


def assign_to_tasks(expected: Mapping[str, float], count: int) -> list[list[str]]:
    """Assign companies so that all tasks take about as long: longest first, each to the task with the least to do.

    No task gets more than 4/3 of the best possible share (Graham 1969, *Bounds on Multiprocessing Timing Anomalies*).

    Args:
        expected: Estimated seconds by company id.
        count: Number of tasks.

    Returns:
        The company ids of each task, longest first.
    """
    tasks: list[list[str]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for company_id in sorted(expected, key=lambda company_id: (-expected[company_id], company_id)):
        least = min(range(count), key=lambda task: (loads[task], len(tasks[task])))
        tasks[least].append(company_id)
        loads[least] += expected[company_id]
    return tasks
