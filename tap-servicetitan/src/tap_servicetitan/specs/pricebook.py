"""Pricebook API: services, materials, equipment and their prices."""

from __future__ import annotations

from tap_servicetitan.specs.spec import ResponseFormat, StreamSpec

STREAMS = (
    StreamSpec(
        name="client_specific_pricing",
        list_path="/pricebook/v2/tenant/{tenant}/clientspecificpricing",
        cursor=None,
        query={"active": "Any"},
    ),
    StreamSpec(
        name="discounts_and_fees",
        list_path="/pricebook/v2/tenant/{tenant}/discounts-and-fees",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
    # The list takes no parameters at all, not even a page.
    StreamSpec(
        name="material_cost_types",
        list_path="/pricebook/v2/tenant/{tenant}/materials/costtypes",
        response_format=ResponseFormat.DATA,
        cursor=None,
    ),
    StreamSpec(
        name="materials_markup",
        list_path="/pricebook/v2/tenant/{tenant}/materialsmarkup",
        has_total_count=False,
        cursor=None,
    ),
    StreamSpec(
        name="pricebook_categories",
        list_path="/pricebook/v2/tenant/{tenant}/categories",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
    StreamSpec(
        name="pricebook_equipment",
        list_path="/pricebook/v2/tenant/{tenant}/equipment",
        is_freezable=True,
        export_path="/pricebook/v2/tenant/{tenant}/export/equipment",
        query={"active": "Any", "sort": "+Id"},
        full_pass="list",
    ),
    StreamSpec(
        name="pricebook_materials",
        list_path="/pricebook/v2/tenant/{tenant}/materials",
        is_freezable=True,
        export_path="/pricebook/v2/tenant/{tenant}/export/materials",
        query={"active": "Any", "sort": "+Id"},
        full_pass="list",
    ),
    # The feed lacks two fields of the list, so the list is read in full.
    StreamSpec(
        name="pricebook_services",
        list_path="/pricebook/v2/tenant/{tenant}/services",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
)
