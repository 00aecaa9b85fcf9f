"""How reading a stream ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from tap_servicetitan.plugin_runtime.plurals import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_servicetitan.api.pages import Key


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


def describe_unread(source: str, unread: Mapping[Key, str]) -> str:
    """Return which child lists were not read, in words.

    Args:
        source: The stream of the parents.
        unread: Why each list was not read, by parent. At least one.
    """
    parent, reason = next(iter(unread.items()))
    were = "was" if len(unread) == 1 else "were"
    return f"{pluralize(len(unread), 'list')} of {source} {were} not read, such as that of {parent}: {reason}"
