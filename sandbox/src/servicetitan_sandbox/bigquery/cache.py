"""Keeps at hand what the emulator would ask its database for again and again.

A MERGE of one row took more than two hundred statements to look things up and to write down how its job goes.
"""

from __future__ import annotations

import functools
import importlib.util
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import orjson
from local_bigquery.engine import database
from local_bigquery.models import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from pathlib import Path

P = ParamSpec("P")
R = TypeVar("R")

_thread = threading.local()


def remembered(look_up: Callable[P, R]) -> Callable[P, R]:
    """Return a function that looks things up, but one that asks once for each thing while `remembering` is at work."""

    @functools.wraps(look_up)
    def found(*args: P.args, **options: P.kwargs) -> R:
        known: dict[object, R] | None = getattr(_thread, "known", None)
        if known is None:
            return look_up(*args, **options)
        question = (look_up, repr((args, options)))
        if question not in known:
            known[question] = look_up(*args, **options)
        return known[question]

    return found


def remembering(operation: Callable[P, R]) -> Callable[P, R]:
    """Return an operation that changes rows and no table, but one in which what was looked up stays true to the end."""

    @functools.wraps(operation)
    def done(*args: P.args, **options: P.kwargs) -> R:
        _thread.known = {}
        try:
            return operation(*args, **options)
        finally:
            _thread.known = None

    return done


class Jobs:
    """The jobs of one process, as JSON: what `local_bigquery.jobs.store` keeps in a table, with three writes a job."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], bytes] = {}

    def save(self, job: Job) -> Job:
        """Keep a job."""
        self._texts[job.jobReference.projectId, job.jobReference.jobId] = orjson.dumps(job.dump())
        return job

    def load(self, project: str, job_id: str) -> Job | None:
        """Return a job, or nothing when it is not known."""
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
        """Return the jobs of a project or of a script, the newest first: in these states, created between two times."""
        found = [
            job
            for job in self._of(project)
            if job.statistics.parentJobId == parent
            and (states is None or job.status.state in states)
            and (first or 0) <= int(job.statistics.creationTime)
            and (last is None or int(job.statistics.creationTime) <= last)
        ]
        return sorted(found, key=lambda job: (-int(job.statistics.creationTime), job.jobReference.jobId))

    def delete(self, project: str, job_id: str) -> None:
        """Forget a job, and those that it consists of."""
        for job in list(self._of(project)):
            if job_id in {job.jobReference.jobId, job.statistics.parentJobId}:
                del self._texts[project, job.jobReference.jobId]

    def _of(self, project: str) -> Iterator[Job]:
        return (Job.model_validate_json(text) for (owner, _), text in list(self._texts.items()) if owner == project)


class Resources:
    """What the projects have: datasets, tables and the like, as JSON, in a file that other processes can go on with.

    The emulator keeps them in DuckDB, which is made for many rows: to look one up takes a millisecond there, and to
    write one down five. SQLite understands the same statements.

    Args:
        path: The file.
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
        """Run a statement. Who may do what with a resource is kept elsewhere, and goes there."""
        if "emulator.iam_policies" in sql:
            database.execute(sql, list(parameters))
        else:
            self.fetch(sql, parameters)

    def close(self) -> None:
        """Close the file."""
        self._sqlite.close()


class _Absent:
    """Finds that a module is not there without looking for it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        if name == self._name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def remember_absence(module: str) -> None:
    """Let an import of a module that is not installed fail at once.

    Python remembers what it could import, and not what it could not: it goes through all folders each time. DuckDB
    tries to import pandas for each parameter of each statement.
    """
    if importlib.util.find_spec(module) is None:
        sys.meta_path.insert(0, _Absent(module))
