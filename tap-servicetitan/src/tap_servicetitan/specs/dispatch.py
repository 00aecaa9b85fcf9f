"""Dispatch API: assignments, capacity, teams, shifts and zones."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Period, ResponseFormat, StreamSpec

STREAMS = (
    # The only feed that is documented to omit inactive records by default.
    StreamSpec(
        name="appointment_assignments",
        list_path="/dispatch/v2/tenant/{tenant}/appointment-assignments",
        is_freezable=True,
        export_path="/dispatch/v2/tenant/{tenant}/export/appointment-assignments",
        query={"active": "Any", "sort": "+Id"},
        export_query={"active": "Any"},
        full_pass="list",
    ),
    StreamSpec(
        name="arrival_windows",
        list_path="/dispatch/v2/tenant/{tenant}/arrival-windows",
        cursor=None,
        query={"active": "Any"},
    ),
    StreamSpec(
        name="business_hours",
        list_path="/dispatch/v2/tenant/{tenant}/business-hours",
        response_format=ResponseFormat.OBJECT,
        key=("position",),
        numbered=True,
        cursor=None,
    ),
    # A time frame is there once for each set of business units.
    StreamSpec(
        name="capacity",
        list_path="/dispatch/v2/tenant/{tenant}/capacity",
        response_format=ResponseFormat.DATA,
        data_field="availabilities",
        body={"skillBasedAvailability": False},
        period=Period(first="startsOnOrAfter", end="endsOnOrBefore", is_ahead=True),
        key=("date", "position"),
        numbered=True,
        cursor=None,
    ),
    StreamSpec(
        name="non_job_appointments",
        list_path="/dispatch/v2/tenant/{tenant}/non-job-appointments",
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"activeOnly": "false", "sort": "+Id"},
    ),
    StreamSpec(
        name="teams",
        list_path="/dispatch/v2/tenant/{tenant}/teams",
        is_freezable=True,
        query={"includeInactive": "true", "sort": "+Id"},
    ),
    StreamSpec(
        name="technician_shifts",
        list_path="/dispatch/v2/tenant/{tenant}/technician-shifts",
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"active": "Any", "sort": "+Id"},
    ),
    StreamSpec(
        name="technician_skills",
        list_path="/dispatch/v2/tenant/{tenant}/technician-skills",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
    StreamSpec(
        name="zones",
        list_path="/dispatch/v2/tenant/{tenant}/zones",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
)
