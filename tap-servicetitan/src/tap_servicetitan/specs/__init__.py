"""The streams as data: one file an API area, one row a stream.

A new stream is one row here and one run of `tools/schemas.py`, which writes its schema file.
"""

from __future__ import annotations

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
from tap_servicetitan.specs.excluded import LEFT_OUT
from tap_servicetitan.specs.spec import EXPORT_PARAMETERS, POSITION, Answer, Kind, Parent, StreamSpec

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

__all__ = [
    "EXPORT_PARAMETERS",
    "LEFT_OUT",
    "POSITION",
    "STREAMS",
    "Answer",
    "Kind",
    "Parent",
    "StreamSpec",
]
