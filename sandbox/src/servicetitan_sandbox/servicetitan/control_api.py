"""The control API, which the real ServiceTitan does not have: changes records, sets faults, returns the request log."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.errors import ChangeError, UnknownRecordError, UnknownStreamError, UnknownTenantError
from servicetitan_sandbox.models import Fault, ReportChange, Tenant, Unrest
from servicetitan_sandbox.servicetitan.data.table import Table
from servicetitan_sandbox.servicetitan.state import Company, State

NO_CONTENT, BAD_REQUEST, NOT_FOUND = 204, 400, 404

_STATUSES: dict[type[Exception], int] = {
    ChangeError: BAD_REQUEST,
    UnknownRecordError: NOT_FOUND,
    UnknownStreamError: NOT_FOUND,
    UnknownTenantError: NOT_FOUND,
}


def install(app: FastAPI, state: State) -> None:
    """Add the routes under `/control` to the application."""
    router = APIRouter(prefix="/control")
    _add_settings(router, state)
    _add_life(router, state)
    _add_records(router, state)
    _add_extracts(router, state)
    _add_changes(router, state)
    _add_reports(router, state)
    app.include_router(router)
    for error in _STATUSES:
        app.add_exception_handler(error, _answer_error)


async def _answer_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the signature of a handler
    return JSONResponse({"error": str(error)}, _STATUSES[type(error)])


def _add_settings(router: APIRouter, state: State) -> None:
    @router.post("/tenants", status_code=NO_CONTENT)
    async def add_tenant(tenant: Tenant) -> None:
        state.companies[tenant.tenant_id] = Company(tenant)

    @router.post("/faults")
    async def set_fault(fault: Fault) -> dict[str, int]:
        return {"id": state.set_fault(fault)}

    @router.delete("/faults", status_code=NO_CONTENT)
    async def clear_faults() -> None:
        state.faults.clear()

    @router.get("/requests")
    async def requests() -> list[dict[str, object]]:
        return state.log

    @router.delete("/requests", status_code=NO_CONTENT)
    async def clear_requests() -> None:
        state.log.clear()


def _add_life(router: APIRouter, state: State) -> None:
    @router.put("/tenants/{tenant}/unrest", status_code=NO_CONTENT)
    async def set_unrest(tenant: str, unrest: Unrest) -> None:
        state.company(tenant).set_unrest(unrest)

    @router.delete("/tenants/{tenant}/unrest", status_code=NO_CONTENT)
    async def end_unrest(tenant: str) -> None:
        state.company(tenant).set_unrest(None)

    @router.post("/tenants/{tenant}/clock/advance", status_code=NO_CONTENT)
    async def advance_clock(tenant: str, seconds: float) -> None:
        state.company(tenant).clock.advance(seconds)


def _add_records(router: APIRouter, state: State) -> None:
    records = "/tenants/{tenant}/{stream}"

    @router.get(records)
    async def get_records(tenant: str, stream: str) -> Response:
        table = state.company(tenant).table(stream)
        return _json(b"[%b]" % b",".join(table.encode(identifier) for identifier in sorted(table.identifiers())))

    @router.post(records)
    async def insert(tenant: str, stream: str, request: Request) -> Response:
        body = await _body(request)
        parent = state.company(tenant).parent_of(stream, body.get("parent"))
        return _json(exact_json.dumps(state.company(tenant).table(stream).insert(_values(body), parent)))

    @router.patch(records)
    async def update_many(tenant: str, stream: str, request: Request, count: int | None = None) -> dict[str, int]:
        return {"updated": state.company(tenant).table(stream).update_many(_values(await _body(request)), count)}


def _add_extracts(router: APIRouter, state: State) -> None:
    records = "/tenants/{tenant}/{stream}"

    @router.get(records + "/ids")
    async def get_ids(tenant: str, stream: str) -> list[int | str]:
        table = state.company(tenant).table(stream)
        return [table.show(identifier) for identifier in sorted(table.identifiers())]

    @router.get(records + "/parents")
    async def get_parents(tenant: str, stream: str) -> list[int | str | None]:
        return state.company(tenant).parents(stream)

    @router.get(records + "/values")
    async def get_values(tenant: str, stream: str, names: str) -> Response:
        table, wanted = state.company(tenant).table(stream), names.split(",")
        each = (table.record(identifier) for identifier in sorted(table.identifiers()))
        return _json(exact_json.dumps([[record.get(name) for name in wanted] for record in each]))


def _add_reports(router: APIRouter, state: State) -> None:
    @router.put("/tenants/{tenant}/reports/{report}", status_code=NO_CONTENT)
    async def change_report(tenant: str, report: str, change: ReportChange) -> None:
        state.company(tenant).change_report(report, change)


def _add_changes(router: APIRouter, state: State) -> None:
    record = "/tenants/{tenant}/{stream}/{identifier}"

    def look_up(tenant: str, stream: str, identifier: str) -> tuple[Table, int]:
        table = state.company(tenant).table(stream)
        return table, table.parse(identifier)

    @router.patch(record)
    async def update(tenant: str, stream: str, identifier: str, request: Request) -> Response:
        table, number = look_up(tenant, stream, identifier)
        return _json(exact_json.dumps(table.update(number, _values(await _body(request)))))

    @router.delete(record, status_code=NO_CONTENT)
    async def delete(tenant: str, stream: str, identifier: str, *, tombstone: bool = False) -> None:
        table, number = look_up(tenant, stream, identifier)
        table.delete(number, tombstone=tombstone)

    @router.post(record + "/deactivate")
    async def deactivate(tenant: str, stream: str, identifier: str) -> Response:
        table, number = look_up(tenant, stream, identifier)
        return _json(exact_json.dumps(table.deactivate(number)))

    @router.post(record + "/restore")
    async def restore(tenant: str, stream: str, identifier: str) -> Response:
        table, number = look_up(tenant, stream, identifier)
        return _json(exact_json.dumps(table.restore(number)))


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


async def _body(request: Request) -> dict[str, Any]:
    """Return the body with exact numbers. The framework's own parser would make them floats.

    Raises:
        ChangeError: If it is not an object.
    """
    try:
        body = exact_json.loads(await request.body() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ChangeError("the body must be a JSON object")
    return body


def _values(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the `values` of a body.

    Raises:
        ChangeError: If it is neither an object nor null.
    """
    values = body.get("values")
    if values is not None and not isinstance(values, dict):
        raise ChangeError("`values` must be a JSON object")
    return values
