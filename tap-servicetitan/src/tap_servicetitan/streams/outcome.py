"""How reading a stream ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ReadStatus(Enum):
    """How reading a stream ended."""

    COMPLETE = "complete"
    """All records were read."""

    INCOMPLETE = "incomplete"
    """What could be read was written, but some records may be missing. The next run reads them again."""

    SKIPPED = "skipped"
    """The tenant does not have the module, or the app may not read it."""

    FAILED = "failed"
    """It could not be read to its end."""


@dataclass(slots=True)
class StreamOutcome:
    """The result of reading a stream, as far as it has been read."""

    status: ReadStatus = ReadStatus.COMPLETE
    records: int = 0
    reason: str = ""
    """Why the stream is not complete."""
