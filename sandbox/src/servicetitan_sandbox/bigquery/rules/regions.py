"""Datasets and jobs have a location (https://cloud.google.com/bigquery/docs/locations).

- A job runs in the location that its request names, otherwise in that of the first dataset that it names, otherwise in
  the United States. A dataset elsewhere is not found there.
- Outside of the multi-regions US and EU, a job is found only by requests that name its location.
- `jobReference.location` is true in all answers.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import Depends
from local_bigquery.api import jobs as jobs_api
from local_bigquery.api import uploads
from local_bigquery.app import PREFIX, valid_project
from local_bigquery.catalog import metadata, tables
from local_bigquery.errors import BigQueryError, not_found
from local_bigquery.jobs import runner
from local_bigquery.models import Dataset
from local_bigquery.sql import translate
from sqlglot import exp
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse

from servicetitan_sandbox.bigquery.api_calls import read_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI
    from local_bigquery.models import Job, JobConfiguration, Table
    from starlette.types import ASGIApp, Receive, Scope, Send

DEFAULT = "US"
MULTI_REGIONS = ("us", "eu")

_BY_ID = {"jobs.get", "jobs.cancel", "jobs.getQueryResults", "jobs.delete"}


class Place(NamedTuple):
    """Where a job runs."""

    location: str
    error: BigQueryError | None = None
    """Why it fails there."""


_asked: contextvars.ContextVar[str | None] = contextvars.ContextVar("asked", default=None)
_place: contextvars.ContextVar[Place | None] = contextvars.ContextVar("place", default=None)
_locations: dict[tuple[str, str], str] = {}
"""The location of each job."""


def install(app: FastAPI) -> None:
    """Give jobs their location, and let the API find them only there."""
    runner.submit = _in_place(runner.submit)
    runner._job = _with_location(runner._job)  # noqa: SLF001 - there is no other way in
    tables.defaults = _with_location_of_dataset(tables.defaults)
    jobs_api.with_rows = _with_true_location(jobs_api.with_rows)
    uploads._start = _as_asked(uploads._start)  # noqa: SLF001
    for path, handle in (("jobs", jobs_api.insert_job), ("queries", jobs_api.run_query)):
        _put_first(app, f"{PREFIX}/projects/{{project_id}}/{path}", _as_asked(handle))
    app.add_middleware(_Middleware)


def _put_first(app: FastAPI, path: str, handle: Callable[..., Any]) -> None:
    """Let a function handle POST requests to a path, instead of the one that the emulator has for them."""
    app.add_api_route(
        path, handle, methods=["POST"], dependencies=[Depends(valid_project)], response_model_exclude_unset=True
    )
    app.router.routes.insert(0, app.router.routes.pop())


def place_of_present_job() -> Place:
    """Return where the job of this thread runs."""
    return _place.get() or Place(DEFAULT)


def location_of_dataset(project: str, dataset: str) -> str | None:
    """Return the location of a dataset; None if there is none."""
    found = metadata.load(Dataset, project, dataset)
    return None if found is None else (found.location or DEFAULT)


def same(one: str, other: str) -> bool:
    """Return whether two texts name the same location. Upper and lower case are the same."""
    return one.casefold() == other.casefold()


def datasets_of(project: str, configuration: JobConfiguration) -> Iterator[tuple[str, str]]:
    """Yield the datasets that a job names, as project and name, in the order in which it names them.

    Args:
        project: The project of a dataset that is named without one.
        configuration: The job.
    """
    for reference in _references(configuration):
        if reference and reference.datasetId:
            yield reference.projectId or project, reference.datasetId
    if configuration.query and configuration.query.query:
        yield from _datasets_in(configuration.query.query, project)


def _references(configuration: JobConfiguration) -> Iterator[Any]:
    if configuration.load:
        yield configuration.load.destinationTable
    if copy := configuration.copy_:
        yield from copy.sourceTables or [copy.sourceTable]
        yield copy.destinationTable
    if configuration.query:
        yield configuration.query.defaultDataset
        yield configuration.query.destinationTable


def _datasets_in(statement: str, project: str) -> Iterator[tuple[str, str]]:
    try:
        trees = translate.parse(statement)
    except BigQueryError:
        return  # the job says so
    for tree in trees:
        for table in tree.find_all(exp.Table):
            if table.db:
                yield table.catalog or project, table.db


def _find_place(project: str, configuration: JobConfiguration, asked: str | None) -> Place:
    if same(asked or DEFAULT, DEFAULT) and not _may_be_elsewhere(project, configuration):
        return Place(DEFAULT)
    found = [
        (owner, dataset, location)
        for owner, dataset in datasets_of(project, configuration)
        if (location := location_of_dataset(owner, dataset))
    ]
    here = asked or (found[0][2] if found else DEFAULT)
    for owner, dataset, location in found:
        if not same(location, here):
            error = BigQueryError("notFound", f"Not found: Dataset {owner}:{dataset} was not found in location {here}")
            return Place(here, error)
    return Place(found[0][2] if found else here)


def _may_be_elsewhere(project: str, configuration: JobConfiguration) -> bool:
    """Return whether a job may name a dataset elsewhere. If not, its statement need not be read."""
    names = [reference.projectId for reference in _references(configuration) if reference]
    statement = (configuration.query and configuration.query.query) or ""
    owners = [owner for (owner,) in metadata.fetch(_OWNERS, [DEFAULT.casefold()])]
    return any(owner in {project, *names} or owner in statement for owner in owners)


_OWNERS = "SELECT DISTINCT project_id FROM emulator.datasets WHERE lower(json_extract(resource, '$.location')) <> ?"


def _in_place(submit: Callable[..., Job]) -> Callable[..., Job]:
    @functools.wraps(submit)
    def submit_in_place(project: str, job_id: str, configuration: JobConfiguration, upload: str | None = None) -> Job:
        place = _find_place(project, configuration, _asked.get())
        if place.error and configuration.dryRun:
            raise place.error
        token = _place.set(place)
        try:
            job = submit(project, job_id, configuration, upload)
        finally:
            _place.reset(token)
        if job.jobReference.jobId:
            _locations[project, job_id] = place.location
        return job

    return submit_in_place


def _with_location(make: Callable[..., Job]) -> Callable[..., Job]:
    @functools.wraps(make)
    def make_in_place(project: str, job_id: str | None, configuration: JobConfiguration) -> Job:
        job = make(project, job_id, configuration)
        location = place_of_present_job().location
        return job.replace(
            id=f"{project}:{location}.{job_id}",
            selfLink=f"{PREFIX}/projects/{project}/jobs/{job_id}?location={location}",
            jobReference={**job.jobReference.dump(), "location": location},
        )

    return make_in_place


def _with_location_of_dataset(make: Callable[..., Table]) -> Callable[..., Table]:
    @functools.wraps(make)
    def make_in_place(project: str, dataset: str, table: str) -> Table:
        return make(project, dataset, table).replace(location=location_of_dataset(project, dataset) or DEFAULT)

    return make_in_place


def _with_true_location(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the function that writes the answers of `jobs.query` and `jobs.getQueryResults`."""

    @functools.wraps(answer)
    def answer_truly(payload: dict[str, Any], rows: list[str]) -> Any:  # noqa: ANN401 - a response
        reference = payload["jobReference"]
        if "location" in payload:
            payload = {**payload, "location": reference.location}
        return answer(payload, rows)

    return answer_truly


def _as_asked(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function that handles a request to run a job, so that the location that it names is known."""
    parameters = list(inspect.signature(handle).parameters)

    @functools.wraps(handle)
    def handle_as_asked(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - as the emulator's
        body = {**dict(zip(parameters, args, strict=False)), **options}["body"]
        reference = getattr(body, "jobReference", None)
        token = _asked.set((reference.location if reference else getattr(body, "location", None)) or None)
        try:
            return handle(*args, **options)
        finally:
            _asked.reset(token)

    return handle_as_asked


class _Middleware:
    """Answers requests about jobs that are elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self._app
        call = read_call(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if call and call.kind in _BY_ID:
            project, job_id = call.names["projectId"], call.names["jobId"]
            location = _locations.get((project, job_id))
            if location and not _is_found(location, QueryParams(scope["query_string"]).get("location")):
                error = not_found("Job", f"{project}:{job_id}")
                app = JSONResponse(error.response(), error.code)
        await app(scope, receive, send)


def _is_found(location: str, asked: str | None) -> bool:
    return same(location, asked) if asked else location.casefold() in MULTI_REGIONS
