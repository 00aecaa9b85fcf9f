"""A small company whose figures were worked out by hand, and the rows that the marts must have for it.

Its clock is that of New York, four hours behind UTC from March to November, so that some of its days are not those of
UTC. What must not count is in it, too: rows that were deleted or retired, canceled visits, time that still runs.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from support.singer import activate, record, schema
from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.settings import PiiRule
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.transform.pii import Protection, parse_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Record = dict[str, Any]
Message = dict[str, Any]

TIMEZONE = "America/New_York"

NEVER = "0001-01-01T00:00:00"
"""What ServiceTitan sends for some times that there are not."""

PLUMBING, HEATING = 1, 2
ANN, BEN = 11, 12
RADIO, WEB = 41, 42
GOLD = 81

RECORDS: dict[str, list[Record]] = {
    "business_units": [{"id": PLUMBING, "name": "Plumbing"}, {"id": HEATING, "name": "Heating"}],
    "technicians": [
        {"id": ANN, "name": "Ann", "businessUnitId": PLUMBING},
        {"id": BEN, "name": "Ben", "businessUnitId": HEATING},
    ],
    "campaigns": [
        {"id": RADIO, "name": "Radio", "category": {"id": 5, "name": "Paid"}},
        {"id": WEB, "name": "Web", "category": {"id": 6, "name": "Free"}},
    ],
    "campaign_costs": [
        {"id": 1, "campaignId": RADIO, "year": 2024, "month": 5, "dailyCost": 10},
        {"id": 2, "campaignId": RADIO, "year": 2024, "month": 6, "dailyCost": 5},
    ],
    "jobs": [
        {
            "id": 101,
            "jobStatus": "Completed",
            "businessUnitId": PLUMBING,
            "campaignId": RADIO,
            "createdOn": "2024-05-01T15:00:00Z",
            "completedOn": "2024-05-03T15:00:00Z",
        },
        {  # still the first of May in New York
            "id": 102,
            "jobStatus": "Canceled",
            "businessUnitId": PLUMBING,
            "campaignId": RADIO,
            "createdOn": "2024-05-02T03:00:00Z",
        },
        {
            "id": 103,
            "jobStatus": "Scheduled",
            "businessUnitId": PLUMBING,
            "campaignId": WEB,
            "createdOn": "2024-05-01T16:00:00Z",
        },
        {
            "id": 104,
            "jobStatus": "Completed",
            "businessUnitId": HEATING,
            "campaignId": RADIO,
            "createdOn": "2024-06-03T12:00:00Z",
            "completedOn": "2024-06-04T00:00:00Z",
        },
        {
            "id": 105,
            "jobStatus": "Scheduled",
            "businessUnitId": PLUMBING,
            "campaignId": RADIO,
            "createdOn": "2024-05-01T15:00:00Z",
            "active": False,
        },
        {"id": 106, "jobStatus": "Scheduled", "businessUnitId": PLUMBING, "createdOn": "2024-05-01T15:00:00Z"},
    ],
    "appointments": [
        {"id": 201, "jobId": 101, "start": "2024-05-03T13:00:00Z", "status": "Done"},
        {"id": 202, "jobId": 103, "start": "2024-05-04T13:00:00Z", "status": "Scheduled"},
        {"id": 203, "jobId": 104, "start": "2024-06-03T20:00:00Z", "status": "Done"},
        {"id": 204, "jobId": 102, "start": "2024-05-05T13:00:00Z", "status": "Scheduled", "active": False},
        {"id": 205, "jobId": 101, "start": "2024-05-06T13:00:00Z", "status": "Canceled"},
        {"id": 206, "jobId": 102, "status": "Scheduled"},  # without a time
    ],
    "appointment_assignments": [
        {"id": 301, "technicianId": ANN, "appointmentId": 201, "jobId": 101, "status": "Done"},
        {"id": 302, "technicianId": ANN, "appointmentId": 202, "jobId": 103, "status": "Scheduled"},
        {"id": 303, "technicianId": BEN, "appointmentId": 203, "jobId": 104, "status": "Done"},
        {"id": 304, "technicianId": BEN, "appointmentId": 202, "jobId": 103, "active": False},
        {"id": 305, "technicianId": BEN, "appointmentId": 205, "jobId": 101, "status": "Scheduled"},
        {"id": 306, "technicianId": ANN, "appointmentId": 204, "jobId": 102, "status": "Scheduled"},
    ],
    "timesheets": [
        {
            "id": 401,
            "technicianId": ANN,
            "jobId": 101,
            "appointmentId": 201,
            "dispatchedOn": "2024-05-03T13:00:00Z",
            "arrivedOn": "2024-05-03T13:30:00Z",
            "doneOn": "2024-05-03T15:00:00Z",
            "canceledOn": NEVER,
        },
        {  # past midnight in UTC, but not in New York
            "id": 402,
            "technicianId": BEN,
            "jobId": 104,
            "appointmentId": 203,
            "dispatchedOn": "2024-06-04T00:30:00Z",
            "arrivedOn": "2024-06-04T00:45:00Z",
            "doneOn": "2024-06-04T03:00:00Z",
        },
        {
            "id": 403,
            "technicianId": ANN,
            "jobId": 103,
            "dispatchedOn": "2024-05-03T18:00:00Z",
            "doneOn": "2024-05-03T18:10:00Z",
            "canceledOn": "2024-05-03T18:10:00Z",
        },
        {
            "id": 405,
            "technicianId": ANN,
            "jobId": 101,
            "dispatchedOn": "2024-05-03T18:00:00Z",
            "arrivedOn": "2024-05-03T18:00:00Z",
            "doneOn": "2024-05-03T19:00:00Z",
            "active": False,
        },
        {"id": 404, "technicianId": BEN, "jobId": 103, "arrivedOn": "2024-05-07T12:00:00Z"},
    ],
    "activities": [
        {
            "id": 501,
            "employeeId": ANN,
            "employeeType": "Technician",
            "startTime": "2024-05-03T12:00:00Z",
            "endTime": "2024-05-03T13:00:00Z",
        },
        {
            "id": 502,
            "employeeId": ANN,
            "employeeType": "Technician",
            "jobId": 101,
            "startTime": "2024-05-03T13:00:00Z",
            "endTime": "2024-05-03T15:00:00Z",
        },
        {  # an office employee may have the number of a technician
            "id": 503,
            "employeeId": ANN,
            "employeeType": "Employee",
            "startTime": "2024-05-03T12:00:00Z",
            "endTime": "2024-05-03T20:00:00Z",
        },
        {
            "id": 504,
            "employeeId": ANN,
            "employeeType": "Technician",
            "startTime": "2024-05-03T12:00:00Z",
            "endTime": "2024-05-03T20:00:00Z",
            "active": False,
        },
        {"id": 505, "employeeId": BEN, "employeeType": "Technician", "startTime": "2024-06-05T12:00:00Z"},
    ],
    "invoices": [
        {
            "id": 601,
            "job": {"id": 101},
            "businessUnit": {"id": PLUMBING, "name": "Plumbing, then"},
            "invoiceDate": "2024-05-03T00:00:00Z",
            "subTotalDecimal": 100.10,
            "salesTaxDecimal": 8.01,
            "totalDecimal": 108.11,
            "balanceDecimal": 0,
        },
        {  # corrects the one above
            "id": 602,
            "job": {"id": 101},
            "adjustmentToId": 601,
            "businessUnit": {"id": PLUMBING, "name": "Plumbing, then"},
            "invoiceDate": "2024-05-03T00:00:00Z",
            "subTotalDecimal": -20,
            "salesTaxDecimal": -1.60,
            "totalDecimal": -21.60,
            "balanceDecimal": 0,
        },
        {
            "id": 603,
            "job": {"id": 104},
            "businessUnit": {"id": HEATING, "name": "Heating"},
            "invoiceDate": "2024-06-04T00:00:00Z",
            "subTotalDecimal": 500,
            "salesTaxDecimal": 40,
            "totalDecimal": 540,
            "balanceDecimal": 540,
        },
        {
            "id": 604,
            "job": {"id": 103},
            "businessUnit": {"id": HEATING},
            "invoiceDate": "2024-06-04T00:00:00Z",
            "subTotalDecimal": 7,
            "active": False,
        },
        {
            "id": 605,
            "job": {"id": 101},
            "businessUnit": {"id": PLUMBING},
            "invoiceDate": "2024-05-03T00:00:00Z",
            "subTotalDecimal": 9,
        },
    ],
    "calls": [
        {
            "id": 701,
            "direction": "Inbound",
            "type": "Booked",
            "campaign": {"id": RADIO},
            "createdOn": "2024-05-01T14:00:00Z",
        },
        {  # still May in New York
            "id": 702,
            "direction": "Inbound",
            "type": "Unbooked",
            "campaign": {"id": RADIO},
            "createdOn": "2024-06-01T02:00:00Z",
        },
        {
            "id": 705,
            "direction": "Inbound",
            "type": "Booked",
            "campaign": {"id": RADIO},
            "createdOn": "2024-05-01T14:00:00Z",
            "active": False,
        },
        {"id": 703, "direction": "Outbound", "campaign": {"id": RADIO}, "createdOn": "2024-05-01T14:00:00Z"},
        {
            "id": 704,
            "direction": "Inbound",
            "type": "Booked",
            "campaign": {"id": WEB},
            "createdOn": "2024-05-01T14:00:00Z",
        },
    ],
    "membership_types": [{"id": GOLD, "name": "Gold"}],
    "memberships": [
        {
            "id": 901,
            "membershipTypeId": GOLD,
            "status": "Canceled",
            "from": "2024-01-10T00:00:00Z",
            "to": "2025-01-09T00:00:00Z",
        },
        {"id": 902, "membershipTypeId": GOLD, "status": "Active", "from": "2024-02-01T00:00:00Z", "to": NEVER},
        {
            "id": 903,
            "membershipTypeId": GOLD,
            "status": "Expired",
            "from": "2024-02-05T00:00:00Z",
            "to": "2024-03-31T00:00:00Z",
            "renewedById": 904,
        },
        {"id": 904, "membershipTypeId": GOLD, "status": "Active", "from": "2024-04-01T00:00:00Z"},
    ],
    "membership_status_changes": [
        {  # still March in New York
            "id": 1,
            "membershipId": 901,
            "oldStatus": "Active",
            "newStatus": "Canceled",
            "createdOn": "2024-04-01T02:00:00Z",
        },
        {
            "id": 3,
            "membershipId": 902,
            "oldStatus": "Active",
            "newStatus": "Suspended",
            "createdOn": "2024-03-05T12:00:00Z",
        },
        {
            "id": 4,
            "membershipId": 902,
            "oldStatus": "Suspended",
            "newStatus": "Active",
            "createdOn": "2024-04-10T12:00:00Z",
        },
        {
            "id": 2,
            "membershipId": 903,
            "oldStatus": "Active",
            "newStatus": "Expired",
            "createdOn": "2024-04-01T04:30:00Z",
        },
    ],
}
"""The records by stream, as the tap writes them."""

DELETED = {"jobs": [106], "invoices": [605]}
"""The records that are gone at the source in the second run."""

MAY, JUNE = date(2024, 5, 1), date(2024, 6, 1)

MEMBERSHIPS = "servicetitan__memberships_by_month"
"""The mart that has a row for each month up to now."""

SHARES = ("_share", "_per_cost")
"""What the names of columns with a quotient end in."""

PLACES = ("day", "month", "business_unit_id", "technician_id", "campaign_id", "membership_type_id")
"""What identifies a row of a mart."""

ANSWERS: dict[str, list[Record]] = {
    "servicetitan__revenue_by_day": [
        {
            "day": date(2024, 5, 3),
            "business_unit_id": PLUMBING,
            "business_unit_name": "Plumbing",
            "invoice_count": 2,
            "revenue": Decimal("80.10"),  # 100.10 - 20
            "sales_tax": Decimal("6.41"),
            "billed": Decimal("86.51"),
            "still_owed": 0,
        },
        {
            "day": date(2024, 6, 4),
            "business_unit_id": HEATING,
            "business_unit_name": "Heating",
            "invoice_count": 1,
            "revenue": 500,
            "sales_tax": 40,
            "billed": 540,
            "still_owed": 540,
        },
    ],
    "servicetitan__jobs_funnel": [
        {
            "day": date(2024, 5, 1),
            "business_unit_id": PLUMBING,
            "business_unit_name": "Plumbing",
            "booked": 3,  # 101, 102, 103
            "scheduled": 2,  # 101, 103
            "canceled": 1,  # 102
            "completed": 1,  # 101
            "still_open": 1,  # 103
            "completed_share": 0.333333,
            "canceled_share": 0.333333,
            "average_days_to_completion": 2.0,
        },
        {
            "day": date(2024, 6, 3),
            "business_unit_id": HEATING,
            "business_unit_name": "Heating",
            "booked": 1,
            "scheduled": 1,
            "canceled": 0,
            "completed": 1,
            "still_open": 0,
            "completed_share": 1.0,
            "canceled_share": 0.0,
            "average_days_to_completion": 0.5,
        },
    ],
    "servicetitan__technician_days": [
        {
            "day": date(2024, 5, 3),
            "technician_id": ANN,
            "technician_name": "Ann",
            "business_unit_id": PLUMBING,
            "visits_planned": 1,
            "visits_done": 1,
            "jobs_worked_on": 1,
            "drive_hours": 0.5,
            "work_hours": 1.5,
            "clocked_hours": 3.0,
            "clocked_hours_without_job": 1.0,
            "productive_share": 0.5,
        },
        {
            "day": date(2024, 5, 4),
            "technician_id": ANN,
            "technician_name": "Ann",
            "business_unit_id": PLUMBING,
            "visits_planned": 1,
            "visits_done": 0,
            "jobs_worked_on": 0,
            "drive_hours": 0.0,
            "work_hours": 0.0,
            "clocked_hours": 0.0,
            "clocked_hours_without_job": 0.0,
            "productive_share": None,
        },
        {
            "day": date(2024, 6, 3),
            "technician_id": BEN,
            "technician_name": "Ben",
            "business_unit_id": HEATING,
            "visits_planned": 1,
            "visits_done": 1,
            "jobs_worked_on": 1,
            "drive_hours": 0.25,
            "work_hours": 2.25,
            "clocked_hours": 0.0,
            "clocked_hours_without_job": 0.0,
            "productive_share": None,
        },
    ],
    "servicetitan__campaign_return": [
        {
            "month": MAY,
            "campaign_id": RADIO,
            "campaign_name": "Radio",
            "category_name": "Paid",
            "calls_in": 2,  # 701, 702
            "calls_booked": 1,
            "jobs_booked": 2,  # 101, 102
            "jobs_completed": 1,
            "revenue": Decimal("80.10"),
            "cost": 310,  # 31 days at 10
            "cost_per_job": 155,
            "revenue_per_cost": 0.258387,
        },
        {
            "month": MAY,
            "campaign_id": WEB,
            "campaign_name": "Web",
            "category_name": "Free",
            "calls_in": 1,
            "calls_booked": 1,
            "jobs_booked": 1,  # 103
            "jobs_completed": 0,
            "revenue": 0,
            "cost": 0,
            "cost_per_job": None,
            "revenue_per_cost": None,
        },
        {
            "month": JUNE,
            "campaign_id": RADIO,
            "campaign_name": "Radio",
            "category_name": "Paid",
            "calls_in": 0,
            "calls_booked": 0,
            "jobs_booked": 1,  # 104
            "jobs_completed": 1,
            "revenue": 500,
            "cost": 150,  # 30 days at 5
            "cost_per_job": 150,
            "revenue_per_cost": 3.333333,
        },
    ],
    MEMBERSHIPS: [
        {
            "month": date(2024, month, 1),
            "membership_type_id": GOLD,
            "membership_type_name": "Gold",
            "active_at_end": active,
            "joined": joined,
            "renewed": renewed,
            "canceled": canceled,
            "expired": expired,
        }
        for month, active, joined, renewed, canceled, expired in (
            (1, 1, 1, 0, 0, 0),  # 901 begins
            (2, 3, 2, 0, 0, 0),  # 902 and 903 begin
            (3, 1, 0, 0, 1, 0),  # 901 is canceled and 902 suspended; 903 lasts to the end of the month
            (4, 2, 0, 1, 0, 1),  # 903 has expired, 904 renews it, and 902 is back
            (5, 2, 0, 0, 0, 0),
        )
    ],
}
"""The rows of each mart in order, those of memberships up to May."""


def first_run(streams: Iterable[str]) -> list[Message]:
    """Return the messages of a run that reads these streams completely."""
    return list(_first_run(streams))


def without_fields(messages: Iterable[Message], patterns: list[str]) -> Iterator[Message]:
    """Yield the messages as the tap sends them whose setting `pii` drops fields."""
    rules = parse_rules([PiiRule(fields=patterns, action="drop")], None)
    for message in messages:
        protection = Protection(message["stream"], rules, None)
        if message["type"] == "SCHEMA":
            yield {**message, "schema": protection.schema(message["schema"])}
        elif message["type"] == "RECORD":
            raw = protection.record(msgspec.Raw(msgspec.json.encode(message["record"])))
            yield {**message, "record": msgspec.json.decode(raw)}
        else:
            yield message


def _first_run(streams: Iterable[str]) -> Iterator[Message]:
    for stream in streams:
        yield _schema(stream)
        yield from (record(stream, values, version=1) for values in RECORDS.get(stream, ()))
        yield activate(stream, 1)


def second_run() -> list[Message]:
    """Return the messages of a run in which some records are gone."""
    gone = {"_sdc_deleted_at": "2024-07-01T00:00:00Z"}
    return [
        message
        for stream, ids in DELETED.items()
        for message in (_schema(stream), *(record(stream, {"id": key, **gone}) for key in ids))
    ]


def _schema(stream: str) -> Message:
    [spec] = (spec for spec in STREAMS if spec.name == stream)
    return schema(stream, schema_of(spec)["properties"], spec.key)


def to_compare(mart: str, rows: Iterable[Record]) -> list[Record]:
    """Return the rows of a mart in the order of the answers, shares with six digits; of memberships those up to May."""
    known = [
        {
            name: round(float(value), 6) if name.endswith(SHARES) and value is not None else value
            for name, value in row.items()
        }
        for row in rows
        if mart != MEMBERSHIPS or row["month"] <= MAY
    ]
    place = [name for name in ANSWERS[mart][0] if name in PLACES]
    return sorted(known, key=lambda row: [row[name] for name in place])
