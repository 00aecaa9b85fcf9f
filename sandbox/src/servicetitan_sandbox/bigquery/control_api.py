"""The control API of the local BigQuery, which the real one does not have: sets conditions, and tells what it saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field, ValidationError

from servicetitan_sandbox.bigquery import conditions
from servicetitan_sandbox.bigquery.rules import traffic

if TYPE_CHECKING:
    from fastapi import FastAPI

_BAD_REQUEST = 400


class Latency(BaseModel):
    """The switch of :func:`~servicetitan_sandbox.bigquery.rules.traffic.set_latency`."""

    scale: float = Field(ge=0)
    seed: int = 1


def install(app: FastAPI) -> None:
    """Add the routes under `/control` to the application."""
    router = APIRouter(prefix="/control")

    @router.patch("/projects/{project}")
    def change(project: str, values: dict[str, Any]) -> dict[str, Any]:
        try:
            return conditions.change(project, **values).model_dump(mode="json")
        except ValidationError as error:
            raise HTTPException(_BAD_REQUEST, str(error)) from error

    _add_traffic(router)
    app.include_router(router)


def _add_traffic(router: APIRouter) -> None:
    """Add the routes about the time that calls and jobs take."""
    router.get("/stats")(traffic.stats)
    router.get("/timeline")(traffic.timeline)

    @router.put("/latency")
    def change(latency: Latency) -> dict[str, Any]:
        traffic.set_latency(latency.scale, latency.seed)
        return {}

    @router.post("/stats/reset")
    def reset() -> dict[str, Any]:
        traffic.forget()
        return {}
