"""A client of the local BigQuery's control API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import requests

from servicetitan_sandbox.errors import ControlError

_TIMEOUT_SECONDS = 60


def set_conditions(api_endpoint: str, project: str, **values: Any) -> None:  # noqa: ANN401 - JSON is any of its types
    """Change some conditions of a project: the fields of :class:`~servicetitan_sandbox.models.ProjectConditions`.

    Args:
        api_endpoint: Base URL of the local BigQuery.
        project: The project, which need not exist.
        values: The conditions that change.

    Raises:
        ControlError: If the server refuses them.
    """
    response = requests.patch(f"{api_endpoint}/control/projects/{project}", json=values, timeout=_TIMEOUT_SECONDS)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        raise ControlError(f"{project}: {response.status_code} {response.text}")


def read_stats(api_endpoint: str) -> dict[str, Any]:
    """Return what the local BigQuery has seen: calls by kind, jobs by kind, connections, and more.

    Args:
        api_endpoint: Base URL of the local BigQuery.
    """
    stats: dict[str, Any] = requests.get(f"{api_endpoint}/control/stats", timeout=_TIMEOUT_SECONDS).json()
    return stats


def reset_stats(api_endpoint: str) -> None:
    """Let the local BigQuery begin to count anew.

    Args:
        api_endpoint: Base URL of the local BigQuery.
    """
    requests.post(f"{api_endpoint}/control/stats/reset", timeout=_TIMEOUT_SECONDS)


def read_timeline(api_endpoint: str) -> list[dict[str, Any]]:
    """Return the calls and jobs that the local BigQuery has seen: `start`, `end`, `kind` and `detail`.

    Args:
        api_endpoint: Base URL of the local BigQuery.
    """
    timeline: list[dict[str, Any]] = requests.get(f"{api_endpoint}/control/timeline", timeout=_TIMEOUT_SECONDS).json()
    return timeline


def set_latency(api_endpoint: str, scale: float, seed: int = 1) -> None:
    """Let calls and jobs of the local BigQuery take their time from now on.

    Args:
        api_endpoint: Base URL of the local BigQuery.
        scale: How many times as long as in BigQuery, as far as is known; 0 for no wait.
        seed: What the times are drawn by, from the first on.

    Raises:
        ControlError: If the server refuses it.
    """
    values = {"scale": scale, "seed": seed}
    response = requests.put(f"{api_endpoint}/control/latency", json=values, timeout=_TIMEOUT_SECONDS)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        raise ControlError(f"latency {scale}: {response.status_code} {response.text}")
