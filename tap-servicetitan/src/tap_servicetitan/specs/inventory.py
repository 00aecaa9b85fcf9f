"""Inventory API: purchases, stock and warehouses."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="inventory_adjustments",
        list_path="/inventory/v2/tenant/{tenant}/adjustments",
        is_freezable=True,
        export_path="/inventory/v2/tenant/{tenant}/export/adjustments",
        query={"active": "Any", "sort": "+Id"},
        full_pass="list",
    ),
    StreamSpec(
        name="inventory_receipts",
        list_path="/inventory/v2/tenant/{tenant}/receipts",
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"active": "Any", "sort": "+Id"},
    ),
    StreamSpec(
        name="inventory_returns",
        list_path="/inventory/v2/tenant/{tenant}/returns",
        is_freezable=True,
        export_path="/inventory/v2/tenant/{tenant}/export/returns",
        query={"active": "Any", "sort": "+Id"},
        full_pass="list",
    ),
    StreamSpec(
        name="inventory_templates",
        list_path="/inventory/v2/tenant/{tenant}/inventory-templates",
        is_freezable=True,
        query={"active": "Any"},
    ),
    # The records have the field `active`, but the list cannot be asked for inactive ones.
    StreamSpec(
        name="inventory_transfers",
        list_path="/inventory/v2/tenant/{tenant}/transfers",
        export_path="/inventory/v2/tenant/{tenant}/export/transfers",
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="purchase_order_markups",
        list_path="/inventory/v2/tenant/{tenant}/purchase-order-markups",
        is_freezable=True,
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="purchase_order_requests",
        list_path="/inventory/v2/tenant/{tenant}/purchase-orders/requests",
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="purchase_order_types",
        list_path="/inventory/v2/tenant/{tenant}/purchase-order-types",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
    StreamSpec(
        name="purchase_orders",
        list_path="/inventory/v2/tenant/{tenant}/purchase-orders",
        is_freezable=True,
        export_path="/inventory/v2/tenant/{tenant}/export/purchase-orders",
        query={"sort": "+Id"},
        full_pass="list",
    ),
    StreamSpec(
        name="return_types",
        list_path="/inventory/v2/tenant/{tenant}/return-types",
        is_freezable=True,
        query={"activeOnly": "false"},
    ),
    StreamSpec(
        name="trucks",
        list_path="/inventory/v2/tenant/{tenant}/trucks",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
    StreamSpec(
        name="vendor_custom_fields",
        list_path="/inventory/v2/tenant/{tenant}/vendors/custom-fields",
        is_freezable=True,
    ),
    StreamSpec(
        name="vendors",
        list_path="/inventory/v2/tenant/{tenant}/vendors",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
    StreamSpec(
        name="warehouses",
        list_path="/inventory/v2/tenant/{tenant}/warehouses",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
)
