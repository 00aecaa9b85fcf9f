"""The control API of the local BigQuery, which the real one does not have: sets conditions, and tells what it saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from pydantic import ValidationError

from servicetitan_sandbox.bigquery import conditions
from servicetitan_sandbox.bigquery.rules import traffic

if TYPE_CHECKING:
    from fastapi import FastAPI

_BAD_REQUEST = 400


def install(app: FastAPI) -> None:
    """Add the routes under `/control` to the application."""
    router = APIRouter(prefix="/control")

    @router.patch("/projects/{project}")
    def change(project: str, values: dict[str, Any]) -> dict[str, Any]:
        try:
            return conditions.change(project, **values).model_dump(mode="json")
        except ValidationError as error:
            raise HTTPException(_BAD_REQUEST, str(error)) from error

    @router.get("/stats")
    def stats() -> dict[str, Any]:
        return traffic.stats()

    @router.post("/stats/reset")
    def reset() -> dict[str, Any]:
        traffic.forget()
        return {}

    app.include_router(router)
