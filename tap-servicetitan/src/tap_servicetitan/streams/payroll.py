"""Payroll API."""

from __future__ import annotations

from tap_servicetitan.streams.spec import StreamSpec

STREAMS = (
    # The timesheets of jobs; those of other work are another list of the same API.
    StreamSpec(
        name="timesheets",
        list_path="/payroll/v2/tenant/{tenant}/jobs/timesheets",
        export_path="/payroll/v2/tenant/{tenant}/export/jobs/timesheets",
        selected=True,
    ),
)
