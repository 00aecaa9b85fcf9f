"""The state that an earlier run left: which of its bookmarks this run may use.

A bookmark of another tenant or environment would skip everything that is older than it. So would one with a time that
is still to come. Both are left out, and their streams are read in full.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_servicetitan.replication.bookmark import Bookmark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tap_servicetitan.settings import Settings

TENANT, ENVIRONMENT = "tenant", "environment"
"""The parts of a bookmark that say whose it is."""

TOLERANCE = timedelta(minutes=5)
"""How far a time in a bookmark may be ahead of the server's clock. The clocks of its machines differ a little."""


def identity(settings: Settings) -> dict[str, str]:
    """Return whose data a run reads, as each bookmark says it."""
    return {TENANT: settings.tenant_id, ENVIRONMENT: settings.environment}


@dataclass(frozen=True, slots=True)
class SavedState:
    """The bookmarks of a state, by stream."""

    used: dict[str, Any] = field(default_factory=dict)
    """Those that this run may use."""
    refused: dict[str, list[str]] = field(default_factory=dict)
    """The streams whose bookmarks it may not use, by reason."""

    def warnings(self) -> Iterator[str]:
        """Yield a line per reason for which bookmarks are not used."""
        for reason, streams in self.refused.items():
            yield f"state: {reason}. Not used, so these streams are read in full: {', '.join(sorted(streams))}"


def sort_out(state: object, owner: Mapping[str, str], now: datetime) -> SavedState:
    """Return which bookmarks of a state may be used.

    Args:
        state: A Singer state, as it came.
        owner: Whose data the run reads.
        now: The time (UTC) by the server's clock.
    """
    sorted_out = SavedState()
    bookmarks = state.get("bookmarks") if isinstance(state, dict) else state
    if bookmarks is not None and not isinstance(bookmarks, dict):
        sorted_out.refused["it has no bookmarks by stream"] = ["all"]
        return sorted_out
    for stream, bookmark in (bookmarks or {}).items():
        if not bookmark:
            continue  # a stream that was announced, and not read
        if reason := _refusal(bookmark, owner, now):
            sorted_out.refused.setdefault(reason, []).append(stream)
        else:
            sorted_out.used[stream] = copy.deepcopy(bookmark)  # the streams change theirs in place
    return sorted_out


def _refusal(bookmark: object, owner: Mapping[str, str], now: datetime) -> str | None:
    """Return why a bookmark may not be used, or None if it may."""
    if not isinstance(bookmark, dict):
        return "a bookmark is not an object"
    if owner.keys() - bookmark.keys():
        return "a bookmark does not say whose it is"
    if any(bookmark[name] != value for name, value in owner.items()):
        whose = f"tenant {bookmark[TENANT]} ({bookmark[ENVIRONMENT]})"
        return f"a bookmark is of {whose}, and this run reads tenant {owner[TENANT]} ({owner[ENVIRONMENT]})"
    try:
        latest = Bookmark.parse(bookmark).latest_time
    except ValueError as error:
        return f"a bookmark cannot be read ({error})"
    if latest and latest > now + TOLERANCE:
        return f"a bookmark has a time to come ({latest.isoformat()})"
    return None
