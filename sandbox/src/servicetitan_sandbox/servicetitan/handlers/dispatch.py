"""Calls the handler that answers an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicetitan_sandbox.errors import UnknownRecordError
from servicetitan_sandbox.servicetitan.handlers import feeds, lists, objects, reports
from servicetitan_sandbox.servicetitan.http.page import Page
from servicetitan_sandbox.servicetitan.http.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from servicetitan_sandbox.servicetitan.http.call import Call
    from servicetitan_sandbox.servicetitan.spec.endpoints import Endpoint, ResponseFormat
    from servicetitan_sandbox.servicetitan.state import Company

    Handler = Callable[[Company, Endpoint, Call, int], Page]


def handle(company: Company, endpoint: Endpoint, call: Call, *, back: int = 0) -> Page:
    """Return the page that answers a request with valid parameters.

    Args:
        company: The company that owns the records.
        endpoint: The endpoint that is called.
        call: The request.
        back: Shift the records of a list or feed by this many pages towards the start.

    Raises:
        Problem: If the request cannot be answered.
    """
    return _HANDLERS[endpoint.response_format](company, endpoint, call, back)


def _feed(company: Company, endpoint: Endpoint, call: Call, back: int) -> Page:
    return feeds.page(company.table(endpoint.entity), endpoint, call.query, company.tenant, back=back)


def _list(company: Company, endpoint: Endpoint, call: Call, back: int) -> Page:
    return lists.page(company, endpoint, call.query, _parent(company, endpoint, call), back=back)


def _object(company: Company, endpoint: Endpoint, call: Call, _back: int) -> Page:
    return objects.single(company, endpoint, _parent(company, endpoint, call))


def _part(company: Company, endpoint: Endpoint, call: Call, _back: int) -> Page:
    return objects.parts(company, endpoint, call)


def _record(company: Company, endpoint: Endpoint, call: Call, _back: int) -> Page:
    identifier = _parent(company, endpoint, call) or 0
    return Page(None, head=company.table(endpoint.entity).record(identifier))


def _description(company: Company, endpoint: Endpoint, call: Call, _back: int) -> Page:
    return reports.describe(company, _parent(company, endpoint, call) or 0)


def _report(company: Company, endpoint: Endpoint, call: Call, _back: int) -> Page:
    return reports.run(company, call, _parent(company, endpoint, call) or 0)


def _values(company: Company, _endpoint: Endpoint, call: Call, _back: int) -> Page:
    return reports.values(company, call)


def _parent(company: Company, endpoint: Endpoint, call: Call) -> int | None:
    try:
        return company.descend(endpoint.parents, call.parents)
    except UnknownRecordError as error:
        raise Problem(404, str(error)) from None


_HANDLERS: Mapping[ResponseFormat, Handler] = {
    "array": _list,
    "data": _list,
    "description": _description,
    "feed": _feed,
    "object": _object,
    "pages": _list,
    "part": _part,
    "record": _record,
    "report": _report,
    "values": _values,
}
