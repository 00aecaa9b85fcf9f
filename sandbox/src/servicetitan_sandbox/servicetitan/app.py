"""The local ServiceTitan as a web application.

All requests except those of the control API go through :meth:`_Api.handle`: faults, token, app key, rate limit, then
the page. The paths are data, see :mod:`servicetitan_sandbox.servicetitan.spec.endpoints`.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from contextlib import nullcontext, suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, override

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from servicetitan_sandbox import hosting
from servicetitan_sandbox.errors import TokenError
from servicetitan_sandbox.servicetitan import control_api
from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.handlers import dispatch, feeds, page_faults
from servicetitan_sandbox.servicetitan.http import access, faults, parameters
from servicetitan_sandbox.servicetitan.http.call import Call
from servicetitan_sandbox.servicetitan.http.problems import Problem
from servicetitan_sandbox.servicetitan.state import State

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from servicetitan_sandbox.models import Fault
    from servicetitan_sandbox.servicetitan.http.page import Page
    from servicetitan_sandbox.servicetitan.state import Company

TOKEN_PATH = "/connect/token"  # noqa: S105 - a path

_EXPECTED = ("ASGI callable returned without completing response", "Cancel ")
"""What the server complains about begins like this when a test has asked for it: a response cut short, or held back."""
_GZIP_LEVEL = 1
_SMALLEST_GZIP = 500
_HTML = "<!DOCTYPE html><html><head><title>Service unavailable</title></head><body>Please stand by.</body></html>"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def run(port: int = 0) -> None:
    """Serve a ServiceTitan without tenants until a signal arrives.

    The ready line holds `servicetitan.api_url` and `servicetitan.auth_url`.

    Args:
        port: The port; 0 means a free one.
    """
    logging.getLogger("uvicorn.error").addFilter(lambda record: not record.getMessage().startswith(_EXPECTED))
    with hosting.listen(port) as listener:
        api_url = hosting.url(listener)
        ready = {"api_url": api_url, "auth_url": api_url + TOKEN_PATH}
        hosting.serve(build(State()), listener, {"servicetitan": ready}, date_header=False)


def build(state: State) -> FastAPI:
    """Return the application."""
    app = FastAPI(title="Local ServiceTitan", docs_url="/control/docs", openapi_url="/control/openapi.json")
    control_api.install(app, state)
    app.add_route("/{path:path}", _Api(state).handle, methods=_METHODS, include_in_schema=False)
    return app


class _CutResponse(Response):
    """A response whose connection ends in the middle of the body."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


class _Api:
    def __init__(self, state: State) -> None:
        self._state = state

    async def handle(self, request: Request) -> Response:
        """Answer a request and log it."""
        call = Call.of(request, await request.body())
        if company := self._company(call):
            company.meet_request()
        page = self._page_number(call)
        fault = self._state.faults.meet(call, page, company.tenant.tenant_id if company else "")
        try:
            with company.crowd.enter(call.area) if company else nullcontext():
                if company:
                    await company.pace.take_time(call.area, call.path, request.url.query)
                response = await self._respond(call, fault)
        except Problem as problem:
            response = problem.response()
        response.headers["Date"] = self._date(call)
        self._state.log.append(call.log_entry(page, response.status_code, fault.kind if fault else None))
        return response

    def _date(self, call: Call) -> str:
        company = self._company(call)
        return formatdate((company.clock.now() if company else ticks.now()) / ticks.SECOND, usegmt=True)

    def _company(self, call: Call) -> Company | None:
        """Return the company in the path, or with the credentials in a request for a token; None if there is none."""
        if call.path != TOKEN_PATH:
            return self._state.companies.get(call.tenant)
        client = call.form.get("client_id")
        companies = self._state.companies.values()
        return next((company for company in companies if company.tenant.client_id == client), None)

    async def _respond(self, call: Call, fault: Fault | None) -> Response:
        if fault:
            await self._apply_before(call, fault)
        if fault and fault.kind in {"html", "firewall"}:
            return Response(_HTML, 200 if fault.kind == "html" else 403, media_type="text/html")
        response = self._token(call) if call.path == TOKEN_PATH else self._records(call, fault)
        if fault and fault.kind == "truncated":
            return _CutResponse(response.body, response.status_code, dict(response.headers))
        return response

    async def _apply_before(self, call: Call, fault: Fault) -> None:
        """Apply the part of a fault that acts before the request is handled: a delay, a revoked token, an error.

        Raises:
            Problem: If the fault answers with an error.
        """
        if fault.kind == "slow":
            with suppress(asyncio.CancelledError):  # the server stops, and nobody waits for the answer any more
                await asyncio.sleep(fault.seconds)
        if fault.kind == "unauthorized":
            # The client needs a new token, as when a token really expires early.
            self._state.tokens.revoke(call.authorization)
        if problem := faults.problem(fault):
            raise problem

    def _token(self, call: Call) -> Response:
        if call.method != "POST":
            raise Problem(405, "Only POST is allowed.")
        try:
            tenants = [company.tenant for company in self._state.companies.values()]
            return JSONResponse(self._state.tokens.issue(call.form, tenants))
        except TokenError as error:
            return JSONResponse({"error": str(error)}, 400)

    def _records(self, call: Call, fault: Fault | None) -> Response:
        page = self._page(call, fault)
        company = self._company(call)
        if company and company.tenant.empty_is_no_content and page.is_empty:
            return Response(status_code=204)
        return _compress(call, page.encode())

    def _page(self, call: Call, fault: Fault | None) -> Page:
        company = self._admit(call)
        endpoint = call.endpoint
        if endpoint is None:
            raise Problem(404, "There is nothing at this path.")
        if call.method != endpoint.method:
            raise Problem(405, f"Only {endpoint.method} is allowed.")
        if company.tenant.ignores_unknown_parameters:
            call = call.without(parameters.find_undocumented(endpoint, call.query))
        parameters.check(endpoint, call.query)
        page = dispatch.handle(company, endpoint, call, back=1 if fault and fault.kind == "repeat_page" else 0)
        page = page.without_zones() if company.tenant.omits_zones else page
        return page_faults.apply_fault(company, endpoint, page, fault)

    def _admit(self, call: Call) -> Company:
        """Check token, app key, rate limit and scope, and return the company of the token.

        Raises:
            Problem: 401, 403, 404 or 429 if a check fails.
        """
        company = self._state.companies[self._state.tokens.tenant_id(call.authorization)]
        access.check(company.tenant, call.tenant, call.headers.get("st-app-key", ""))
        company.rate_limit.count()
        access.check_scope(company.tenant, call.area)
        return company

    def _page_number(self, call: Call) -> int | None:
        """Return the number of the requested page, as faults count it; None if it has none."""
        company = self._state.companies.get(call.tenant)
        if company is None or call.endpoint is None:
            return None
        if call.endpoint.response_format != "feed":
            return int(text) if (text := call.query.get("page", "1")).isdecimal() else None
        try:
            position = feeds.position(company.table(call.endpoint.entity), call.endpoint.entity, call.query)
        except Problem:
            return None
        return position // company.tenant.feed_page_size + 1


def _compress(call: Call, body: bytes) -> Response:
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in call.headers.get("accept-encoding", "") and len(body) >= _SMALLEST_GZIP:
        body = gzip.compress(body, _GZIP_LEVEL)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type="application/json")
