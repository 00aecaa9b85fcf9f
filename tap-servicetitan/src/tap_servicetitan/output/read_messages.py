"""The STATE message that says how reading a stream ended.

Singer has no message for it, and the end of the input proves nothing: a tap that crashes ends in the same way. So a
STATE message has a member beside its value, `"x-read": {"jobs": {"status": "complete"}}`. Targets that do not know it
see a STATE like any other.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from tap_servicetitan.plugin_runtime.redaction import to_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LONGEST_REASON = 2000
"""Characters of a reason. It becomes a row of the target's audit log."""


MOST_FIELDS = 50
"""How many unknown fields a message names."""


def read_message(
    state: Mapping[str, Any], streams: Iterable[str], status: str, reason: str, unknown_fields: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the message.

    Args:
        state: The state, which covers the records that were written.
        streams: The names that the stream has in the output: more than one if a stream map copies it.
        status: `complete`, `skipped`, `incomplete` or `failed`.
        reason: Why it is not complete. Secrets are masked in it.
        unknown_fields: Paths of fields that the API sends and the schema lacks.
    """
    fields = [to_line(name) for name in islice(unknown_fields, MOST_FIELDS)]
    read = {
        "status": status,
        **({"reason": to_line(reason)[:LONGEST_REASON]} if reason else {}),
        **({"unknown_fields": fields} if fields else {}),
    }
    return {"type": "STATE", "value": {"bookmarks": {}, **state}, "x-read": dict.fromkeys(streams, read)}
