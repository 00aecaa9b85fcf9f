"""The STATE message that says how reading a stream ended.

Singer has no message for it, and the end of the input proves nothing: a tap that crashes ends in the same way. So a
STATE message has a member beside its value, `"x-read": {"jobs": {"status": "complete"}}`. Targets that do not know it
see a STATE like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from tap_servicetitan.plugin_runtime.redaction import to_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LONGEST_REASON = 2000
"""Characters of a reason. It becomes a row of the target's audit log."""


MOST_FIELDS = 50
"""How many unknown fields a message names."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the target is to sweep: rows in ranges of a property, of which the run has read every record."""

    version: int
    """The version of these records."""
    property: str
    """The property."""
    ranges: Sequence[tuple[int | str | None, int | str | None]]
    """The bounds of the ranges. None is no bound."""
    bookmark: Mapping[str, Any]
    """The bookmark of the stream that is true when the target has swept them."""
    is_over: bool = False
    """Whether all parts of the pass have been swept then."""
    are_times: bool = False
    """Whether the bounds are times. A time belongs to the range that it begins, a key to the one that it ends."""

    def message(self) -> dict[str, Any]:
        """Return what the target is told. A bound that there is not is left out."""
        low, high = ("from", "before") if self.are_times else ("after", "to")
        ranges = [
            {name: bound for name, bound in zip((low, high), bounds, strict=True) if bound is not None}
            for bounds in self.ranges
        ]
        return {"version": self.version, "property": self.property, "ranges": ranges}


def read_message(  # noqa: PLR0913 - all that is to be told
    state: Mapping[str, Any],
    streams: Iterable[str],
    status: str,
    reason: str,
    unknown_fields: Iterable[str] = (),
    *,
    sweep: Sweep | None = None,
) -> dict[str, Any]:
    """Return the message.

    Args:
        state: The state, which covers the records that were written.
        streams: The names that the stream has in the output: more than one if a stream map copies it.
        status: `complete`, `skipped`, `incomplete` or `failed`.
        reason: Why it is not complete. Secrets are masked in it.
        unknown_fields: Paths of fields that the API sends and the schema lacks.
        sweep: What the target is to sweep, if anything.
    """
    fields = [to_line(name) for name in islice(unknown_fields, MOST_FIELDS)]
    read = {
        "status": status,
        **({"reason": to_line(reason)[:LONGEST_REASON]} if reason else {}),
        **({"unknown_fields": fields} if fields else {}),
        **({"swept": sweep.message()} if sweep and sweep.ranges else {}),
    }
    return {"type": "STATE", "value": {"bookmarks": {}, **state}, "x-read": dict.fromkeys(streams, read)}
