"""Payroll API: hours, rates and pay."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="activity_codes",
        list_path="/payroll/v2/tenant/{tenant}/activity-codes",
        is_freezable=True,
        query={"active": "Any"},
        selected=True,
    ),
    # The documents allow an item without `id` (those from timesheets), and no other fields are always present and
    # unique together. The list is read in full and its position identifies an item, so the table as a whole is right,
    # the history of a single row is not. One company had 906 MB of them, and large pages did not come:
    # https://github.com/hbenda-pph/etl_servicetitan. Without a key, the changes of the feed could not be applied.
    StreamSpec(
        name="gross_pay_items",
        list_path="/payroll/v2/tenant/{tenant}/gross-pay-items",
        most_per_page=1000,
        key=("position",),
        numbered=True,
    ),
    # The list has inactive splits, too, but does not say which splits are inactive.
    StreamSpec(
        name="job_splits",
        list_path="/payroll/v2/tenant/{tenant}/jobs/splits",
        export_path="/payroll/v2/tenant/{tenant}/export/jobs/splits",
        query={"active": "Any", "sort": "+Id"},
    ),
    # A location has one rate for each type of labor.
    StreamSpec(
        name="location_rates",
        list_path="/payroll/v2/tenant/{tenant}/locations/rates",
        is_freezable=True,
        key=("locationId", "laborTypeCode"),
        cursor=None,
        query={"active": "Any"},
    ),
    StreamSpec(
        name="non_job_timesheets",
        list_path="/payroll/v2/tenant/{tenant}/non-job-timesheets",
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"active": "Any", "sort": "+Id"},
    ),
    # No sort field is documented. The list of payroll settings cannot be sorted at all.
    StreamSpec(
        name="payroll_adjustments",
        list_path="/payroll/v2/tenant/{tenant}/payroll-adjustments",
        export_path="/payroll/v2/tenant/{tenant}/export/payroll-adjustments",
        query={"active": "Any"},
    ),
    # Technicians and other employees have separate paths, so their ids may be the same.
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
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"active": "Any"},
    ),
    StreamSpec(
        name="timesheet_codes",
        list_path="/payroll/v2/tenant/{tenant}/timesheet-codes",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
        selected=True,
    ),
    # The timesheets of jobs. Other work is in non_job_timesheets.
    StreamSpec(
        name="timesheets",
        list_path="/payroll/v2/tenant/{tenant}/jobs/timesheets",
        is_freezable=True,
        export_path="/payroll/v2/tenant/{tenant}/export/jobs/timesheets",
        query={"active": "Any", "sort": "+Id"},
        full_pass="list",
        selected=True,
    ),
)
