"""CRM API: customers, locations, leads, bookings and contacts."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, ResponseFormat, StreamSpec

STREAMS = (
    StreamSpec(
        name="booking_provider_tags",
        list_path="/crm/v2/tenant/{tenant}/booking-provider-tags",
        query={"sort": "+Id"},
    ),
    # The list shows only active bookings, without the field `active`. The same holds for leads and for the contacts of
    # customers and locations.
    StreamSpec(
        name="bookings",
        list_path="/crm/v2/tenant/{tenant}/bookings",
        record_path="/crm/v2/tenant/{tenant}/bookings/{id}",
        export_path="/crm/v2/tenant/{tenant}/export/bookings",
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="booking_contacts",
        list_path="/crm/v2/tenant/{tenant}/bookings/{id}/contacts",
        key=("bookingId", "id"),
        parent=Parent(stream="bookings", placeholder="id", field="bookingId"),
    ),
    # Without `isArchived`, the list has archived contacts, too. The keys are UUIDs, and their order is not documented.
    StreamSpec(
        name="contacts",
        list_path="/crm/v2/tenant/{tenant}/contacts",
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="contact_methods",
        list_path="/crm/v2/tenant/{tenant}/contacts/contact-methods",
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="contact_preference_types",
        list_path="/crm/v2/tenant/{tenant}/contacts/preferences",
        response_format=ResponseFormat.ARRAY,
        cursor=None,
    ),
    StreamSpec(
        name="contact_relationships",
        list_path="/crm/v2/tenant/{tenant}/contacts/{contactId}/relationships",
        key=("contactId", "id"),
        cursor=None,
        query={"sort": "+Id"},
        parent=Parent(stream="contacts", placeholder="contactId", field="contactId"),
    ),
    StreamSpec(
        name="customers",
        list_path="/crm/v2/tenant/{tenant}/customers",
        takes_ids=True,
        is_freezable=True,
        export_path="/crm/v2/tenant/{tenant}/export/customers",
        query={"active": "Any", "sort": "+Id"},
        full_pass="list",
    ),
    StreamSpec(
        name="customer_contacts",
        list_path="/crm/v2/tenant/{tenant}/customers/contacts",
        export_path="/crm/v2/tenant/{tenant}/export/customers/contacts",
    ),
    StreamSpec(
        name="customer_custom_fields",
        list_path="/crm/v2/tenant/{tenant}/customers/custom-fields",
        is_freezable=True,
    ),
    StreamSpec(
        name="customer_notes",
        list_path="/crm/v2/tenant/{tenant}/customers/{id}/notes",
        key=("customerId", "id"),
        parent=Parent(stream="customers", placeholder="id", field="customerId"),
    ),
    StreamSpec(
        name="leads",
        list_path="/crm/v2/tenant/{tenant}/leads",
        record_path="/crm/v2/tenant/{tenant}/leads/{id}",
        export_path="/crm/v2/tenant/{tenant}/export/leads",
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="lead_notes",
        list_path="/crm/v2/tenant/{tenant}/leads/{id}/notes",
        key=("leadId", "id"),
        parent=Parent(stream="leads", placeholder="id", field="leadId"),
    ),
    StreamSpec(
        name="locations",
        list_path="/crm/v2/tenant/{tenant}/locations",
        takes_ids=True,
        is_freezable=True,
        export_path="/crm/v2/tenant/{tenant}/export/locations",
        query={"active": "Any", "sort": "+Id"},
        full_pass="list",
    ),
    StreamSpec(
        name="location_contacts",
        list_path="/crm/v2/tenant/{tenant}/locations/contacts",
        export_path="/crm/v2/tenant/{tenant}/export/locations/contacts",
    ),
    StreamSpec(
        name="location_custom_fields",
        list_path="/crm/v2/tenant/{tenant}/locations/custom-fields",
        is_freezable=True,
    ),
    StreamSpec(
        name="location_notes",
        list_path="/crm/v2/tenant/{tenant}/locations/{id}/notes",
        key=("locationId", "id"),
        parent=Parent(stream="locations", placeholder="id", field="locationId"),
    ),
)
