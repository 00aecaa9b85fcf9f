"""Dispatch API: assignments, teams, shifts and zones."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    # The only feed that is documented to omit inactive records by default.
    StreamSpec(
        name="appointment_assignments",
        list_path="/dispatch/v2/tenant/{tenant}/appointment-assignments",
        export_path="/dispatch/v2/tenant/{tenant}/export/appointment-assignments",
        query={"active": "Any", "sort": "+Id"},
        export_query={"active": "Any"},
        sorted_by_key=True,
        full_pass="list",
    ),
    StreamSpec(
        name="arrival_windows",
        list_path="/dispatch/v2/tenant/{tenant}/arrival-windows",
        cursor=None,
        query={"active": "Any"},
    ),
    StreamSpec(
        name="non_job_appointments",
        list_path="/dispatch/v2/tenant/{tenant}/non-job-appointments",
        changed_since="modifiedOnOrAfter",
        change_order_query={"sort": "+ModifiedOn"},
        query={"activeOnly": "false", "sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="teams",
        list_path="/dispatch/v2/tenant/{tenant}/teams",
        query={"includeInactive": "true", "sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="technician_shifts",
        list_path="/dispatch/v2/tenant/{tenant}/technician-shifts",
        changed_since="modifiedOnOrAfter",
        change_order_query={"sort": "+ModifiedOn"},
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="technician_skills",
        list_path="/dispatch/v2/tenant/{tenant}/technician-skills",
        query={"active": "Any", "sort": "+Id"},
    ),
    StreamSpec(
        name="zones",
        list_path="/dispatch/v2/tenant/{tenant}/zones",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
)
