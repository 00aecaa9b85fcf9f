"""The list endpoints of the API that no stream reads, each with the reason.

Together with the specs, these are all lists that the API documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHOLE = "reference data: `{stream}` reads the list whole on every run"
_SAME = "the same records, for one parent at a time, as in `{stream}`"
_DUPLICATE = "the same records as in `{stream}`"
_FEED = "the same records as in `{stream}`, which reads the export feed"
_FILE = "a file, and no records"

EXCLUDED: Mapping[str, str] = {
    "/accounting/v2/tenant/{tenant}/credit-memos/{id}/items": _SAME.format(stream="credit_memo_items"),
    "/accounting/v2/tenant/{tenant}/inventory-bills": f"{_DUPLICATE.format(stream='inventory_bills')}, without pages",
    "/crm/v2/tenant/{tenant}/booking-provider/{booking_provider}/bookings": _SAME.format(stream="bookings"),
    "/crm/v2/tenant/{tenant}/booking-provider/{booking_provider}/bookings/{id}/contacts": _SAME.format(
        stream="booking_contacts"
    ),
    "/crm/v2/tenant/{tenant}/contacts/relationships/{relationshipId}": _SAME.format(stream="contacts"),
    "/crm/v2/tenant/{tenant}/contacts/{contactId}/contact-methods": _SAME.format(stream="contact_methods"),
    "/crm/v2/tenant/{tenant}/contacts/{contactId}/contact-methods/{contactMethodId}/preferences": (
        "needs two keys: one request for every contact method"
    ),
    "/crm/v2/tenant/{tenant}/customers/{id}/contacts": _SAME.format(stream="customer_contacts"),
    "/crm/v2/tenant/{tenant}/locations/{id}/contacts": _SAME.format(stream="location_contacts"),
    "/equipmentsystems/v2/tenant/{tenant}/installed-equipment/attachments": _FILE,
    "/findings/v2/tenant/{tenant}/assets": _FILE,
    "/forms/v2/tenant/{tenant}/jobs/attachment/{id}": _FILE,
    "/jpm/v2/tenant/{tenant}/jobs/cancel-reasons": (
        "answers for given jobs only; `job_canceled_logs` has the reason of every canceled job"
    ),
    "/jpm/v2/tenant/{tenant}/jobs/{id}/canceled-log": _SAME.format(stream="job_canceled_logs"),
    "/jpm/v2/tenant/{tenant}/jobs/{id}/history": _SAME.format(stream="job_history"),
    "/jpm/v2/tenant/{tenant}/jobs/{id}/notes": f"{_SAME.format(stream='job_notes')}, without their key",
    "/jpm/v2/tenant/{tenant}/projects/{id}/notes": f"{_SAME.format(stream='project_notes')}, without their key",
    "/jpm/v2/tenant/{tenant}/work-breakdown-structure/budget-codes/match": "answers for given codes only",
    "/jpm/v2/tenant/{tenant}/work-breakdown-structure/projects/{projectId}/budget-codes/match": (
        "answers for given codes only"
    ),
    "/jpm/v2/tenant/{tenant}/work-breakdown-structure/projects/{projectId}/segments/{segmentId}/items": (
        "needs two keys: one request for every segment of every project"
    ),
    "/jpm/v2/tenant/{tenant}/work-breakdown-structure/projects/{projectId}/segments/{segmentId}/items/{segmentItemId}/children": (  # noqa: E501 - a path
        "needs three keys: one request for every item of every segment of every project"
    ),
    "/jpm/v2/tenant/{tenant}/work-breakdown-structure/segments/{segmentId}/items/{segmentItemId}/children": (
        "part of `work_breakdown_segment_items`, which asks for children too"
    ),
    "/marketing/v2/tenant/{tenant}/campaign-cost-summary": "sums of what is in `campaign_costs`",
    "/marketing/v2/tenant/{tenant}/campaigns/{id}/costs": _SAME.format(stream="campaign_costs"),
    "/memberships/v2/tenant/{tenant}/export/membership-types": _WHOLE.format(stream="membership_types"),
    "/memberships/v2/tenant/{tenant}/export/recurring-service-types": _WHOLE.format(stream="recurring_service_types"),
    "/memberships/v2/tenant/{tenant}/invoice-templates": (
        "answers for given templates only; `invoice_templates` reads the export feed"
    ),
    "/memberships/v2/tenant/{tenant}/memberships/{id}/status-changes": _SAME.format(stream="membership_status_changes"),
    "/payroll/v2/tenant/{tenant}/employees/{employee}/payrolls": _SAME.format(stream="payrolls"),
    "/payroll/v2/tenant/{tenant}/export/activity-codes": _WHOLE.format(stream="activity_codes"),
    "/payroll/v2/tenant/{tenant}/export/gross-pay-items": (
        "its records have no reliable key to apply changes by; `gross_pay_items` reads the list whole on every run"
    ),
    "/payroll/v2/tenant/{tenant}/export/timesheet-codes": _WHOLE.format(stream="timesheet_codes"),
    "/payroll/v2/tenant/{tenant}/jobs/{job}/splits": _SAME.format(stream="job_splits"),
    "/payroll/v2/tenant/{tenant}/jobs/{job}/timesheets": _SAME.format(stream="timesheets"),
    "/payroll/v2/tenant/{tenant}/technicians/{technician}/payrolls": _SAME.format(stream="payrolls"),
    "/pricebook/v2/tenant/{tenant}/export/categories": _WHOLE.format(stream="pricebook_categories"),
    "/pricebook/v2/tenant/{tenant}/export/services": (
        "lacks two fields of the list, which `pricebook_services` reads whole on every run"
    ),
    "/pricebook/v2/tenant/{tenant}/images": _FILE,
    "/pricebook/v2/tenant/{tenant}/materialsmarkup/{id}": "one record of `materials_markup`",
    "/reporting/v2/tenant/{tenant}/dynamic-value-sets/{dynamicSetId}": (
        "needs the id of a set, which only the description of a report names; its columns differ from set to set"
    ),
    "/sales/v2/tenant/{tenant}/estimates/export": f"{_DUPLICATE.format(stream='estimates')}, under an older path",
    "/sales/v2/tenant/{tenant}/opportunities": _FEED.format(stream="opportunities"),
    "/sales/v2/tenant/{tenant}/opportunities/followups": _FEED.format(stream="opportunity_followups"),
    "/sales/v2/tenant/{tenant}/opportunities/{id}": "one record of `opportunities`",
    "/sales/v2/tenant/{tenant}/opportunities/{id}/followups": _SAME.format(stream="opportunity_followups"),
    "/schedulingpro/v2/tenant/{tenant}/routers/{id}/performance": "needs the id of a router, and nothing lists routers",
    "/schedulingpro/v2/tenant/{tenant}/routers/{id}/sessions": "needs the id of a router, and nothing lists routers",
    "/settings/v2/tenant/{tenant}/export/business-units": _WHOLE.format(stream="business_units"),
    "/settings/v2/tenant/{tenant}/export/employees": _WHOLE.format(stream="employees"),
    "/settings/v2/tenant/{tenant}/export/tag-types": _WHOLE.format(stream="tag_types"),
    "/settings/v2/tenant/{tenant}/export/technicians": _WHOLE.format(stream="technicians"),
    "/telecom/v2/tenant/{tenant}/calls": f"{_DUPLICATE.format(stream='call_details')}, in an older version",
    "/telecom/v2/tenant/{tenant}/calls/{id}/recording": _FILE,
    "/telecom/v2/tenant/{tenant}/calls/{id}/voicemail": _FILE,
    "/timesheets/v2/tenant/{tenant}/export/activity-categories": _WHOLE.format(stream="activity_categories"),
    "/timesheets/v2/tenant/{tenant}/export/activity-types": _WHOLE.format(stream="activity_types"),
}
"""Path and reason."""
