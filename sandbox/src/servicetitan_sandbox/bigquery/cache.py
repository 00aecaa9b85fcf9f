"""Caches that save the emulator most of its own queries.

Without them a MERGE of one row took more than two hundred statements, to look things up and to record the job's state.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING, ParamSpec, TypeVar, override

import orjson
from local_bigquery.engine import database
from local_bigquery.models import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

P = ParamSpec("P")
R = TypeVar("R")

_thread = threading.local()


def cacheable(look_up: Callable[P, R]) -> Callable[P, R]:
    """Wrap a look-up, so that its results are cached while an operation of this thread runs `with_cache`."""

    @functools.wraps(look_up)
    def look_up_once(*args: P.args, **options: P.kwargs) -> R:
        results: dict[object, R] | None = getattr(_thread, "results", None)
        if results is None:
            return look_up(*args, **options)
        key = (look_up, repr((args, options)))
        if key not in results:
            results[key] = look_up(*args, **options)
        return results[key]

    return look_up_once


def with_cache(operation: Callable[P, R]) -> Callable[P, R]:
    """Wrap an operation, so that `cacheable` look-ups in it are cached. It may change rows, but no table."""

    @functools.wraps(operation)
    def run(*args: P.args, **options: P.kwargs) -> R:
        _thread.results = {}
        try:
            return operation(*args, **options)
        finally:
            _thread.results = None

    return run


class Jobs:
    """The jobs of one process, as JSON. `local_bigquery.jobs.store` keeps them in a table, with three writes a job."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], bytes] = {}

    def save(self, job: Job) -> Job:
        """Save a job and return it."""
        self._texts[job.jobReference.projectId, job.jobReference.jobId] = orjson.dumps(job.dump())
        return job

    def load(self, project: str, job_id: str) -> Job | None:
        """Return a job; None if there is no such job."""
        text = self._texts.get((project, job_id))
        return None if text is None else Job.model_validate_json(text)

    def list(
        self,
        project: str,
        states: list[str] | None = None,
        parent: str | None = None,
        first: int | None = None,
        last: int | None = None,
    ) -> list[Job]:
        """Return jobs, the newest first.

        Args:
            project: Their project.
            states: Their states; None for all.
            parent: The script that they belong to; None for jobs of no script.
            first: Earliest time of creation, in milliseconds.
            last: Latest time of creation, in milliseconds.
        """
        jobs = [
            job
            for job in self._of(project)
            if job.statistics.parentJobId == parent
            and (states is None or job.status.state in states)
            and (first or 0) <= int(job.statistics.creationTime)
            and (last is None or int(job.statistics.creationTime) <= last)
        ]
        return sorted(jobs, key=lambda job: (-int(job.statistics.creationTime), job.jobReference.jobId))

    def delete(self, project: str, job_id: str) -> None:
        """Delete a job and its child jobs."""
        for job in list(self._of(project)):
            if job_id in {job.jobReference.jobId, job.statistics.parentJobId}:
                del self._texts[project, job.jobReference.jobId]

    def _of(self, project: str) -> Iterator[Job]:
        return (Job.model_validate_json(text) for (owner, _), text in list(self._texts.items()) if owner == project)


class Resources:
    """The resources of the projects (datasets, tables and others) as JSON, in a file that later processes can open.

    The emulator keeps them in DuckDB, which is made for many rows: reading a resource takes a millisecond there, and
    writing it takes five. SQLite understands the same statements.

    Args:
        path: The SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._sqlite = sqlite3.connect(":memory:", check_same_thread=False, autocommit=True)
        self._sqlite.execute("ATTACH ? AS emulator", [str(path)])
        self._sqlite.execute("PRAGMA emulator.synchronous = OFF")
        for kind, keys in database.RESOURCES.items():
            columns = ", ".join(keys)
            self._sqlite.execute(
                f"CREATE TABLE IF NOT EXISTS emulator.{kind} ({columns}, resource, PRIMARY KEY ({columns}))"
            )

    def fetch(self, sql: str, parameters: Sequence[str] = ()) -> list[tuple[str, ...]]:
        """Run a statement and return its rows."""
        with self._lock:
            return self._sqlite.execute(sql, parameters).fetchall()

    def execute(self, sql: str, parameters: Sequence[str] = ()) -> None:
        """Run a statement. Those about IAM policies go to DuckDB, where the emulator keeps the policies."""
        if "emulator.iam_policies" in sql:
            database.execute(sql, list(parameters))
        else:
            self.fetch(sql, parameters)

    def close(self) -> None:
        """Close the file."""
        self._sqlite.close()


def forbid_import(module: str) -> None:
    """Make the import of a module fail at once, unless it is installed.

    Python caches successful imports, but searches all folders again for a missing module. DuckDB tries to import pandas
    for each parameter of each statement, and eight times for each call of a function in Python.
    """
    if importlib.util.find_spec(module) is None:
        # Not as None in `sys.modules`: DuckDB looks there for modules that are loaded.
        sys.meta_path.insert(0, _Forbidden(module))


class _Forbidden(importlib.abc.MetaPathFinder):
    def __init__(self, module: str) -> None:
        self._module = module

    @override
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == self._module:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
