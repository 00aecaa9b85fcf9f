"""How fast time passes for what BigQuery counts by time: its rate limits, and the age of streamed rows.

Tests send in a second what a run of the real service sends in a minute, because nothing there takes as long. Counted by
the clock on the wall, they would meet limits that no run in production comes near. So the server has an option, and a
project a condition, by which ten seconds of a limit are over sooner. The limits themselves stay as they are.
"""

from __future__ import annotations

from servicetitan_sandbox.bigquery.conditions import conditions_of

_server = {"pace": 1.0}


def set_default(pace: float) -> None:
    """Let time pass so many times faster in all projects without a pace of their own."""
    _server["pace"] = pace


def real_seconds(project: str, seconds: float) -> float:
    """Return how long a period of BigQuery's lasts in a project, in seconds on the wall."""
    return seconds / (conditions_of(project).pace or _server["pace"])
