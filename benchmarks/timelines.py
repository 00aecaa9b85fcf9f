"""Recorded runs in BigQuery's time: a JSON file for each, so that they can be drawn again, beside older code."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Span(NamedTuple):
    """A call or a job.

    Attributes:
        start: Seconds since the start of the run.
        end: The same of its end.
        kind: The method that was called, or `job` and the kind of the job.
    """

    start: float
    end: float
    kind: str


@dataclass(frozen=True)
class Recording:
    """A recorded run. All seconds are those of BigQuery's time: the clock stands still while the local one is late.

    Attributes:
        title: What ran.
        version: The code that ran.
        state_seconds: When its STATE came.
        seconds: When it ended.
        spans: Its calls and jobs.
    """

    title: str
    version: str
    state_seconds: float
    seconds: float
    spans: Sequence[Span]

    def save(self, path: Path) -> None:
        """Write it to a file, a line for each span."""
        path.parent.mkdir(parents=True, exist_ok=True)
        values = asdict(self)
        lines = b",\n".join(orjson.dumps(tuple(span)) for span in values.pop("spans"))
        head = orjson.dumps(values).removesuffix(b"}")
        path.write_bytes(b'%b,"spans":[\n%b\n]}\n' % (head, lines))


def load(path: Path) -> Recording:
    """Read what `Recording.save` wrote."""
    raw = orjson.loads(path.read_bytes())
    return Recording(**{**raw, "spans": [Span(*span) for span in raw["spans"]]})
