"""Job planning and management API: jobs, their appointments and projects, and cost codes."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, ResponseFormat, StreamSpec

STREAMS = (
    StreamSpec(
        name="appointments",
        list_path="/jpm/v2/tenant/{tenant}/appointments",
        is_freezable=True,
        export_path="/jpm/v2/tenant/{tenant}/export/appointments",
        query={"active": "Any", "sort": "+Id"},
        full_pass="list",
    ),
    StreamSpec(
        name="budget_codes",
        list_path="/jpm/v2/tenant/{tenant}/work-breakdown-structure/budget-codes",
        cursor=None,
    ),
    StreamSpec(
        name="job_booked_logs",
        list_path="/jpm/v2/tenant/{tenant}/jobs/{id}/booked-log",
        response_format=ResponseFormat.OBJECT,
        cursor=None,
        parent=Parent(stream="jobs", placeholder="id", field="jobId"),
    ),
    StreamSpec(
        name="job_canceled_logs",
        export_path="/jpm/v2/tenant/{tenant}/export/job-canceled-logs",
        cursor="createdOn",
    ),
    StreamSpec(
        name="job_cancel_reasons",
        list_path="/jpm/v2/tenant/{tenant}/job-cancel-reasons",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
        selected=True,
    ),
    StreamSpec(
        name="job_custom_fields",
        list_path="/jpm/v2/tenant/{tenant}/jobs/custom-fields",
        is_freezable=True,
        query={"sort": "+Id"},
    ),
    # Nothing says that the feed brings the whole history of a job at once. So each entry is a record of its own: parts
    # of one history do not replace each other.
    StreamSpec(
        name="job_history",
        export_path="/jpm/v2/tenant/{tenant}/export/job-history",
        unpack="history",
        key=("jobId", "id"),
        cursor=None,
    ),
    StreamSpec(
        name="job_hold_reasons",
        list_path="/jpm/v2/tenant/{tenant}/job-hold-reasons",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
        selected=True,
    ),
    StreamSpec(
        name="job_notes",
        export_path="/jpm/v2/tenant/{tenant}/export/job-notes",
    ),
    StreamSpec(
        name="job_types",
        list_path="/jpm/v2/tenant/{tenant}/job-types",
        is_freezable=True,
        query={"active": "Any", "orderBy": "id", "orderByDirection": "asc"},
        selected=True,
    ),
    # The list shows only active jobs, without the field `active`. So does the list of projects.
    StreamSpec(
        name="jobs",
        list_path="/jpm/v2/tenant/{tenant}/jobs",
        export_path="/jpm/v2/tenant/{tenant}/export/jobs",
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="project_budget_codes",
        list_path="/jpm/v2/tenant/{tenant}/work-breakdown-structure/projects/{projectId}/budget-codes",
        key=("projectId", "id"),
        cursor=None,
        parent=Parent(stream="projects", placeholder="projectId", field="projectId"),
    ),
    StreamSpec(
        name="project_custom_fields",
        list_path="/jpm/v2/tenant/{tenant}/projects/custom-fields",
        is_freezable=True,
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="project_notes",
        export_path="/jpm/v2/tenant/{tenant}/export/project-notes",
    ),
    StreamSpec(
        name="project_statuses",
        list_path="/jpm/v2/tenant/{tenant}/project-statuses",
        query={"sort": "+Id"},
        selected=True,
    ),
    StreamSpec(
        name="project_substatuses",
        list_path="/jpm/v2/tenant/{tenant}/project-substatuses",
        query={"active": "Any", "sort": "+Id"},
        selected=True,
    ),
    StreamSpec(
        name="project_types",
        list_path="/jpm/v2/tenant/{tenant}/project-types",
        cursor=None,
        selected=True,
    ),
    StreamSpec(
        name="projects",
        list_path="/jpm/v2/tenant/{tenant}/projects",
        record_path="/jpm/v2/tenant/{tenant}/projects/{id}",
        export_path="/jpm/v2/tenant/{tenant}/export/projects",
        query={"sort": "+Id"},
    ),
    # The lists of segments take a page and a size but do not say whether there are more. A tenant has a handful of
    # segments.
    StreamSpec(
        name="work_breakdown_segments",
        list_path="/jpm/v2/tenant/{tenant}/work-breakdown-structure/segments",
        response_format=ResponseFormat.DATA,
        cursor=None,
        query={"page": "1", "pageSize": "5000"},
    ),
    StreamSpec(
        name="work_breakdown_segment_items",
        list_path="/jpm/v2/tenant/{tenant}/work-breakdown-structure/segments/{segmentId}/items",
        key=("segmentId", "id"),
        cursor=None,
        query={"includeChildren": "true"},
        parent=Parent(stream="work_breakdown_segments", placeholder="segmentId", field="segmentId"),
    ),
    StreamSpec(
        name="project_segments",
        list_path="/jpm/v2/tenant/{tenant}/work-breakdown-structure/projects/{projectId}/segments",
        response_format=ResponseFormat.DATA,
        key=("projectId", "id"),
        cursor=None,
        query={"page": "1", "pageSize": "5000"},
        parent=Parent(stream="projects", placeholder="projectId", field="projectId"),
    ),
)
