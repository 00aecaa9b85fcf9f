"""Answers that are one object: a single record, several lists at once, and the capacity of days to come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.http.page import Page
from servicetitan_sandbox.servicetitan.http.problems import Problem, invalid
from servicetitan_sandbox.servicetitan.spec.endpoints import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from servicetitan_sandbox.servicetitan.http.call import Call
    from servicetitan_sandbox.servicetitan.spec.endpoints import Endpoint
    from servicetitan_sandbox.servicetitan.state import Company

_CAPACITY = "/dispatch/v2/tenant/{tenant}/capacity"
_DAY_BEGINS, _DAY_ENDS = timedelta(hours=8), timedelta(hours=17)


def single(company: Company, endpoint: Endpoint, parent: int | None) -> Page:
    """Return the first record there is: of the parent, if there is one in the path. Without any it is null."""
    table = company.table(endpoint.entity)
    identifiers = sorted(table.identifiers(parent))
    return Page(None, head=table.record(identifiers[0]) if identifiers else None)


def parts(company: Company, endpoint: Endpoint, call: Call) -> Page:
    """Return all lists of a path, each under its name.

    Raises:
        Problem: If the path is that of the capacity, and the body is wrong.
    """
    found = {
        name: [company.table(part.entity).record(each) for each in sorted(company.table(part.entity).identifiers())]
        for name, part in parts_of(endpoint).items()
    }
    if not endpoint.path.startswith(_CAPACITY):
        return Page(None, head=found)
    begin, end = _time_frame(call.body, endpoint.body)
    frames = [frame for record in found["availabilities"] for frame in _frames(record, begin, end)]
    return Page(None, head={"timeStamp": ticks.to_text(company.clock.now()), "availabilities": frames})


def _time_frame(body: bytes, documented: Mapping[str, Any]) -> tuple[datetime, datetime]:
    try:
        given = exact_json.loads(body)
        given = given if isinstance(given, dict) else {}
    except ValueError:
        given = {}
    errors = {name: ["There is no such member."] for name in given.keys() - documented.keys()}
    errors |= {
        name: ["It is required."] for name, facts in documented.items() if facts.get("required") and name not in given
    }
    if errors:
        raise Problem(400, "One or more validation errors occurred.", errors)
    return _time(given, "startsOnOrAfter"), _time(given, "endsOnOrBefore")


def _time(given: Mapping[str, Any], name: str) -> datetime:
    try:
        return datetime.fromisoformat(given[name])
    except (TypeError, ValueError):
        raise invalid(name, f"The value '{given[name]}' is not valid.") from None


def _frames(record: Mapping[str, Any], begin: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    """Yield a time frame for each day, with the other facts of a record."""
    day = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        first, last = day + _DAY_BEGINS, day + _DAY_ENDS
        if begin <= first and last <= end:
            times = {"start": first, "end": last, "startUtc": first, "endUtc": last}
            yield {**record, **{name: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for name, moment in times.items()}}
        day += timedelta(days=1)
