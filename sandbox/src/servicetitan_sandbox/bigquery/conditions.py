"""The conditions that a test sets for a project, such as failing jobs. A project without any is an ordinary one."""

from __future__ import annotations

import threading

from servicetitan_sandbox.models import ProjectConditions

_lock = threading.Lock()
_by_project: dict[str, ProjectConditions] = {}


def conditions_of(project: str) -> ProjectConditions:
    """Return the conditions of a project."""
    return _by_project.get(project) or ProjectConditions()


def change(project: str, **values: object) -> ProjectConditions:
    """Change some conditions of a project, and return all of them."""
    with _lock:
        changed = ProjectConditions.model_validate({**conditions_of(project).model_dump(), **values})
        _by_project[project] = changed
        return changed
