"""Inventory API: purchases, stock and warehouses."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

STREAMS = (
    StreamSpec(
        name="inventory_adjustments",
        list_path="/inventory/v2/tenant/{tenant}/adjustments",
        export_path="/inventory/v2/tenant/{tenant}/export/adjustments",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
        full_pass="list",
    ),
    StreamSpec(
        name="inventory_receipts",
        list_path="/inventory/v2/tenant/{tenant}/receipts",
        changed_since="modifiedOnOrAfter",
        change_order_query={"sort": "+ModifiedOn"},
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="inventory_returns",
        list_path="/inventory/v2/tenant/{tenant}/returns",
        export_path="/inventory/v2/tenant/{tenant}/export/returns",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
        full_pass="list",
    ),
    StreamSpec(
        name="inventory_templates",
        list_path="/inventory/v2/tenant/{tenant}/inventory-templates",
        query={"active": "Any"},
    ),
    # The records have the field `active`, but the list cannot be asked for inactive ones.
    StreamSpec(
        name="inventory_transfers",
        list_path="/inventory/v2/tenant/{tenant}/transfers",
        export_path="/inventory/v2/tenant/{tenant}/export/transfers",
        query={"sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="purchase_order_markups",
        list_path="/inventory/v2/tenant/{tenant}/purchase-order-markups",
        query={"sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="purchase_order_requests",
        list_path="/inventory/v2/tenant/{tenant}/purchase-orders/requests",
        changed_since="modifiedOnOrAfter",
        change_order_query={"sort": "+ModifiedOn"},
        query={"sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="purchase_order_types",
        list_path="/inventory/v2/tenant/{tenant}/purchase-order-types",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="purchase_orders",
        list_path="/inventory/v2/tenant/{tenant}/purchase-orders",
        export_path="/inventory/v2/tenant/{tenant}/export/purchase-orders",
        query={"sort": "+Id"},
        sorted_by_key=True,
        full_pass="list",
    ),
    StreamSpec(
        name="return_types",
        list_path="/inventory/v2/tenant/{tenant}/return-types",
        query={"activeOnly": "false"},
    ),
    StreamSpec(
        name="trucks",
        list_path="/inventory/v2/tenant/{tenant}/trucks",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="vendor_custom_fields",
        list_path="/inventory/v2/tenant/{tenant}/vendors/custom-fields",
    ),
    StreamSpec(
        name="vendors",
        list_path="/inventory/v2/tenant/{tenant}/vendors",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
    StreamSpec(
        name="warehouses",
        list_path="/inventory/v2/tenant/{tenant}/warehouses",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
)
