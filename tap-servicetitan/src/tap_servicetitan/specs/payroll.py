"""Payroll API: hours, rates and pay."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="activity_codes",
        list_path="/payroll/v2/tenant/{tenant}/activity-codes",
        query={"active": "Any"},
        selected=True,
    ),
    # The documents allow an item without `id` (those that come of timesheets), and no other fields are always there
    # and together unique. The list is read whole and an item known by its place, so the table as a whole is right, a
    # single row's history is not. Without a key the changes of the feed could not be put in their places.
    StreamSpec(
        name="gross_pay_items",
        list_path="/payroll/v2/tenant/{tenant}/gross-pay-items",
        key=("position",),
        numbered=True,
    ),
    # The list has inactive splits too, but does not say which ones they are.
    StreamSpec(
        name="job_splits",
        list_path="/payroll/v2/tenant/{tenant}/jobs/splits",
        export_path="/payroll/v2/tenant/{tenant}/export/jobs/splits",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
    # A location has one rate for each type of labor.
    StreamSpec(
        name="location_rates",
        list_path="/payroll/v2/tenant/{tenant}/locations/rates",
        key=("locationId", "laborTypeCode"),
        cursor=None,
        query={"active": "Any"},
    ),
    StreamSpec(
        name="non_job_timesheets",
        list_path="/payroll/v2/tenant/{tenant}/non-job-timesheets",
        changed_since="modifiedOnOrAfter",
        change_order_query={"sort": "+ModifiedOn"},
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
    # No field to sort the list by is documented. That of payroll settings cannot be sorted at all.
    StreamSpec(
        name="payroll_adjustments",
        list_path="/payroll/v2/tenant/{tenant}/payroll-adjustments",
        export_path="/payroll/v2/tenant/{tenant}/export/payroll-adjustments",
        query={"active": "Any"},
    ),
    # Technicians and other employees are asked for under paths of their own, so their numbers may be the same.
    StreamSpec(
        name="payroll_settings",
        list_path="/payroll/v2/tenant/{tenant}/payroll-settings",
        export_path="/payroll/v2/tenant/{tenant}/export/payroll-settings",
        key=("employeeId", "employeeType"),
        query={"active": "Any"},
    ),
    StreamSpec(
        name="payrolls",
        list_path="/payroll/v2/tenant/{tenant}/payrolls",
        changed_since="modifiedOnOrAfter",
        query={"active": "Any"},
    ),
    StreamSpec(
        name="timesheet_codes",
        list_path="/payroll/v2/tenant/{tenant}/timesheet-codes",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
        selected=True,
    ),
    # The timesheets of jobs. Those of other work are non_job_timesheets.
    StreamSpec(
        name="timesheets",
        list_path="/payroll/v2/tenant/{tenant}/jobs/timesheets",
        export_path="/payroll/v2/tenant/{tenant}/export/jobs/timesheets",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
        full_pass="list",
        selected=True,
    ),
)
