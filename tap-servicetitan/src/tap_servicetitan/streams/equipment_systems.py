"""Equipment systems API: what is installed at the locations."""

from __future__ import annotations

from tap_servicetitan.streams.spec import Answer, StreamSpec

STREAMS = (
    StreamSpec(
        name="equipment_types",
        list_path="/equipmentsystems/v2/tenant/{tenant}/equipment-types",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="installed_equipment",
        list_path="/equipmentsystems/v2/tenant/{tenant}/installed-equipment",
        export_path="/equipmentsystems/v2/tenant/{tenant}/export/installed-equipment",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
        full_pass="list",
    ),
    # The list has pages but cannot be asked for its total. A tenant has a handful of such fields, so the first page has
    # them all. The direction is required even where no field to sort by is given.
    StreamSpec(
        name="installed_equipment_custom_fields",
        list_path="/equipmentsystems/v2/tenant/{tenant}/installed-equipment/custom-field-types",
        answer=Answer.DATA,
        cursor=None,
        query={"page": "1", "pageSize": "5000", "descending": "false"},
    ),
)
