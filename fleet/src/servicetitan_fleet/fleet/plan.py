"""Assigns companies to tasks, and finds the companies of a task in the registry. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.registry.entries import BadEntry, Entries

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


@dataclass(frozen=True, kw_only=True)
class TaskCompanies:
    """The companies that the plan of the execution gives to a task, as the registry has them now.

    Attributes:
        companies: Those that the task runs, in the order of the plan.
        gone: Why it cannot run the others, by company id.
        refused: The bad entries that it reports.
    """

    companies: list[Company] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)
    refused: list[BadEntry] = field(default_factory=list)


def find_companies(tasks: Sequence[Sequence[str]], task: int, entries: Entries, only: Sequence[str]) -> TaskCompanies:
    """Find a task's companies in the registry, which may have changed since the plan was made.

    A bad entry is reported by the task that has its company in the plan, and if none has, by the first one.

    Args:
        tasks: The company ids of each task.
        task: The number of the task.
        entries: All entries of the registry.
        only: Companies that run even if they are disabled; without any, all run that are enabled.
    """
    by_id = {company.company_id: company for company in entries.companies}
    elsewhere = {company_id for number, others in enumerate(tasks) if number != task for company_id in others}
    bad = [entry for entry in entries.bad if entry.company_id in only or (entry.enabled and not only)]
    found = TaskCompanies(
        refused=[
            entry
            for entry in bad
            if entry.company_id in tasks[task] or (task == 0 and entry.company_id not in elsewhere)
        ]
    )
    reported = {entry.company_id for entry in bad}
    for company_id in tasks[task]:
        if company_id in reported:
            continue
        company = by_id.get(company_id)
        if company is None:
            found.gone[company_id] = "not in the registry any more"
        elif not company.enabled and company_id not in only:
            found.gone[company_id] = "disabled in the registry since the execution began"
        else:
            found.companies.append(company)
    return found
