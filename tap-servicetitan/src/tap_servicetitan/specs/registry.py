"""Every stream of the tap.

A new stream is one spec in the file of its API area and one run of `tools/schemas.py`, which writes its schema file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_servicetitan.specs import (
    accounting,
    crm,
    customer_interactions,
    dispatch,
    equipment_systems,
    findings,
    forms,
    inventory,
    jbce,
    jpm,
    marketing,
    marketing_ads,
    marketing_reputation,
    memberships,
    payroll,
    pricebook,
    reporting,
    sales,
    scheduling_pro,
    service_agreements,
    settings,
    task_management,
    telecom,
    timesheets,
)

if TYPE_CHECKING:
    from tap_servicetitan.specs.spec import StreamSpec

STREAMS: tuple[StreamSpec, ...] = (
    *accounting.STREAMS,
    *crm.STREAMS,
    *customer_interactions.STREAMS,
    *dispatch.STREAMS,
    *equipment_systems.STREAMS,
    *findings.STREAMS,
    *forms.STREAMS,
    *inventory.STREAMS,
    *jbce.STREAMS,
    *jpm.STREAMS,
    *marketing.STREAMS,
    *marketing_ads.STREAMS,
    *marketing_reputation.STREAMS,
    *memberships.STREAMS,
    *payroll.STREAMS,
    *pricebook.STREAMS,
    *reporting.STREAMS,
    *sales.STREAMS,
    *scheduling_pro.STREAMS,
    *service_agreements.STREAMS,
    *settings.STREAMS,
    *task_management.STREAMS,
    *telecom.STREAMS,
    *timesheets.STREAMS,
)
"""Every stream of the tap."""
