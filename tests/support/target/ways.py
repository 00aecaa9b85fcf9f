"""The ways of rows into their table: in a statement or through a staging table, into a new table or into an old one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, override

import pytest

from target_bigquery_softdelete.sql.merge import NOT_EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterable

STAGED: dict[str, Any] = {"inline_bytes": 0}
"""Settings of a run whose rows all go through staging tables."""

INLINE: dict[str, Any] = {}
"""Those of a run whose rows go in the statements, as few as tests have."""

ALONE: dict[str, Any] = {"on_concurrent_run": "refuse", "run_owner": "test", "dead_owners": ["test"]}
"""Those of a run that keeps others away, as all do unless told otherwise, and that may follow a killed one at once.

Only such a run appends to a new table: a table that others may write into is merged."""

_REQUESTS = {"load": b"/upload/bigquery", "fill": NOT_EMPTY.encode(), "merge": b"MERGE `"}


@dataclass(frozen=True)
class Way:
    """One job on the way of the rows of a run, and whether they go through a staging table."""

    step: Literal["load", "fill", "merge"]
    is_staged: bool

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a run that goes this way."""
        return {**(STAGED if self.is_staged else INLINE), **(ALONE if self.step == "fill" else {})}

    @property
    def is_into_new_table(self) -> bool:
        """Whether the table must not exist before."""
        return self.step == "fill"

    def job(self, table: str) -> str:
        """Return a part of the job's id, and of no other's."""
        return f"-{self.step}-{table}"

    @property
    def request(self) -> bytes:
        """A part of the address or the body of the request that begins the job, and of no other."""
        return _REQUESTS[self.step]

    @override
    def __str__(self) -> str:
        """Return the id of a test."""
        return self.step if self.step == "load" else f"{self.step}-{'staged' if self.is_staged else 'inline'}"


LOAD = Way("load", is_staged=True)
FILLS = (Way("fill", is_staged=True), Way("fill", is_staged=False))
MERGES = (Way("merge", is_staged=True), Way("merge", is_staged=False))
WAYS = (LOAD, *FILLS, *MERGES)
RARER = {FILLS[1], MERGES[0]}
"""The ways that only the long run goes: each differs from one of the others in a part that another one has, too."""


def of(ways: Iterable[Way]) -> dict[str, Any]:
    """Return the arguments of `pytest.mark.parametrize` for a parameter `way`."""
    return {"argnames": "way", "argvalues": [pytest.param(way, marks=marks(way)) for way in ways], "ids": str}


def marks(way: Way) -> list[pytest.MarkDecorator]:
    """Return the marks of a test that goes a way."""
    return [pytest.mark.long] if way in RARER else []
