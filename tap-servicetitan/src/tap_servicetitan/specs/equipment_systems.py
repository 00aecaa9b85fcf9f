"""Equipment systems API: installed equipment."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="equipment_types",
        list_path="/equipmentsystems/v2/tenant/{tenant}/equipment-types",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
    StreamSpec(
        name="installed_equipment",
        list_path="/equipmentsystems/v2/tenant/{tenant}/installed-equipment",
        is_freezable=True,
        export_path="/equipmentsystems/v2/tenant/{tenant}/export/installed-equipment",
        query={"active": "Any", "sort": "+Id"},
        full_pass="list",
    ),
    # The sort direction is required even without a sort field.
    StreamSpec(
        name="installed_equipment_custom_fields",
        list_path="/equipmentsystems/v2/tenant/{tenant}/installed-equipment/custom-field-types",
        has_total_count=False,
        cursor=None,
        query={"descending": "false"},
    ),
)
