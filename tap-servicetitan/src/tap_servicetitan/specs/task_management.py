"""Task management API."""

from __future__ import annotations

from tap_servicetitan.specs.spec import ResponseFormat, StreamSpec

_DATA = "/taskmanagement/v2/tenant/{tenant}/data"

STREAMS = (
    StreamSpec(
        name="task_resolutions",
        list_path=_DATA,
        response_format=ResponseFormat.DATA,
        data_field="taskResolutions",
        cursor=None,
    ),
    StreamSpec(
        name="task_sources",
        list_path=_DATA,
        response_format=ResponseFormat.DATA,
        data_field="taskSources",
        cursor=None,
    ),
    StreamSpec(
        name="task_types",
        list_path=_DATA,
        response_format=ResponseFormat.DATA,
        data_field="taskTypes",
        cursor=None,
    ),
    # A task that has never changed may lack a time of change, so the list is read in full: a filter by change would
    # miss it.
    StreamSpec(
        name="tasks",
        list_path="/taskmanagement/v2/tenant/{tenant}/tasks",
        is_freezable=True,
        query={"active": "Any", "includeSubtasks": "true", "sort": "+Id"},
    ),
)
