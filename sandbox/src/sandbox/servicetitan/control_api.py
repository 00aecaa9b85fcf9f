"""The part of the API that is not ServiceTitan's: it changes records, sets faults, and shows the request log."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sandbox import exact
from sandbox.models import Fault, Tenant
from sandbox.servicetitan.state import Company, State, UnknownStreamError, UnknownTenantError
from sandbox.servicetitan.table import ChangeError, UnknownRecordError

NO_CONTENT, BAD_REQUEST, NOT_FOUND = 204, 400, 404

_REFUSALS: dict[type[Exception], int] = {
    ChangeError: BAD_REQUEST,
    UnknownRecordError: NOT_FOUND,
    UnknownStreamError: NOT_FOUND,
    UnknownTenantError: NOT_FOUND,
}


def install(app: FastAPI, state: State) -> None:
    """Add the routes under `/control` to the application."""
    router = APIRouter(prefix="/control")
    _add_switches(router, state)
    _add_records(router, state)
    _add_changes(router, state)
    app.include_router(router)
    for error in _REFUSALS:
        app.add_exception_handler(error, _refuse)


async def _refuse(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the signature of a handler
    return JSONResponse({"error": str(error)}, _REFUSALS[type(error)])


def _add_switches(router: APIRouter, state: State) -> None:
    @router.post("/tenants", status_code=NO_CONTENT)
    async def add_tenant(tenant: Tenant) -> None:
        state.companies[tenant.tenant_id] = Company(tenant)

    @router.post("/faults")
    async def set_fault(fault: Fault) -> dict[str, int]:
        return {"id": state.faults.set(fault)}

    @router.delete("/faults", status_code=NO_CONTENT)
    async def clear_faults() -> None:
        state.faults.clear()

    @router.get("/requests")
    async def requests() -> list[dict[str, object]]:
        return state.log

    @router.delete("/requests", status_code=NO_CONTENT)
    async def clear_requests() -> None:
        state.log.clear()


def _add_records(router: APIRouter, state: State) -> None:
    records = "/tenants/{tenant}/{stream}"

    @router.get(records)
    async def get_records(tenant: str, stream: str) -> Response:
        table = state.company(tenant).table(stream)
        return _json(b"[%b]" % b",".join(table.encoded(identifier) for identifier in sorted(table.identifiers())))

    @router.post(records)
    async def insert(tenant: str, stream: str, request: Request) -> Response:
        return _json(exact.dumps(state.company(tenant).table(stream).insert(await _values(request))))


def _add_changes(router: APIRouter, state: State) -> None:
    record = "/tenants/{tenant}/{stream}/{identifier}"

    @router.patch(record)
    async def update(tenant: str, stream: str, identifier: int, request: Request) -> Response:
        return _json(exact.dumps(state.company(tenant).table(stream).update(identifier, await _values(request))))

    @router.delete(record, status_code=NO_CONTENT)
    async def delete(tenant: str, stream: str, identifier: int) -> None:
        state.company(tenant).table(stream).delete(identifier)

    @router.post(record + "/deactivate")
    async def deactivate(tenant: str, stream: str, identifier: int) -> Response:
        return _json(exact.dumps(state.company(tenant).table(stream).deactivate(identifier)))

    @router.post(record + "/restore")
    async def restore(tenant: str, stream: str, identifier: int) -> Response:
        return _json(exact.dumps(state.company(tenant).table(stream).restore(identifier)))


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


async def _values(request: Request) -> dict[str, Any] | None:
    """Return `values` of the body, with exact numbers: the framework's own parser makes them floats.

    Raises:
        ChangeError: If the body is not an object, or its `values` is neither an object nor null.
    """
    body = await request.body()
    try:
        values = exact.loads(body or b"{}").get("values")
    except (ValueError, AttributeError):
        raise ChangeError("the body must be a JSON object") from None
    if values is not None and not isinstance(values, dict):
        raise ChangeError("`values` must be a JSON object")
    return values
