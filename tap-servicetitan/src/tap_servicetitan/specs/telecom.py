"""Telecom API: calls and opt-outs."""

from __future__ import annotations

from tap_servicetitan.specs.spec import ResponseFormat, StreamSpec

STREAMS = (
    StreamSpec(
        name="calls",
        export_path="/telecom/v2/tenant/{tenant}/export/calls",
    ),
    # The same calls as in `calls`, in another form: with job, project and business unit, and the call itself as an
    # object, so the time of change is not a field of the record.
    StreamSpec(
        name="call_details",
        list_path="/telecom/v3/tenant/{tenant}/calls",
        cursor=None,
        query={"active": "Any", "sort": "Id"},
    ),
    StreamSpec(
        name="opt_outs",
        list_path="/telecom/v3/tenant/{tenant}/optinouts/optouts",
        response_format=ResponseFormat.DATA,
        key=("contactNumber", "optOutType"),
        cursor=None,
    ),
)
