"""What the calls of a target are, as far as another target can notice them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Literal

from support.target.schedules.source import STREAM
from target_bigquery_softdelete.bigquery.lease import LEASE_TABLE

if TYPE_CHECKING:
    from support.proxy import Request

Resource = Literal["lease", "table"]
"""What two targets share. All else has the name of one run, or is only added to: it commutes with any other call."""

Shown = Literal["lease", "table", "log"]
"""What a request may show of what other targets do."""

_LEASE = re.compile(rb'"tableId": ?"' + LEASE_TABLE.encode() + b'"')
_JOB = re.compile(rb'"jobId": ?"(\w+?_[0-9a-f]{8})-([a-z_-]+?)-')
_JOBS = re.compile(r"/projects/[^/]+/jobs(\?|$)")
_STATEMENT = re.compile(rb'"query": ?"')
_WRITES = re.compile(rb"\b(MERGE|UPDATE|INSERT|DELETE FROM|CREATE|ALTER|TRUNCATE)\b")


def resource_of(request: Request) -> Resource | None:
    """Return which shared resource a request reads or changes."""
    path = request.path.split("?")[0]
    if _lease_of(path, request.body):
        return "lease"
    if path.endswith("/datasets/bronze/tables") or f"/datasets/bronze/tables/{STREAM}" in path:
        return "table"
    if _STATEMENT.search(request.body) and f"bronze.{STREAM}`".encode() in request.body:
        return "table"
    return None


def _lease_of(path: str, body: bytes) -> bool:
    return path.endswith(f"/tables/{LEASE_TABLE}") or (path.endswith("/tables") and _LEASE.search(body) is not None)


def shown_by(request: Request) -> list[Shown]:
    """Return what a request shows."""
    resource = resource_of(request)
    shown: list[Shown] = [resource] if resource else []
    if request.path.split("?")[0].endswith("/datasets/bronze/tables"):
        shown.append("lease")  # it is in the list, too
    if is_statement(request) and b"etl_logs" in request.body:
        shown.append("log")
    return shown


def is_creation(request: Request) -> bool:
    """Return whether a request makes or changes a dataset or a table that stays, other than the lease."""
    path = request.path.split("?")[0]
    stays = "/datasets" in path and "/datasets/staging/" not in path
    return stays and request.method != "GET" and resource_of(request) != "lease"


def is_read(request: Request) -> bool:
    """Return whether a request changes nothing that another target can notice."""
    return request.method == "GET" or (is_statement(request) and not writes(request))


def may_pass(request: Request) -> bool:
    """Return whether a request need not be held: it reads what no other target changes. Several may come at once."""
    return request.method == "GET" and resource_of(request) is None


def is_statement(request: Request) -> bool:
    """Return whether a request runs a statement."""
    return request.method == "POST" and bool(_STATEMENT.search(request.body))


def writes(request: Request) -> bool:
    """Return whether a request runs a statement that may change the table."""
    return is_statement(request) and bool(_WRITES.search(request.body))


def run_of(request: Request) -> str:
    """Return the run id in a request that runs a job; an empty text in others."""
    job = _JOB.search(request.body)
    return job[1].decode() if job else ""


def unfinished_job(request: Request, answer: bytes) -> tuple[str, str] | None:
    """Return id and location of a job that a request began, unless it is done already."""
    if request.method == "GET" or not _JOBS.search(request.path):
        return None
    job = json.loads(answer)
    reference = job["jobReference"]
    return None if job["status"]["state"] == "DONE" else (reference["jobId"], reference["location"])


def label_of(request: Request) -> str:
    """Return a few words for a request, the same in every schedule."""
    if job := _JOB.search(request.body):
        return f"{request.method} job {job[2].decode()}"
    path = request.path.split("?")[0].rpartition("/projects/")[2].partition("/")[2]
    if path.startswith(("queries/", "jobs/")):
        return "poll"
    if resource_of(request) == "lease":
        return f"{request.method} lease"
    table = re.search(r"tables/(\w+?)(?:__.*)?$", path)
    what = re.sub(r"datasets/(\w+)/tables.*", r"\1", path)
    named = re.search(rb'"tableId": ?"(\w+?)(?:__\w*)?"', request.body)
    return " ".join(filter(None, [request.method, what, table[1] if table else named[1].decode() if named else ""]))
