"""What the control API takes: tenants and faults."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SIZES = {
    "business_units": 8,
    "job_types": 30,
    "technicians": 25,
    "employees": 60,
    "campaigns": 40,
    "activities": 1200,
    "timesheets": 800,
}
"""How many records a stream starts with when a tenant does not say."""

FaultKind = Literal[
    "status",
    "truncated",
    "html",
    "slow",
    "unauthorized",
    "forbidden",
    "not_found",
    "rate_limited",
    "shift",
    "repeat_page",
    "endless_feed",
    "moving_feed",
    "unknown_token",
    "wrong_type",
    "unknown_field",
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tenant(_Model):
    """A company, its credentials and its limits."""

    tenant_id: Annotated[str, Field(pattern=r"^\d+$")]
    client_id: str
    client_secret: str
    app_key: str
    seed: int = 1
    """The same seed, id and sizes make the same records."""
    sizes: dict[str, Annotated[int, Field(ge=0)]] = {}
    """Number of records by stream; :data:`SIZES` for the streams that are not named."""
    requests_per_second: Annotated[int, Field(ge=1)] = 60
    token_seconds: Annotated[int, Field(ge=1)] = 900
    """How long a token is valid."""
    clock_skew_seconds: float = 0
    """How far the server's clock is ahead of the real time: in the times of changes and in the header `Date`."""
    scopes: frozenset[str] | None = None
    """The areas that the application may read, such as `crm`: the first part of a path. None for all."""
    not_enabled: frozenset[str] = frozenset()
    """The areas that the tenant does not have."""
    report_seconds: Annotated[float, Field(ge=0)] = 60
    """How long the same report does not run again."""
    report_pages_are_runs: bool = False
    """Whether each page of a report counts as a run, and not only the first one."""
    feed_page_size: Annotated[int, Field(ge=1)] = 5000
    """Records on a page of an export feed: the real number is not documented."""


class ReportField(_Model):
    """A column of a report, as its description has it."""

    name: str
    label: str
    dataType: Literal["String", "Number", "Boolean", "Date", "Time"]  # noqa: N815 - the API's name


class ReportChange(_Model):
    """A change to a report. It replaces the change before."""

    fields: tuple[ReportField, ...] | None = None
    """The columns from now on; None for those that it had at first."""
    seed: int = 0
    """Another seed makes other rows."""


class Fault(_Model):
    """Something that goes wrong with the requests that match.

    A request that two faults match gets the one that was set first.
    """

    kind: FaultKind
    path: str = "/"
    """Start of the path."""
    stream: str | None = None
    """The list and the feed of one stream."""
    tenant: str | None = None
    page: Annotated[int, Field(ge=1)] | None = None
    """The page of a list; of a feed counted in full pages from its start."""
    after: Annotated[int, Field(ge=0)] = 0
    """How many matching requests pass before the first one fails."""
    times: Annotated[int, Field(ge=1)] | None = None
    """How many requests fail; None until the faults are cleared."""
    for_seconds: Annotated[float, Field(gt=0)] | None = None
    """How long requests fail, from the first that does; None until the faults are cleared."""
    field: str | None = None
    """For `wrong_type` and `unknown_field`: the field, with dots between its names where it is inside another."""
    status: Annotated[int, Field(ge=500, le=599)] = 503
    """For `status`: which one."""
    seconds: Annotated[float, Field(gt=0)] = 1.0
    """For `slow`: how long the answer takes."""
    retry_after: Annotated[int, Field(ge=0)] | None = None
    """For `rate_limited`: seconds in `Retry-After`; None leaves the header out."""

    @model_validator(mode="after")
    def _names_a_field(self) -> Self:
        if self.kind == "wrong_type" and not self.field:
            raise ValueError("a fault of the kind wrong_type needs `field`")
        return self
