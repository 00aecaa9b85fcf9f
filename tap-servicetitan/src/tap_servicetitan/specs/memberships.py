"""Memberships API: memberships and their recurring services."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, ResponseFormat, StreamSpec

STREAMS = (
    StreamSpec(
        name="invoice_templates",
        export_path="/memberships/v2/tenant/{tenant}/export/invoice-templates",
    ),
    StreamSpec(
        name="membership_custom_fields",
        list_path="/memberships/v2/tenant/{tenant}/memberships/custom-fields",
        is_freezable=True,
    ),
    StreamSpec(
        name="membership_status_changes",
        export_path="/memberships/v2/tenant/{tenant}/export/membership-status-changes",
        cursor="createdOn",
    ),
    StreamSpec(
        name="membership_type_discounts",
        list_path="/memberships/v2/tenant/{tenant}/membership-types/{id}/discounts",
        response_format=ResponseFormat.ARRAY,
        key=("membershipTypeId", "id"),
        cursor=None,
        parent=Parent(stream="membership_types", placeholder="id", field="membershipTypeId"),
    ),
    StreamSpec(
        name="membership_type_duration_billing_items",
        list_path="/memberships/v2/tenant/{tenant}/membership-types/{id}/duration-billing-items",
        response_format=ResponseFormat.ARRAY,
        key=("membershipTypeId", "id"),
        cursor=None,
        query={"active": "Any"},
        parent=Parent(stream="membership_types", placeholder="id", field="membershipTypeId"),
    ),
    StreamSpec(
        name="membership_type_recurring_service_items",
        list_path="/memberships/v2/tenant/{tenant}/membership-types/{id}/recurring-service-items",
        response_format=ResponseFormat.ARRAY,
        key=("membershipTypeId", "id"),
        cursor=None,
        parent=Parent(stream="membership_types", placeholder="id", field="membershipTypeId"),
    ),
    StreamSpec(
        name="membership_types",
        list_path="/memberships/v2/tenant/{tenant}/membership-types",
        takes_ids=True,
        is_freezable=True,
        query={
            "active": "Any",
            "includeDurationBilling": "true",
            "includeDiscounts": "true",
            "includeRecurringServices": "true",
            "includeTags": "true",
        },
    ),
    # No sort field is documented.
    StreamSpec(
        name="memberships",
        list_path="/memberships/v2/tenant/{tenant}/memberships",
        export_path="/memberships/v2/tenant/{tenant}/export/memberships",
        query={"active": "Any"},
    ),
    StreamSpec(
        name="recurring_service_events",
        list_path="/memberships/v2/tenant/{tenant}/recurring-service-events",
        export_path="/memberships/v2/tenant/{tenant}/export/recurring-service-events",
        inactive_is_deleted=True,
    ),
    StreamSpec(
        name="recurring_service_types",
        list_path="/memberships/v2/tenant/{tenant}/recurring-service-types",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
    # No sort field is documented.
    StreamSpec(
        name="recurring_services",
        list_path="/memberships/v2/tenant/{tenant}/recurring-services",
        export_path="/memberships/v2/tenant/{tenant}/export/recurring-services",
        query={"active": "Any", "includeTechnicians": "true"},
    ),
)
