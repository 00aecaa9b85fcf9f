"""What each kind of endpoint answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicetitan_sandbox.servicetitan.data.table import UnknownRecordError
from servicetitan_sandbox.servicetitan.handlers import feeds, lists, reports
from servicetitan_sandbox.servicetitan.http.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from servicetitan_sandbox.servicetitan.http.call import Call
    from servicetitan_sandbox.servicetitan.http.page import Page
    from servicetitan_sandbox.servicetitan.spec.endpoints import Answer, Endpoint
    from servicetitan_sandbox.servicetitan.state import Company

    Reader = Callable[[Company, Endpoint, Call, int], Page]


def read(company: Company, endpoint: Endpoint, call: Call, *, back: int = 0) -> Page:
    """Return the answer to a request whose parameters are right.

    Args:
        company: Whose data it is.
        endpoint: What is asked.
        call: The request.
        back: How many pages before the one asked for the records come from.

    Raises:
        Problem: If there is none.
    """
    return _READERS[endpoint.answer](company, endpoint, call, back)


def _feed(company: Company, endpoint: Endpoint, call: Call, back: int) -> Page:
    return feeds.page(company.table(endpoint.entity), endpoint, call.query, company.tenant.feed_page_size, back=back)


def _list(company: Company, endpoint: Endpoint, call: Call, back: int) -> Page:
    parent = _parent(company, endpoint, call)
    return lists.page(company.table(endpoint.entity), endpoint, call.query, parent, back=back)


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


_READERS: Mapping[Answer, Reader] = {
    "array": _list,
    "data": _list,
    "description": _description,
    "feed": _feed,
    "pages": _list,
    "report": _report,
    "values": _values,
}
