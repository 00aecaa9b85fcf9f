"""The bodies of the control APIs: tenants, report changes, faults, and conditions of BigQuery projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZES = {
    "business_units": 8,
    "job_types": 30,
    "technicians": 25,
    "employees": 60,
    "campaigns": 40,
    "activities": 1200,
    "timesheets": 800,
}
"""How many records these streams start with unless a tenant sets a size."""

FaultKind = Literal[
    "status",
    "truncated",
    "html",
    "slow",
    "unauthorized",
    "forbidden",
    "firewall",
    "not_found",
    "rate_limited",
    "shift",
    "repeat_page",
    "endless_feed",
    "moving_feed",
    "unknown_token",
    "wrong_type",
    "null_field",
    "unknown_field",
]

ListOrder = Literal["as_asked", "inactive_first", "newest_first", "shuffled"]
"""The order of lists: as the request asks; or always inactive records first, the last created first, or none at all.

The documents promise none of them, and the last three ignore `sort`.
"""

LastContinueFrom = Literal["next", "same", "null"]
"""The token on the last page of a feed: one that continues behind it, the one that was asked for, or none."""

ALL_STREAMS = "*"
"""Stands for all streams that are not named."""

OTHER_AREAS = "*"
"""Stands for all areas of the API that are not named."""

Seconds = Annotated[float, Field(ge=0)]
Duration = Seconds | tuple[Seconds, Seconds]
"""How long something takes: always the same, or anything between two numbers, which depends on the tenant's seed."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PageCap(_Model):
    """The most records that a page of a list has, whatever `pageSize` asks for."""

    size: Annotated[int, Field(ge=1)]
    manner: Literal["refuse", "heavy", "silent", "lossy"] = "refuse"
    """What a larger `pageSize` does: 400; 504 each time; smaller pages, cut by this size; or pages cut by the size that
    was asked for, of which only so many records come, so that the others are missing though total and `hasMore` look
    right."""


class Tenant(_Model):
    """A tenant: its credentials, its records and its limits."""

    tenant_id: Annotated[str, Field(pattern=r"^\d+$")]
    client_id: str
    client_secret: str
    app_key: str
    seed: int = 1
    """The same seed, id and sizes make the same records."""
    sizes: dict[str, Annotated[int, Field(ge=0)]] = {}
    """How many records each stream starts with; :data:`SIZES` for the streams that are not listed."""
    requests_per_second: Annotated[int, Field(ge=1)] = 60
    most_at_once: dict[str, Annotated[int, Field(ge=1)]] = {}
    """How many requests for an area (the first part of a path) may be on their way at the same time; more get 429. `*`
    for each of the others."""
    served_at_once: dict[str, Annotated[int, Field(ge=1)]] = {}
    """How many requests an area works on at the same time; more stand in line, so that their answers take longer."""
    answer_seconds: Duration = 0
    """How long each answer takes."""
    area_seconds: dict[str, Duration] = {}
    """How long it takes in these areas."""
    token_seconds: Annotated[int, Field(ge=1)] = 900
    """How long a token is valid."""
    clock_skew_seconds: float = 0
    """How far the server's clock is ahead of real time, in the times of changes and in the `Date` header."""
    scopes: frozenset[str] | None = None
    """The areas that the application may read, such as `crm` (the first part of a path). None for all."""
    not_enabled: frozenset[str] = frozenset()
    """The areas that the tenant has not enabled."""
    report_seconds: Annotated[float, Field(ge=0)] = 60
    """How long a report must wait before it runs again."""
    report_pages_are_runs: bool = False
    """Whether each page of a report counts as a run, instead of the first page only."""
    report_hides_pause: bool = False
    """Whether only the title of a refused run says how long to wait, and not a `Retry-After`."""
    report_cells_as_text: bool = False
    """Whether the cells of reports are texts as a person would write them, whatever type their column has."""
    feed_page_size: Annotated[int, Field(ge=1)] = 5000
    """Records on a page of an export feed. The real number is not documented."""
    seconds_per_request: float = 0
    """How far the server's clock moves on with each request, in addition to real time."""
    largest_page: dict[str, PageCap] = {}
    """The caps on numbered pages of lists, by stream; `*` for all others."""
    order: ListOrder = "as_asked"
    """The order of lists."""
    ignores_created_before: bool = False
    """Whether lists silently ignore `createdBefore`."""
    ignores_modified_before: bool = False
    """Whether lists silently ignore `modifiedBefore`."""
    omits_total: bool = False
    """Whether `totalCount` is null although it was asked for."""
    ignores_unknown_parameters: bool = False
    """Whether query parameters that no document names are silently ignored, and not refused."""
    empty_is_no_content: bool = False
    """Whether the answer is 204 when there are no records."""
    last_continue_from: LastContinueFrom = "next"
    """The token on the last page of a feed."""
    omits_zones: bool = False
    """Whether the times in records have no zone."""
    longest_period_days: Annotated[int, Field(ge=1)] | None = None
    """The longest time that `fromUtc` and `toUtc` may enclose; None for any."""


Profile = Literal["as_documented", "as_seen"]

PROFILES: Mapping[Profile, Mapping[str, Any]] = {
    "as_documented": {},
    "as_seen": {
        "order": "inactive_first",
        "largest_page": {
            "accounting_journal_entries": PageCap(size=500),
            "accounting_journal_entries_details": PageCap(size=500),
            "accounting_journal_entries_summary": PageCap(size=500),
            "forms_submissions": PageCap(size=500, manner="heavy"),
            "payroll_gross_pay_items": PageCap(size=500, manner="heavy"),
        },
        "most_at_once": {"telecom": 2},
        "report_pages_are_runs": True,
        "report_hides_pause": True,
        "report_cells_as_text": True,
        "ignores_unknown_parameters": True,
        "empty_is_no_content": True,
        "last_continue_from": "null",
        "omits_zones": True,
        "longest_period_days": 1,
    },
}
"""Habits of the API, as fields of a tenant: what the documents let one expect, and what clients of live tenants met.

Neither takes time: `answer_seconds` does. Of the second, sources are in docs/explanation/api-habits.md.
"""


class Unrest(_Model):
    """Random changes to the records of a tenant, made before each of its requests is answered."""

    streams: Annotated[tuple[str, ...], Field(min_length=1)]
    """The streams whose records change; one that is named twice changes twice as often."""
    most: Annotated[int, Field(ge=0)] = 1
    """The most changes before one request."""
    seed: int = 1
    shifting: bool = False
    """Whether most changes delete a record near the start of a list and insert another one in the same moment: then
    the pages shift, and the totals stay the same."""
    tombstones: frozenset[str] = frozenset()
    """The streams whose feed shows deleted records once more, as inactive."""
    fewest: Annotated[int, Field(ge=0)] = 2
    """A stream with this few records (for deactivations: active records) loses none."""


class ReportField(_Model):
    """A column of a report, as in the report's description."""

    name: str
    label: str
    dataType: Literal["String", "Number", "Boolean", "Date", "Time"]  # noqa: N815 - the API's name


class ReportChange(_Model):
    """A change to a report. It replaces any earlier change."""

    fields: tuple[ReportField, ...] | None = None
    """The new columns; None for the original ones."""
    seed: int = 0
    """A new seed makes new rows."""


class Fault(_Model):
    """A fault in the responses to matching requests.

    If two faults match a request, the older one applies.
    """

    kind: FaultKind
    path: str = "/"
    """Match paths that start with this."""
    stream: str | None = None
    """Match the lists and the feed of this stream; None for all."""
    tenant: str | None = None
    page: Annotated[int, Field(ge=1)] | None = None
    """Match this page of a list. Pages of a feed are counted in full pages from its start."""
    after: Annotated[int, Field(ge=0)] = 0
    """How many matching requests pass before the first failure."""
    times: Annotated[int, Field(ge=1)] | None = None
    """How many requests fail; None for all until the faults are cleared."""
    for_seconds: Annotated[float, Field(gt=0)] | None = None
    """How long requests fail, counted from the first failure; None until the faults are cleared."""
    field: str | None = None
    """For `wrong_type`, `null_field` and `unknown_field`: the field. Dots separate the names of nested fields."""
    status: Annotated[int, Field(ge=500, le=599)] = 503
    """For `status`: the HTTP status."""
    seconds: Annotated[float, Field(gt=0)] = 1.0
    """For `slow`: how long the response takes."""
    retry_after: Annotated[int, Field(ge=0)] | None = None
    """For `rate_limited`: the seconds in `Retry-After`; None omits the header."""

    @model_validator(mode="after")
    def _require_field(self) -> Self:
        if self.kind in {"wrong_type", "null_field"} and not self.field:
            raise ValueError(f"a fault of the kind {self.kind} needs `field`")
        return self


JobKind = Literal["query", "load", "copy", "extract"]

JobErrorReason = Literal[
    "accessDenied",
    "backendError",
    "billingNotEnabled",
    "concurrentUpdate",
    "internalError",
    "invalid",
    "invalidQuery",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "notFound",
    "quotaExceeded",
    "rateLimitExceeded",
    "resourcesExceeded",
]
"""Why a job fails: a reason of BigQuery (https://cloud.google.com/bigquery/docs/error-messages), or `concurrentUpdate`.

The last stands for `invalidQuery` with the text "Could not serialize access to table ... due to concurrent update".
"""


class _JobCondition(_Model):
    """What happens to jobs that are chosen by their kind and text."""

    kind: JobKind | None = None
    """Kind of the jobs; None for all."""
    text: str = ""
    """Something that occurs in their id or their configuration, which includes the statement. Empty for all."""
    times: Annotated[int, Field(ge=1)] = 1
    """To how many of them it happens, counted from the last change of the project's conditions."""


class JobFault(_JobCondition):
    """Makes jobs fail. A job that fails has changed nothing."""

    reason: JobErrorReason
    message: str = ""
    """What BigQuery says; empty for a text that fits the reason."""


class JobHold(_JobCondition):
    """Keeps jobs running for a while before they do anything."""

    seconds: Annotated[float, Field(gt=0)]


class ProjectConditions(_Model):
    """What is different in a project of the local BigQuery from an ordinary one."""

    billing: bool = True
    """Whether the project has billing. Without it, tables expire and no statement may change rows."""
    pace: Annotated[float, Field(gt=0)] | None = None
    """How much faster time passes for what is counted by time; None for the pace of the server."""
    failing_jobs: tuple[JobFault, ...] = ()
    """Jobs that fail. The first that fits a job counts."""
    held_jobs: tuple[JobHold, ...] = ()
    """Jobs that run for longer. The first that fits a job counts."""
    requires_kms_key: bool = False
    """Whether the policy `constraints/gcp.restrictNonCmekServices` holds: nothing is stored without a Cloud KMS key."""
