"""Job booking API."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="call_reasons",
        list_path="/jbce/v2/tenant/{tenant}/call-reasons",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
)
