"""Service agreements API."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="service_agreements",
        list_path="/service-agreements/v2/tenant/{tenant}/service-agreements",
        export_path="/service-agreements/v2/tenant/{tenant}/export/service-agreements",
        query={"sort": "+Id"},
        inactive_is_deleted=True,
    ),
)
